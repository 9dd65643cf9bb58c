"""One delivery from claim to settle: what every way of ending leaves behind."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from django.db import OperationalError, connection

from academy.core import clock
from academy.jobs import execute as execution
from academy.jobs import kinds, lease
from academy.jobs.context import Artifact, Done
from academy.jobs.errors import PermanentError, TransientError
from academy.jobs.execute import Verdict, execute, patiently
from academy.jobs.keeper import LeaseKeeper
from academy.jobs.models import Job, JobAttempt
from academy.jobs.retry import LONGEST_ELSEWHERE
from academy.tenants.models import Tenant
from tests.support.invariants import always
from tests.support.jobs import (
    DELIVERY,
    WORKER,
    claim,
    in_threads,
    let_lease_expire,
    let_wait_pass,
    make_job,
    publish,
    run,
    state_of,
)

T = TypeVar("T")


def _raising(error: BaseException):
    def handler(context):
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "state", "code", "outcome"),
    [
        (TransientError("network_error"), "retry_wait", "network_error", "transient"),
        (PermanentError("disk_full"), "failed", "disk_full", "permanent"),
        (ZeroDivisionError(), "dead", "handler_error", "poison"),
        (MemoryError(), "retry_wait", "out_of_memory", "transient"),
    ],
)
def test_a_failure_is_recorded_and_the_message_is_done(
    tenant, handlers, error: Exception, state: str, code: str, outcome: str
):
    job = make_job(tenant, handlers.kind(_raising(error)))
    assert run(job) is Verdict.DONE
    assert (job.state, job.error_code) == (state, code)
    attempt = JobAttempt.objects.get(job=job)
    assert (attempt.outcome, attempt.error_code) == (outcome, code)
    assert type(error).__name__ in attempt.detail


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("test_permanent", reason="a\x00b"),
        PermanentError("test_permanent", reason="\ud800 half a character"),
        TransientError("network_error", seconds=math.nan, path=Path("/x"), many={1: math.inf}),
        PermanentError("a-code-longer-than-its-column" * 5),
        ValueError("\x00\ud800"),
    ],
    ids=["NUL", "surrogate", "not JSON", "long code", "text"],
)
def test_a_failure_can_always_be_recorded_whatever_it_says(
    tenant, handlers, caplog, error: Exception
):
    """Otherwise the job would be lost three times over, and die for the wrong reason."""
    # pytest-xdist cannot carry half a character from a captured log to its main process.
    caplog.set_level(logging.CRITICAL + 1, logger="academy.jobs.execute")
    job = make_job(tenant, handlers.kind(_raising(error)))
    assert run(job) is Verdict.DONE
    assert job.state in {"failed", "retry_wait", "dead"}
    assert job.error_code


def test_what_a_traceback_quotes_is_masked(tenant, handlers):
    number = "010-5555-0199"
    job = make_job(tenant, handlers.kind(_raising(ValueError(f"cannot send to {number}"))))
    run(job)
    detail = JobAttempt.objects.get(job=job).detail
    assert "cannot send to" in detail
    assert "0199" not in detail


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "result",
    [
        {"value": math.nan},
        {"value": object()},
        {"value": "a\x00b"},
        {"value": "\ud800"},
        {"value": {1, 2}},
    ],
    ids=["NaN", "object", "NUL", "surrogate", "set"],
)
def test_a_result_that_cannot_be_stored_fails_the_job(tenant, handlers, result: dict):
    job = make_job(tenant, handlers.kind(lambda context: Done(result)))
    assert run(job) is Verdict.DONE
    assert (job.state, job.error_code, job.result) == ("failed", "handler_output_invalid", None)


@pytest.mark.parametrize("returned", [None, {}, "done"])
def test_a_handler_that_returns_something_else_fails_the_job(tenant, handlers, returned: object):
    job = make_job(tenant, handlers.kind(lambda context: returned))
    run(job)
    assert (job.state, job.error_code) == ("failed", "handler_output_invalid")


def test_an_output_outside_the_attempts_own_prefix_is_refused(tenant, handlers):
    stray = Artifact("x", "t/somebody-else/x", "text/plain", 1)
    job = make_job(tenant, handlers.kind(lambda context: Done({}, [stray])))
    run(job)
    assert (job.state, job.artifacts, job.output_prefix) == ("failed", [], "")


def test_outputs_appear_with_the_end_of_the_attempt_that_made_them(tenant, handlers):
    def write(context):
        if context.attempt == 1:
            raise TransientError("network_error")
        return Done({}, [Artifact("x", f"{context.output_prefix}x", "text/plain", 1)])

    job = make_job(tenant, handlers.kind(write))
    run(job)
    assert (job.output_prefix, job.artifacts) == ("", [])
    Job.unscoped.filter(pk=job.pk).update(state="queued", version=2)
    run(job)
    assert job.output_prefix == f"t/{tenant.pk}/jobs/{job.pk}/a2/"
    assert [item["name"] for item in job.artifacts] == ["x"]


def test_parameters_that_a_newer_code_no_longer_takes_fail_the_job(tenant):
    job = make_job(tenant, params={"gone": 1})
    run(job)
    assert (job.state, job.error_code) == ("failed", "params_invalid")


@pytest.mark.parametrize(
    ("prepare", "verdict"),
    [
        (lambda job: None, Verdict.DONE),
        (claim, Verdict.DONE),
        (lambda job: job.delete_row(), Verdict.POISON),
    ],
    ids=["fresh", "held by another", "no such row"],
)
def test_what_becomes_of_the_message(tenant, monkeypatch, prepare, verdict: Verdict):
    job = make_job(tenant)
    monkeypatch.setattr(Job, "delete_row", _purge, raising=False)
    prepare(job)
    found = execute(job.pk, 1, worker=WORKER, delivery=DELIVERY, keeper=LeaseKeeper())
    assert found is verdict


def _purge(job: Job) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL academy.purge = 'on'")
        cursor.execute("DELETE FROM job_event WHERE job_id = %s", [job.pk])
        cursor.execute("DELETE FROM job WHERE id = %s", [job.pk])


def test_a_job_of_an_unknown_version_is_published_anew_for_newer_workers(tenant, handlers):
    newer = make_job(tenant, handlers.kind(version=1), kind_version=2)
    waits = []
    for round_ in (1, 2, 3, 4, 5, 6):
        (due,) = publish()
        assert (due.id, due.version) == (newer.pk, round_)
        assert run(newer) is Verdict.DONE
        assert (newer.state, newer.version, newer.attempt) == ("queued", round_ + 1, 0)
        assert publish() == []
        waits.append((newer.not_before - clock.now()).total_seconds())
        let_wait_pass(newer)
    assert 1 < waits[0] <= LONGEST_ELSEWHERE
    assert max(waits) <= LONGEST_ELSEWHERE
    assert always() == []


def test_a_message_of_an_unknown_version_moves_nothing_that_has_moved_on(tenant, handlers):
    newer = make_job(tenant, handlers.kind(version=1), kind_version=2)
    assert run(newer) is Verdict.DONE  # published again meanwhile: another message is on its way
    assert (newer.state, newer.version) == ("queued", 1)
    publish()
    assert run(newer, version=2) is Verdict.DONE
    assert (newer.state, newer.version) == ("published", 1)
    held = {"state": "running", "attempt": 1, "lease_until": clock.now(), "lease_owner": "newer"}
    Job.unscoped.filter(pk=newer.pk).update(**held)
    assert run(newer) is Verdict.DONE  # a newer worker has it
    assert (newer.state, newer.version, newer.attempt) == ("running", 1, 1)
    Job.unscoped.filter(pk=newer.pk).update(
        state="cancelled", finished_at=clock.now(), lease_until=None
    )
    assert run(newer) is Verdict.DONE
    assert newer.state == "cancelled"


def test_a_second_delivery_of_a_message_does_nothing(tenant, handlers):
    ran: list[int] = []
    job = make_job(tenant, handlers.kind(lambda context: ran.append(context.attempt) or Done()))
    for _ in range(3):
        assert run(job, version=1) is Verdict.DONE
    assert ran == [1]


def test_the_scratch_folder_is_empty_at_first_and_gone_afterwards(tenant, handlers, settings):
    seen: list[Path] = []

    def litter(context):
        assert list(context.scratch.iterdir()) == []
        (context.scratch / "deep").mkdir()
        (context.scratch / "deep" / "file").write_bytes(b"x")
        seen.append(context.scratch)
        raise TransientError("network_error")

    job = make_job(tenant, handlers.kind(litter))
    run(job)
    assert not seen[0].exists()
    assert list(Path(settings.SCRATCH_DIR).iterdir()) == []


def test_a_worker_that_is_told_to_end_gives_the_job_back_first(tenant, handlers):
    job = make_job(tenant, handlers.kind(_raising(SystemExit())))
    with pytest.raises(SystemExit):
        run(job)
    assert (state_of(job), job.version, job.losses, job.failures) == ("queued", 2, 0, 0)
    assert JobAttempt.objects.get(job=job).outcome == "released"


def test_a_checkpoint_is_there_for_the_next_attempt(tenant, handlers):
    seen: list[dict] = []

    def work(context):
        seen.append(context.checkpoint)
        context.save_checkpoint({"done": context.attempt})
        if context.attempt == 1:
            raise TransientError("network_error")
        return Done()

    job = make_job(tenant, handlers.kind(work))
    run(job)
    Job.unscoped.filter(pk=job.pk).update(state="queued", version=2)
    run(job)
    assert seen == [{}, {"done": 1}]


@pytest.mark.parametrize("ends", ["succeeded", "failed"])
def test_a_domain_whose_hook_fails_ends_the_job_as_dead_and_keeps_nothing_half_done(
    tenant, handlers, ends: str
):
    def hook(job, result=None):
        Tenant.objects.filter(pk=job.tenant_id).update(name="half done")
        raise RuntimeError("a bug in a hook")

    if ends == "succeeded":
        kind = handlers.kind(lambda context: Done(), on_succeeded=hook)
        job = make_job(tenant, kind)
        run(job)
        assert (job.state, job.error_code) == ("dead", "handler_error")
    else:
        job = make_job(tenant, handlers.kind(_raising(PermanentError("disk_full")), on_ended=hook))
        with pytest.raises(RuntimeError):
            run(job)
        # The lease runs out, and the reaper says so for as long as the hook fails.
        assert state_of(job) == "running"
    tenant.refresh_from_db()
    assert tenant.name == tenant.slug


def test_the_domains_pointer_and_the_end_of_the_job_are_one_transaction(tenant, handlers):
    seen: list[tuple[str, dict]] = []
    kind = handlers.kind(
        lambda context: Done({"n": 1}),
        on_succeeded=lambda job, result: seen.append((job.state, result)),
    )
    job = make_job(tenant, kind)
    run(job)
    assert seen == [("succeeded", {"n": 1})]


def test_a_fenced_attempt_never_reaches_the_domain(tenant, handlers):
    seen: list[str] = []

    def slow(context):
        let_lease_expire(job)
        claim(job)
        return Done()

    job = make_job(tenant, handlers.kind(slow, on_succeeded=lambda job, result: seen.append("!")))
    assert run(job) is Verdict.DONE
    assert (job.state, job.attempt, seen) == ("running", 2, [])


# ---------------------------------------------------------------------------- heartbeat


def _seen_while_running(job: Job, look: Callable[[], T], *, every: float) -> list[T]:
    """What a second thread sees, every so many seconds, while the first runs the job."""
    seen: list[T] = []
    over = threading.Event()

    def act(number: int) -> None:
        if number == 0:
            try:
                run(job)
            finally:
                over.set()
            return
        while not over.wait(every):
            seen.append(look())

    in_threads(2, act)
    return seen


@pytest.mark.django_db(transaction=True)
def test_work_longer_than_its_lease_runs_once_because_it_is_renewed(tenant, settings):
    settings.JOB_LEASE_SECONDS = 1.2
    job = make_job(tenant, "test.sleep", params={"seconds": 3.0})
    taken = _seen_while_running(
        job, lambda: lease.claim(job.pk, 1, worker=WORKER, delivery=DELIVERY), every=0.1
    )
    assert (state_of(job), job.attempt, job.losses) == ("succeeded", 1, 0)
    assert len(taken) > 10
    assert not [found for found in taken if isinstance(found, lease.Claim)]


@pytest.mark.django_db(transaction=True)
def test_progress_reaches_the_row_while_the_handler_works(tenant, settings):
    settings.JOB_LEASE_SECONDS = 0.6
    job = make_job(tenant, "test.sleep", params={"seconds": 1.5, "beats": 30})
    seen = _seen_while_running(job, lambda: Job.unscoped.get(pk=job.pk).percent, every=0.05)
    assert seen == sorted(seen)
    assert len({value for value in seen if 0 < value < 100}) >= 3
    assert (state_of(job), job.percent, job.eta_seconds) == ("succeeded", 100.0, None)


@pytest.mark.django_db(transaction=True)
def test_a_step_that_cannot_be_stored_costs_no_lease(tenant, handlers, settings):
    settings.JOB_LEASE_SECONDS = 0.9

    def work(context):
        for _ in range(20):
            context.progress("\x00" + "long " * 50, 50.0)
            threading.Event().wait(0.1)
            context.raise_if_cancelled()
        return Done()

    job = make_job(tenant, handlers.kind(work))
    run(job)
    assert (job.state, job.attempt) == ("succeeded", 1)


@pytest.mark.django_db(transaction=True)
def test_a_job_that_takes_longer_than_it_may_ends_as_timed_out(tenant, settings):
    settings.JOB_LEASE_SECONDS = 0.6
    job = make_job(tenant, "test.timeout", params={"seconds": 30.0, "beats": 300})
    run(job)
    assert (job.state, job.error_code, job.error_params) == (
        "failed",
        "job_timeout",
        {"seconds": 2},
    )


@pytest.mark.django_db(transaction=True)
def test_a_draining_worker_gives_back_what_it_cannot_finish(tenant, settings):
    settings.JOB_LEASE_SECONDS = 0.6
    job = make_job(tenant, "test.sleep", params={"seconds": 30.0, "beats": 300})
    assert run(job, LeaseKeeper(draining=lambda: True)) is Verdict.DONE
    assert (job.state, job.version, job.failures, job.losses) == ("queued", 2, 0, 0)
    assert JobAttempt.objects.get(job=job).outcome == "released"


@pytest.mark.django_db(transaction=True)
def test_a_handler_whose_lease_was_taken_is_told_so_and_writes_nothing(tenant, settings, handlers):
    settings.JOB_LEASE_SECONDS = 0.6
    told: list[str] = []

    def work(context):
        let_lease_expire(job)
        claim(job)
        stopped = threading.Event()
        with context.on_stop(stopped.set):
            assert stopped.wait(timeout=10)
        told.append("stopped")
        raise RuntimeError("killed on the way")

    job = make_job(tenant, handlers.kind(work))
    assert run(job) is Verdict.DONE
    assert (told, job.state, job.attempt, job.error_code) == (["stopped"], "running", 2, "")


# ---------------------------------------------------------------------------- database away


def test_a_database_that_comes_back_in_time_costs_nothing(monkeypatch):
    failures = [OperationalError("gone")] * 3
    monkeypatch.setattr(execution.time, "sleep", lambda seconds: None)

    def act() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert patiently(act) == "done"


def test_patience_has_an_end_and_then_the_message_goes_back(tenant, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(execution, "DATABASE_PATIENCE", 0.1)
    monkeypatch.setattr(execution.lease, "claim", away)
    monkeypatch.setattr(execution.connection, "close", lambda: None)
    job = make_job(tenant)
    assert run(job) is Verdict.RELEASE


def test_an_old_version_of_a_kind_still_runs(tenant, handlers):
    name = handlers.kind(version=3)
    job = make_job(tenant, name, kind_version=1)
    assert kinds.get(name).version == 3
    run(job)
    assert job.state == "succeeded"


# ---------------------------------------------------------------------------- connections


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rested", [True, False])
def test_a_connection_that_died_while_resting_is_replaced_before_the_claim_needs_it(
    tenant, handlers, monkeypatch, caplog, rested
):
    first, second = (make_job(tenant, handlers.kind(lambda _: Done())) for _ in range(2))
    run(first)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(**_server(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    if rested:
        monkeypatch.setattr(execution, "IDLE_SECONDS", -1.0)
    with caplog.at_level("WARNING", logger="academy.jobs.execute"):
        execute(second.pk, 1, worker=WORKER, delivery=DELIVERY, keeper=LeaseKeeper())
    assert state_of(second) == "succeeded"
    # One that has just been used is not asked first: its claim is tried again instead.
    assert ("database away" in caplog.text) is not rested


def _server() -> dict[str, object]:
    database = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    return {key: database[name] for key, name in names.items()} | {"dbname": database["NAME"]}
