"""Claim, heartbeat, settle: one attempt at a time, and none after its time."""

from __future__ import annotations

import threading
from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import connection

from academy.jobs import flow, kinds, lease, reap
from academy.jobs.models import JobAttempt, JobEvent
from academy.jobs.states import JobState, Outcome
from tests.support.jobs import (
    DELIVERY,
    WORKER,
    claim,
    in_threads,
    let_lease_expire,
    make_job,
    publish,
    state_of,
)

SUCCESS = lease.Settlement(JobState.SUCCEEDED, Outcome.SUCCEEDED, result={"by": "me"})


def _try(job, version: int = 1, worker: str = "w") -> lease.Claim | lease.Refusal:
    return lease.claim(job.pk, version, worker=lease.Worker(worker), delivery=DELIVERY)


@pytest.mark.django_db(transaction=True)
def test_of_many_deliveries_of_one_message_exactly_one_claims(tenant):
    for _ in range(10):
        job = make_job(tenant)
        answers = in_threads(8, lambda number, job=job: _try(job, worker=f"w{number}"))
        won = [answer for answer in answers if isinstance(answer, lease.Claim)]
        lost = [answer for answer in answers if isinstance(answer, lease.Refusal)]
        assert len(won) == 1
        assert [answer.state for answer in lost] == [JobState.RUNNING] * 7
        assert JobAttempt.objects.filter(job=job).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_that_would_take_over_exactly_one_does(tenant):
    for _ in range(10):
        job = make_job(tenant)
        claim(job)
        let_lease_expire(job)
        answers = in_threads(6, lambda number, job=job: _try(job, worker=f"w{number}"))
        won = [answer for answer in answers if isinstance(answer, lease.Claim)]
        assert [answer.attempt for answer in won] == [2]
        assert list(
            JobAttempt.objects.filter(job=job).values_list("number", "outcome").order_by("number")
        ) == [
            (1, "lost"),
            (2, ""),
        ]


def test_a_claim_opens_an_attempt_with_what_the_queue_said(tenant):
    job = make_job(tenant)
    publish()
    held = lease.claim(
        job.pk, 1, worker=lease.Worker("host/1", "gpu"), delivery=lease.Delivery("m-7", 3)
    )
    assert isinstance(held, lease.Claim)
    attempt = JobAttempt.objects.get(job=job, number=1)
    assert (attempt.worker, attempt.host_kind) == ("host/1", "gpu")
    assert (attempt.message_id, attempt.receive_count, attempt.outcome) == ("m-7", 3, "")


@pytest.mark.parametrize("version", [0, 2, 99])
def test_a_message_for_another_version_of_the_row_claims_nothing(tenant, version: int):
    job = make_job(tenant)
    refused = _try(job, version)
    assert refused == lease.Refusal(JobState.QUEUED, stale=True)
    assert state_of(job) == "queued"


def test_a_message_for_no_row_at_all_is_told_apart(db):
    found = lease.claim(uuid4(), 1, worker=WORKER, delivery=DELIVERY)
    assert found == lease.Refusal(None)


def test_a_newer_version_of_a_kind_is_left_to_newer_workers(tenant, handlers):
    name = handlers.kind(version=2)
    newer = make_job(tenant, name, kind_version=3)
    assert _try(newer) == lease.Refusal(JobState.QUEUED, known_kind=False)
    for version in (1, 2):
        assert isinstance(_try(make_job(tenant, name, kind_version=version)), lease.Claim)


def test_a_kind_that_is_gone_is_released_unclaimed(tenant, handlers, monkeypatch):
    job = make_job(tenant, handlers.kind(name="made.gone"))
    monkeypatch.delitem(kinds._kinds, "made.gone")
    assert _try(job) == lease.Refusal(JobState.QUEUED, known_kind=False)
    assert state_of(job) == "queued"


def test_a_live_lease_is_not_taken_over_and_an_expired_one_is(tenant):
    job = make_job(tenant)
    first = claim(job)
    assert _try(job) == lease.Refusal(JobState.RUNNING)
    let_lease_expire(job)
    second = _try(job, worker="second")
    assert isinstance(second, lease.Claim)
    assert (first.attempt, second.attempt) == (1, 2)
    job.refresh_from_db()
    assert (job.losses, job.lease_owner) == (1, "second")
    assert JobEvent.objects.filter(job=job).values_list("type", flat=True).last() == "taken_over"


def test_a_worker_that_was_paused_beyond_its_lease_can_write_nothing(tenant):
    job = make_job(tenant)
    paused = claim(job)
    let_lease_expire(job)
    current = _try(job, worker="second")
    assert isinstance(current, lease.Claim)

    beat = lease.Beat(job.pk, paused.attempt, lease.Progress("stale", 99.0, None))
    with connection.cursor() as cursor:
        assert lease.renew([beat], cursor) == {}
    assert not lease.save_checkpoint(paused, {"stale": True})
    for state, outcome in [
        (JobState.SUCCEEDED, Outcome.SUCCEEDED),
        (JobState.FAILED, Outcome.PERMANENT),
        (JobState.QUEUED, Outcome.RELEASED),
        (JobState.WAITING, Outcome.WAITING),
        (JobState.RETRY_WAIT, Outcome.TRANSIENT),
        (JobState.CANCELLED, Outcome.CANCELLED),
    ]:
        assert lease.settle(paused, lease.Settlement(state, outcome, error_code="x")) is None

    job.refresh_from_db()
    assert (job.state, job.attempt, job.percent, job.step, job.checkpoint) == (
        "running",
        2,
        0.0,
        "",
        {},
    )
    assert JobAttempt.objects.get(job=job, number=1).outcome == "lost"
    assert lease.settle(current, SUCCESS) is JobState.SUCCEEDED


def test_a_lease_that_ran_out_but_was_taken_by_nobody_may_still_end_the_job(tenant):
    job = make_job(tenant)
    held = claim(job)
    let_lease_expire(job)
    assert lease.settle(held, SUCCESS) is JobState.SUCCEEDED


def test_an_attempt_ends_once(tenant):
    held = claim(make_job(tenant))
    assert lease.settle(held, SUCCESS) is JobState.SUCCEEDED
    assert lease.settle(held, replace(SUCCESS, result={"by": "again"})) is None


def test_a_heartbeat_extends_every_lease_and_stores_progress_that_never_goes_back(tenant):
    jobs = [make_job(tenant) for _ in range(3)]
    held = [claim(job) for job in jobs]
    let_lease_expire(*jobs)
    for percents in ([10.0, 50.0, None], [5.0, 60.0, None]):
        beats = [
            lease.Beat(one.job_id, one.attempt, p and lease.Progress("s", p, 1.5))
            for one, p in zip(held, percents, strict=True)
        ]
        with connection.cursor() as cursor:
            answer = lease.renew(beats, cursor)
            cursor.execute("SELECT count(*) FROM job WHERE lease_until > clock_timestamp()")
            assert cursor.fetchone() == (3,)
        assert answer == {(one.job_id, 1): False for one in held}
    for job in jobs:
        job.refresh_from_db()
    assert [(job.percent, job.step) for job in jobs] == [(10.0, "s"), (60.0, "s"), (0.0, "")]


@pytest.mark.django_db(transaction=True)
def test_a_settle_and_a_takeover_at_the_same_moment_leave_one_winner(tenant):
    settled = taken = 0
    for _ in range(30):
        job = make_job(tenant)
        held = claim(job)
        let_lease_expire(job)
        ended, other = in_threads(
            2,
            lambda number, job=job, held=held: (
                lease.settle(held, SUCCESS) if number == 0 else _try(job, worker="second")
            ),
        )
        if ended is not None:
            settled += 1
            assert isinstance(other, lease.Refusal)
            assert state_of(job) == "succeeded"
        else:
            taken += 1
            assert isinstance(other, lease.Claim)
            assert (state_of(job), job.attempt) == ("running", 2)
    assert settled + taken == 30


@pytest.mark.django_db(transaction=True)
def test_heartbeats_over_many_rows_do_not_deadlock_with_a_cascade_over_the_same_rows(tenant):
    parent = make_job(tenant)
    for _ in range(6):
        children = [make_job(tenant, parent=parent) for _ in range(30)]
        held = [claim(child) for child in children]
        backwards = [lease.Beat(one.job_id, one.attempt) for one in reversed(held)]
        done = threading.Event()

        def beat(backwards=backwards, done=done) -> None:
            while not done.is_set():
                with connection.cursor() as cursor:
                    lease.renew(backwards, cursor)

        def cancel(done=done) -> None:
            try:
                flow.cancel_children(parent.pk)
            finally:
                done.set()

        in_threads(2, lambda number: beat() if number else cancel())
    assert reap.reap_leases() == 0
