"""The relay tells Flower what became of jobs that no worker could speak for."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from academy.jobs import kinds, lease, reap
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job
from tasks.events.endings import TOLD_BY, Endings
from tasks.events.packing import pack, unpack
from tests.support.jobs import claim, let_lease_expire, make_job, make_tenant, publish, run
from tests.support.kinds import registry
from tests.support.sqs_proxy import wait_until

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def kinds_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()


def everything_is_over() -> None:
    """Wait until no transaction of before is running: other tests share this server."""
    if connection.in_atomic_block:
        return  # the test's own is not over
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        (mine,) = cursor.fetchone()

        def oldest() -> bool:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            return bool(cursor.fetchone()[0] > mine)

        wait_until(oldest, 60, "the transactions of other tests have ended")


class Told:
    """What an :class:`Endings` says, round by round."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.endings = Endings(self.events.append)
        self.endings.tell()
        self.events.clear()

    def now(self) -> list[dict[str, Any]]:
        everything_is_over()
        self.events.clear()
        self.endings.tell()
        return list(self.events)

    def of(self, *jobs: Job) -> list[tuple[str, str | None]]:
        wanted = {str(job.pk) for job in jobs}
        return [(e["type"], e.get("exception")) for e in self.now() if e["uuid"] in wanted]


@pytest.fixture
def told() -> Told:
    return Told()


def started(**fields: Any) -> Job:
    """A job that a worker has claimed."""
    job = make_job(make_tenant(), "test.ok", **fields)
    claim(job)
    job.refresh_from_db()
    return job


def test_a_job_whose_worker_was_lost_waits_for_its_next_run_and_in_the_end_is_dead(
    told: Told, settings: Any
) -> None:
    settings.JOB_MAX_LOSSES = 2
    job = started()
    let_lease_expire(job)
    reap.reap_leases()

    assert told.of(job) == [("task-retried", "worker_lost")]

    claim(job)
    let_lease_expire(job)
    reap.reap_leases()

    assert told.of(job) == [("task-failed", "worker_lost (dead)")]
    assert told.of(job) == []


def test_a_job_that_is_cancelled_while_its_worker_is_gone_is_told(told: Told) -> None:
    job = started()
    job_cancel(tenant=job.tenant_id, job_id=job.pk)
    let_lease_expire(job)
    reap.reap_leases()

    assert told.of(job) == [("task-revoked", None)]


def test_a_parent_that_ends_while_it_waits_is_told(told: Told) -> None:
    tenant = make_tenant()
    cancelled = make_job(tenant, "test.fan_out", params={"children": 1})
    broken = make_job(tenant, "test.fan_out", params={"children": 1, "fail_at": 0})
    for parent in (cancelled, broken):
        run(parent)
        assert parent.state == "waiting"
    assert told.of(cancelled, broken) == []

    job_cancel(tenant=tenant, job_id=cancelled.pk)
    run(broken.children.get())

    said = {event["uuid"]: (event["type"], event.get("exception")) for event in told.now()}
    assert said[str(cancelled.pk)] == ("task-revoked", None)
    assert said[str(broken.pk)] == ("task-failed", "child_failed (failed)")


def test_what_a_worker_said_itself_is_not_said_again(told: Told) -> None:
    tenant = make_tenant()
    jobs = [make_job(tenant, kind) for kind in ("test.ok", "test.permanent", "test.poison")]
    for job in jobs:
        run(job)
    assert [job.state for job in jobs] == ["succeeded", "failed", "dead"]

    assert told.of(*jobs) == []


def test_a_job_that_no_worker_ever_had_is_none_of_flowers(told: Told) -> None:
    tenant = make_tenant()
    queued, published = make_job(tenant, "test.ok"), make_job(tenant, "test.ok")
    publish()
    for job in (queued, published):
        job_cancel(tenant=tenant, job_id=job.pk)

    assert told.of(queued, published) == []


def test_an_ending_is_told_when_its_transaction_is_over_and_not_missed(told: Told) -> None:
    job = started()
    with transaction.atomic():
        connection.cursor().execute("SELECT pg_current_xact_id()")
        with transaction.atomic():
            job_cancel(tenant=job.tenant_id, job_id=job.pk)
        Job.unscoped.filter(pk=job.pk).update(
            state="cancelled", finished_at=job.created_at, lease_until=None
        )
        job.attempts.update(outcome="lost")
        assert told.of(job) == []

    assert told.of(job) == [("task-revoked", None)]


def test_a_relay_that_starts_tells_what_ended_shortly_before(told: Told) -> None:
    job = started()
    let_lease_expire(job)
    reap.reap_leases()
    said: list[dict[str, Any]] = []

    everything_is_over()
    Endings(said.append).tell()

    assert [e["type"] for e in said if e["uuid"] == str(job.pk)] == ["task-retried"]


def test_what_is_told_names_the_worker_and_nothing_personal(told: Told) -> None:
    job = make_job(make_tenant(), "test.ok", params={"note": "canary-in-the-arguments"})
    claim(job, worker=lease.Worker("ai-lite@host-7/4711"))
    let_lease_expire(job)
    reap.reap_leases()

    (event,) = told.now()

    assert event["hostname"] == "ai-lite@host-7"
    assert (event["name"], event["kwargs"], event[TOLD_BY]) == ("test.ok", "(redacted)", "relay")
    assert "canary" not in str(event)
    (body,) = pack([event]).bodies
    assert unpack(body[0]) == [event]
