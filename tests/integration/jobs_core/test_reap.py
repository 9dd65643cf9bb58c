"""What a crash left behind is found and set going again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from academy.core import clock
from academy.jobs import lease, reap
from academy.jobs.models import Job, JobAttempt
from academy.jobs.states import JobState, Outcome
from tests.support.jobs import (
    claim,
    in_threads,
    let_lease_expire,
    make_job,
    publish,
    run,
    state_of,
)


def test_a_lost_worker_costs_one_loss_and_the_job_is_queued_anew(tenant):
    job = make_job(tenant)
    claim(job)
    let_lease_expire(job)
    assert reap.reap_leases() == 1
    assert (state_of(job), job.losses, job.version, job.failures) == ("queued", 1, 2, 0)
    attempt = JobAttempt.objects.get(job=job)
    assert attempt.outcome == "lost"
    assert attempt.ended_at is not None
    assert reap.reap_leases() == 0


def test_a_live_lease_and_one_that_ran_out_this_moment_are_left_alone(tenant):
    live, just_over = make_job(tenant), make_job(tenant)
    claim(live)
    claim(just_over)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job SET lease_until = clock_timestamp() - interval '0.2 s' WHERE id = %s",
            [just_over.pk],
        )
    assert reap.reap_leases() == 0
    assert (state_of(live), state_of(just_over)) == ("running", "running")


def test_the_third_loss_is_the_last(tenant, handlers, settings):
    settings.JOB_MAX_LOSSES = 3
    ended: list[tuple[str, str]] = []
    name = handlers.kind(on_ended=lambda job: ended.append((job.state, job.error_code)))
    job = make_job(tenant, name)
    for losses in (1, 2, 3):
        claim(job)
        let_lease_expire(job)
        assert reap.reap_leases() == 1
        assert state_of(job) == ("dead" if losses == 3 else "queued")
        assert job.losses == losses
    assert (job.error_code, job.error_params) == ("worker_lost", {"losses": 3})
    assert ended == [("dead", "worker_lost")]


def test_losses_count_whoever_finds_them(tenant, settings):
    """A redelivered message takes over by itself, but never for the last loss."""
    settings.JOB_MAX_LOSSES = 3
    job = make_job(tenant)
    for attempt in (1, 2, 3):
        assert claim(job).attempt == attempt
        let_lease_expire(job)
    refused = lease.claim(job.pk, job.version, worker=lease.Worker("w"), delivery=lease.Delivery())
    assert refused == lease.Refusal(JobState.RUNNING)
    assert reap.reap_leases() == 1
    assert state_of(job) == "dead"


def test_a_dead_child_found_by_the_reaper_ends_its_parent(tenant, settings):
    settings.JOB_MAX_LOSSES = 1
    parent = make_job(tenant, "test.fan_out", params={"children": 2})
    run(parent)
    first, second = Job.unscoped.filter(parent=parent).order_by("child_key")
    claim(first)
    let_lease_expire(first)
    reap.reap_leases()
    assert (state_of(first), state_of(second)) == ("dead", "cancelled")
    assert (state_of(parent), parent.error_params["reason"]) == ("failed", "worker_lost")


def test_a_domain_whose_hook_fails_holds_up_no_other_job(tenant, handlers, settings, caplog):
    settings.JOB_MAX_LOSSES = 1

    def broken(job):
        raise RuntimeError("a bug in a hook")

    bad = make_job(tenant, handlers.kind(on_ended=broken))
    good = make_job(tenant, handlers.kind(on_ended=lambda job: None))
    settings.JOB_MAX_LOSSES = 2
    other = make_job(tenant)
    for job in (bad, good, other):
        claim(job)
    let_lease_expire(bad, good, other)
    Job.unscoped.filter(pk__in=[bad.pk, good.pk]).update(losses=1)
    assert reap.reap_leases() == 2
    assert (state_of(bad), state_of(good), state_of(other)) == ("running", "dead", "queued")
    assert str(bad.pk) in caplog.text


@pytest.mark.django_db(transaction=True)
def test_reapers_side_by_side_count_one_loss_once(tenant):
    jobs = [make_job(tenant) for _ in range(30)]
    for job in jobs:
        claim(job)
    let_lease_expire(*jobs)
    moved = in_threads(4, lambda number: reap.reap_leases())
    assert sum(moved) == 30
    assert set(Job.unscoped.values_list("state", "losses", "version")) == {("queued", 1, 2)}


@pytest.mark.django_db(transaction=True)
def test_a_reaper_and_a_late_settle_at_the_same_moment_leave_one_winner(tenant):
    done = lease.Settlement(JobState.SUCCEEDED, Outcome.SUCCEEDED)
    for _ in range(20):
        job = make_job(tenant)
        held = claim(job)
        let_lease_expire(job)
        moved, ended = in_threads(
            2, lambda number, held=held: lease.settle(held, done) if number else reap.reap_leases()
        )
        assert (moved, ended) in {(1, None), (0, JobState.SUCCEEDED)}
        assert state_of(job) == ("queued" if moved else "succeeded")


def test_a_message_that_was_lost_is_published_again_and_either_copy_is_good(tenant, settings):
    settings.JOB_REPUBLISH_SECONDS = 60
    job = make_job(tenant)
    (first,) = publish()
    assert reap.republish_unanswered() == 0
    Job.unscoped.filter(pk=job.pk).update(published_at=clock.now() - timedelta(seconds=61))
    assert reap.republish_unanswered() == 1
    (second,) = publish()
    assert first == second
    assert run(job, version=first.version) == "done"
    assert job.state == "succeeded"
    assert run(job, version=second.version) == "done"
    assert job.attempt == 1


def test_a_running_job_is_never_published_again(tenant, settings):
    settings.JOB_REPUBLISH_SECONDS = 1
    job = make_job(tenant)
    publish()
    claim(job)
    Job.unscoped.filter(pk=job.pk).update(published_at=clock.now() - timedelta(hours=1))
    assert reap.republish_unanswered() == 0
    assert state_of(job) == "running"
