"""The log lines of attempts in a real database."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from academy.core import clock, logs
from academy.jobs import logbook, selectors
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.models import Job
from tests.support.jobs import Handlers, claim, let_lease_expire, make_job, run
from tests.support.processes import eventually

PHONE = "010-4821-7730"
elsewhere = logging.getLogger("academy.made.up")


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def messages(job: Job) -> list[str]:
    return [line.message for line in selectors.job_logs(job.pk)]


def test_what_a_handler_logs_is_kept_with_its_attempt(tenant, handlers: Handlers):
    def talk(context: JobContext[Any]) -> Done:
        context.log.info("probed %d streams", 2)
        elsewhere.warning("a library says so of %s", PHONE)
        return Done()

    job = make_job(tenant, handlers.kind(talk))
    run(job)
    assert job.state == "succeeded"
    lines = selectors.job_logs(job.pk)
    assert [(line.attempt, line.seq, line.level, line.logger, line.message) for line in lines] == [
        (1, 1, "info", "academy.jobs.run", "probed 2 streams"),
        (1, 2, "warning", "academy.made.up", "a library says so of 010-****-****"),
    ]


def test_claims_and_ends_are_told_by_events_and_not_told_twice(tenant, handlers: Handlers):
    def fail(context: JobContext[Any]) -> Done:
        raise PermanentError("test_permanent", reason="so")

    def die(context: JobContext[Any]) -> Done:
        raise LookupError("a mistake")

    for handler, state in ((fail, "failed"), (die, "dead")):
        job = make_job(tenant, handlers.kind(handler))
        run(job)
        assert job.state == state
        assert messages(job) == []


def test_a_job_that_logs_nothing_costs_no_statement_and_one_that_does_costs_one(
    tenant, handlers: Handlers
):
    def silent(context: JobContext[Any]) -> Done:
        return Done()

    def talk(context: JobContext[Any]) -> Done:
        for number in range(50):
            context.log.info("line %d", number)
        return Done()

    statements: list[list[str]] = []
    for handler in (silent, talk):
        job = make_job(tenant, handlers.kind(handler))
        with CaptureQueriesContext(connection) as seen:
            run(job)
        statements.append([query["sql"] for query in seen])
    without, with_lines = statements
    assert not [sql for sql in without if "job_log" in sql]
    assert len([sql for sql in with_lines if "job_log" in sql]) == 1
    assert len(with_lines) == len(without) + 1


def test_a_handlers_own_thread_logs_into_the_job(tenant, handlers: Handlers):
    def in_threads(context: JobContext[Any]) -> Done:
        def work(name: str) -> None:
            elsewhere.info("from %s", name)

        carried = context.in_context(work)
        threads = [
            threading.Thread(target=carried, args=["a carried thread"]),
            threading.Thread(target=carried, args=["another"]),
            threading.Thread(target=work, args=["a stranger"]),
            threading.Thread(target=context.log.info, args=["through the context's log"]),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Done()

    job = make_job(tenant, handlers.kind(in_threads))
    run(job)
    assert sorted(messages(job)) == [
        "from a carried thread", "from another", "through the context's log",
    ]  # fmt: skip


def test_every_line_of_an_attempt_carries_what_it_belongs_to(tenant, handlers: Handlers):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    seen: list[dict[str, Any]] = []

    def talk(context: JobContext[Any]) -> Done:
        seen.append(dict(logs.context()))
        return Done()

    kind = handlers.kind(talk)
    job = make_job(
        tenant, kind, request_id="req-12345678", traceparent=f"00-{trace}-00f067aa0ba902b7-01"
    )
    run(job)
    assert seen == [
        {
            "job": str(job.pk),
            "tenant": tenant.slug,
            "attempt": 1,
            "kind": kind,
            "queue": "ai-lite",
            "request_id": "req-12345678",
            "trace": trace,
        }
    ]


@pytest.mark.django_db(transaction=True)
def test_lines_appear_while_the_handler_is_still_at_work(tenant, handlers: Handlers, monkeypatch):
    monkeypatch.setattr(logbook, "FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(logbook, "_writer", logbook._Writer())
    seen: list[list[str]] = []

    def talk(context: JobContext[Any]) -> Done:
        for number in (1, 2):
            context.log.info("part %d", number)
            eventually(lambda n=number: len(messages(job)) == n, 20, "the line is stored")
            seen.append(messages(job))
        context.log.info("and the end")
        return Done()

    job = make_job(tenant, handlers.kind(talk))
    run(job)
    assert seen == [["part 1"], ["part 1", "part 2"]]
    assert messages(job) == ["part 1", "part 2", "and the end"]


def test_an_attempt_that_lost_its_job_keeps_its_lines_and_changes_nothing(
    tenant, handlers: Handlers
):
    def lose(context: JobContext[Any]) -> Done:
        if context.attempt == 1:
            context.log.info("before the pause")
            let_lease_expire(job)
            claim(job)
            context.log.info("after the pause")
        return Done({"by": context.attempt})

    job = make_job(tenant, handlers.kind(lose))
    run(job)
    assert (job.state, job.attempt, job.result) == ("running", 2, None)
    lines = selectors.job_logs(job.pk)
    assert [(line.attempt, line.seq, line.message) for line in lines] == [
        (1, 1, "before the pause"),
        (1, 2, "after the pause"),
    ]


def test_a_database_that_takes_no_lines_fails_no_job(tenant, handlers: Handlers, monkeypatch):
    def away(lines: Any) -> None:
        raise OperationalError("the database is away")

    def talk(context: JobContext[Any]) -> Done:
        context.log.info("a line")
        return Done({"done": True})

    monkeypatch.setattr(logbook, "store", away)
    monkeypatch.setattr(logbook, "_writer", logbook._Writer())
    monkeypatch.setattr(logbook._writer, "_run", lambda: None)
    job = make_job(tenant, handlers.kind(talk))
    run(job)
    assert (job.state, job.result) == ("succeeded", {"done": True})


def test_a_line_is_stored_once_however_often_it_is_sent(tenant):
    job = make_job(tenant)
    lines = [
        logbook.Line(job.pk, 1, seq, clock.now(), "info", "made.up", f"line {seq}")
        for seq in (1, 2)
    ]
    logbook.store(lines)
    logbook.store(lines)
    assert messages(job) == ["line 1", "line 2"]


def test_lines_are_read_on_from_attempt_and_number(tenant):
    job, other = make_job(tenant), make_job(tenant)
    for row, attempt, seq in [(job, 1, 1), (job, 1, 2), (job, 2, 1), (job, 10, 1), (other, 1, 1)]:
        logbook.store(
            [logbook.Line(row.pk, attempt, seq, clock.now(), "info", "x", f"{attempt}.{seq}")]
        )
    assert messages(job) == ["1.1", "1.2", "2.1", "10.1"]
    assert [line.message for line in selectors.job_logs(job.pk, after=(1, 1))] == [
        "1.2", "2.1", "10.1",
    ]  # fmt: skip
    assert [line.message for line in selectors.job_logs(job.pk, after=(2, 0), limit=1)] == ["2.1"]
    assert selectors.job_logs(job.pk, after=(10, 1)) == []


def test_the_sweep_deletes_lines_of_jobs_that_ended_long_ago(
    tenant, handlers: Handlers, settings, monkeypatch
):
    settings.JOB_LOG_DAYS = 30
    monkeypatch.setattr(logbook, "PURGE_ROWS", 2)

    def talk(context: JobContext[Any]) -> Done:
        for number in range(5):
            context.log.info("line %d", number)
        return Done()

    ended, still_open = make_job(tenant, handlers.kind(talk)), make_job(tenant)
    run(ended)
    logbook.store([logbook.Line(still_open.pk, 1, 1, clock.now(), "info", "x", "open")])
    with clock.shifted(timedelta(days=29)):
        assert logbook.sweep() == 0
    assert len(messages(ended)) == 5
    with clock.shifted(timedelta(days=31)):
        assert logbook.sweep() == 5
        assert logbook.sweep() == 0
    assert messages(ended) == []
    assert messages(still_open) == ["open"]


def test_the_sweep_finds_old_lines_by_an_index(tenant):
    with connection.cursor() as cursor:
        for way in ("seqscan", "sort", "hashjoin", "mergejoin"):
            # On a nearly empty table every way costs the same.
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(
            f"EXPLAIN {logbook._PURGE}", {"before": clock.now(), "rows": logbook.PURGE_ROWS}
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "job_log_age" in plan
    assert "Tid Scan" in plan
