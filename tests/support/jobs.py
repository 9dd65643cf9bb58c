"""Jobs in a test: rows, claims, a broker in memory, handlers written in the test, and time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection

from academy.core import clock
from academy.core.ids import new_id
from academy.jobs import admission, kinds, lease
from academy.jobs.context import Done, FanOut, JobContext
from academy.jobs.execute import Verdict, execute
from academy.jobs.keeper import LeaseKeeper
from academy.jobs.models import Job
from academy.tenants.models import Tenant

T = TypeVar("T")
QUEUE = "ai-lite"
WORKER = lease.Worker("test-worker")
DELIVERY = lease.Delivery("test-message")


class AnyParams(kinds.Params):
    """Parameters of a kind that a test makes up: ``n`` is whatever the test wants."""

    n: int = 0


def make_tenant(*, plan: str = "grow", is_active: bool = True) -> Tenant:
    name = f"academy-{new_id().hex[-12:]}"
    return Tenant.objects.create(slug=name, name=name, plan=plan, is_active=is_active)


def make_job(
    tenant: Tenant, kind: str = "test.ok", *, parent: Job | None = None, **fields: Any
) -> Job:
    """A queued row as a submission stores it; ``fields`` override its columns."""
    spec = kinds.get(kind)
    now = clock.now()
    defaults: dict[str, Any] = {
        "kind_version": spec.version,
        "queue": spec.queue,
        "params": {},
        "submitted_by": "test",
        "created_at": now,
        "not_before": now,
    }
    if parent is not None:
        defaults |= {"parent": parent, "child_key": new_id().hex[-12:]}
    return Job.unscoped.create(tenant=tenant, kind=kind, **{**defaults, **fields})


def claim(job: Job, *, worker: lease.Worker = WORKER) -> lease.Claim:
    """Claim the row's present version; fails the test when it is refused."""
    job.refresh_from_db()
    found = lease.claim(job.pk, job.version, worker=worker, delivery=DELIVERY)
    assert isinstance(found, lease.Claim), found
    return found


def run(job: Job, keeper: LeaseKeeper | None = None, *, version: int | None = None) -> Verdict:
    """Deliver one message for the row's present version, and refresh the row."""
    job.refresh_from_db()
    verdict = execute(
        job.pk,
        job.version if version is None else version,
        worker=WORKER,
        delivery=DELIVERY,
        keeper=keeper or LeaseKeeper(),
    )
    job.refresh_from_db()
    return verdict


def publish(queue: str = QUEUE, *, window: int = 1_000, limit: int = 1_000) -> list[admission.Due]:
    """What the relay would publish now, marked as published."""
    sent: list[admission.Due] = []

    def take(due: Sequence[admission.Due]) -> list[UUID]:
        sent.extend(due)
        return [row.id for row in due]

    assert admission.publish_due(queue, window=window, limit=limit, publish=take) is not None
    return sent


def drain(*queues: str, rounds: int = 50, keeper: LeaseKeeper | None = None) -> int:
    """Publish and run everything that is due, one by one, until nothing is; returns deliveries."""
    delivered = 0
    for _ in range(rounds):
        due = [row for queue in queues or (QUEUE,) for row in publish(queue)]
        if not due:
            return delivered
        for row in due:
            execute(
                row.id,
                row.version,
                worker=WORKER,
                delivery=DELIVERY,
                keeper=keeper or LeaseKeeper(),
            )
            delivered += 1
    raise AssertionError(f"still work after {rounds} rounds")


def let_lease_expire(*jobs: Job) -> None:
    """Move the row's lease into the past, as if its worker had been silent that long."""
    _move_back("lease_until", jobs)


def let_wait_pass(*jobs: Job) -> None:
    """Make a row that waits due now."""
    _move_back("not_before", jobs)


def _move_back(column: str, jobs: Sequence[Job]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE job SET {column} = clock_timestamp() - interval '1 minute' "
            f"WHERE id = ANY(%s) AND {column} IS NOT NULL",
            [[job.pk for job in jobs]],
        )


def state_of(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def in_threads(count: int, act: Callable[[int], T]) -> list[T]:
    """Call ``act(0..count-1)`` at the same moment, each on a connection of its own."""
    together = threading.Barrier(count)

    def one(number: int) -> T:
        try:
            connection.ensure_connection()
            together.wait(timeout=20)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


class Handlers:
    """Makes kinds out of functions: ``handlers.kind(function)`` returns the kind's name."""

    def __init__(self, monkeypatch: Any) -> None:
        self._monkeypatch = monkeypatch

    def kind(
        self, run: Callable[[JobContext[AnyParams]], Done | FanOut] | None = None, **options: Any
    ) -> str:
        name = options.pop("name", f"made.{new_id().hex[-12:]}")
        attribute = name.replace(".", "_")
        self._monkeypatch.setitem(globals(), attribute, run or (lambda context: Done()))
        kinds.register(
            kinds.KindSpec(
                name=name,
                handler=f"{__name__}:{attribute}",
                **{
                    "version": 1,
                    "queue": QUEUE,
                    "params": AnyParams,
                    "bucket": "storage",
                    **options,
                },
            )
        )
        return name
