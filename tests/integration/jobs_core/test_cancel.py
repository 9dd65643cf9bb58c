"""Cancel, in every state and at every moment."""

from __future__ import annotations

import threading

import pytest

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs import cancel, lease, reap
from academy.jobs.context import Done
from academy.jobs.errors import TransientError
from academy.jobs.keeper import Held, LeaseKeeper
from academy.jobs.models import JobAttempt, JobEvent
from academy.jobs.states import TERMINAL, JobState, Outcome
from tests.support.jobs import (
    claim,
    drain,
    in_threads,
    let_lease_expire,
    make_job,
    make_tenant,
    publish,
    run,
    state_of,
)


def _cancel(job):
    return cancel.job_cancel(tenant=job.tenant_id, job_id=job.pk)


def test_a_job_that_nobody_works_on_is_cancelled_at_once(tenant):
    queued = make_job(tenant, priority=9)
    published = make_job(tenant, priority=0)
    assert [row.id for row in publish(limit=1)] == [published.pk]
    waiting = make_job(tenant, "test.fan_out")
    run(waiting)
    retrying = make_job(tenant, "test.transient")
    run(retrying)
    for job, before in [
        (queued, "queued"),
        (published, "published"),
        (waiting, "waiting"),
        (retrying, "retry_wait"),
    ]:
        assert state_of(job) == before
        assert _cancel(job).state == "cancelled"
        job.refresh_from_db()
        assert job.finished_at is not None
        assert job.cancel_requested_at is not None
    assert drain("ai-lite", "ai-basic") == 0


def test_the_message_of_a_job_that_was_cancelled_meanwhile_does_nothing(tenant, handlers):
    ran: list[int] = []
    job = make_job(tenant, handlers.kind(lambda context: ran.append(1) or Done()))
    publish()
    _cancel(job)
    assert run(job) == "done"
    assert (job.state, job.attempt, ran) == ("cancelled", 0, [])


def test_a_running_job_gets_a_flag_once_and_asking_again_is_the_same(tenant):
    job = make_job(tenant)
    claim(job)
    assert _cancel(job).state == "running"
    job.refresh_from_db()
    asked_at = job.cancel_requested_at
    assert asked_at is not None
    _cancel(job)
    job.refresh_from_db()
    assert job.cancel_requested_at == asked_at
    assert JobEvent.objects.filter(job=job, type="cancel_requested").count() == 1


def test_cancelling_what_is_cancelled_is_no_error_and_any_other_end_is(tenant):
    job = make_job(tenant)
    _cancel(job)
    assert _cancel(job).state == "cancelled"
    for state in TERMINAL - {JobState.CANCELLED}:
        ended = make_job(tenant)
        held = claim(ended)
        lease.settle(held, lease.Settlement(state, Outcome.SUCCEEDED, error_code="handler_error"))
        with pytest.raises(AppError) as caught:
            _cancel(ended)
        assert (caught.value.code, caught.value.params) == ("job_already_ended", {"state": state})


def test_another_academys_job_cannot_be_cancelled_and_cannot_be_seen(tenant):
    job = make_job(tenant)
    with pytest.raises(AppError) as caught:
        cancel.job_cancel(tenant=make_tenant(), job_id=job.pk)
    assert caught.value.code == "job_not_found"
    assert state_of(job) == "queued"


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_brings_the_cancel_to_the_handler(tenant, handlers, settings):
    settings.JOB_LEASE_SECONDS = 0.6
    began = threading.Event()
    told: list[float] = []

    def work(context):
        stopped = threading.Event()
        with context.on_stop(stopped.set):
            began.set()
            assert stopped.wait(timeout=10)
            told.append(clock.monotonic())
            context.raise_if_cancelled()
        return Done()

    job = make_job(tenant, handlers.kind(work))
    asked: list[float] = []

    def act(number: int) -> None:
        if number:
            assert began.wait(timeout=10)
            _cancel(job)
            asked.append(clock.monotonic())
        else:
            run(job)

    in_threads(2, act)
    assert state_of(job) == "cancelled"
    assert told[0] - asked[0] < 2.0
    assert JobAttempt.objects.get(job=job).outcome == "cancelled"


@pytest.mark.parametrize(
    ("end", "state"),
    [("transient", "cancelled"), ("released", "cancelled"), ("succeeded", "succeeded")],
)
def test_a_cancel_that_the_attempt_did_not_notice_ends_what_would_have_gone_on(
    tenant, end: str, state: str
):
    """Otherwise the job would wait, perhaps a quarter of an hour, only to be cancelled then."""
    job = make_job(tenant)
    held = claim(job)
    _cancel(job)
    settlement = {
        "transient": lease.Settlement(
            JobState.RETRY_WAIT, Outcome.TRANSIENT, error_code="network_error", delay_seconds=900
        ),
        "released": lease.Settlement(JobState.QUEUED, Outcome.RELEASED),
        "succeeded": lease.Settlement(JobState.SUCCEEDED, Outcome.SUCCEEDED),
    }[end]
    assert lease.settle(held, settlement) == state
    assert state_of(job) == state
    assert job.version == 1
    assert job.finished_at is not None
    assert JobAttempt.objects.get(job=job).outcome == state
    assert publish() == []


def test_an_unnoticed_cancel_tells_the_domain_and_ends_the_flow(tenant, handlers):
    ended: list[str] = []

    def fail(context):
        cancel.job_cancel(tenant=context.tenant_id, job_id=context.job_id)
        raise TransientError("network_error")

    name = handlers.kind(fail, on_ended=lambda job: ended.append(job.state))
    parent = make_job(tenant, "test.fan_out")
    held = claim(parent)
    lease.settle(held, lease.Settlement(JobState.WAITING, Outcome.WAITING, next_phase="join"))
    child = make_job(tenant, name, parent=parent)
    run(child)
    assert (child.state, ended) == ("cancelled", ["cancelled"])
    assert state_of(parent) == "failed"


def test_a_cancel_of_a_job_whose_worker_is_gone_is_done_by_the_reaper(tenant, handlers):
    ended: list[str] = []
    job = make_job(tenant, handlers.kind(on_ended=lambda job: ended.append(job.state)))
    claim(job)
    _cancel(job)
    let_lease_expire(job)
    assert reap.reap_leases() == 1
    assert (state_of(job), ended) == ("cancelled", ["cancelled"])


def test_a_cancelled_job_with_an_expired_lease_is_not_taken_over(tenant):
    job = make_job(tenant)
    claim(job)
    _cancel(job)
    let_lease_expire(job)
    assert run(job) == "done"
    assert (job.state, job.attempt) == ("running", 1)


@pytest.mark.django_db(transaction=True)
def test_a_cancel_and_the_end_of_the_job_at_the_same_moment_leave_one_end(tenant):
    ends = set()
    for _ in range(30):
        job = make_job(tenant)
        held = claim(job)

        def act(number: int, job=job, held=held) -> str:
            if number == 0:
                lease.settle(held, lease.Settlement(JobState.SUCCEEDED, Outcome.SUCCEEDED))
                return ""
            try:
                return _cancel(job).state
            except AppError as error:
                return error.code

        assert in_threads(2, act)[1] in {"running", "succeeded", "job_already_ended"}
        ends.add(state_of(job))
        terminal = [state.value for state in TERMINAL]
        assert JobEvent.objects.filter(job=job, to_state__in=terminal).count() == 1
    assert ends == {"succeeded"}


@pytest.mark.django_db(transaction=True)
def test_a_cancel_and_a_claim_at_the_same_moment_never_leave_the_job_running_unknown(tenant):
    for _ in range(30):
        job = make_job(tenant)

        def act(number: int, job=job):
            if number:
                return _cancel(job).state
            return lease.claim(job.pk, 1, worker=lease.Worker("w"), delivery=lease.Delivery())

        found, _ = in_threads(2, act)
        job.refresh_from_db()
        if isinstance(found, lease.Claim):
            assert job.state == "running"
            assert job.cancel_requested_at is not None
        else:
            assert job.state == "cancelled"


def test_a_keeper_tells_a_cancelled_attempt_and_renews_the_others(tenant):
    cancelled, other = make_job(tenant), make_job(tenant)
    held = [Held(claim(job), 60) for job in (cancelled, other)]
    for one in held:
        one.renewed_at -= 60
    _cancel(cancelled)
    LeaseKeeper().beat(held)
    assert [one.stop_reason for one in held] == ["cancelled", None]
