"""Accept work: parameters, foreign objects, quota and row, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from pydantic import BaseModel, ValidationError

from academy.core import clock, tracing
from academy.core.crash import crash_point
from academy.core.errors import AppError
from academy.core.locks import Space, lock
from academy.jobs import kinds
from academy.jobs.classify import field_errors
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from academy.tenants.quotas import limits_for

BATCH_LIMIT = 1_000
CONCURRENT_SUBMITS = 200
"""More single submissions of one tenant than this are never under way at the same moment."""


@dataclass(frozen=True)
class Order:
    """One job that a client asks for. ``not_before``: not earlier than that moment."""

    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    priority: int = 5
    not_before: datetime | None = None


@dataclass(frozen=True)
class Submitter:
    """On whose behalf: shown in the job's record.

    ``scopes`` are the caller's rights; None is the platform itself, or its staff, who may also
    repeat what only the platform submits.
    """

    tenant: Tenant
    name: str
    request_id: str = ""
    scopes: frozenset[str] | None = None


def jobs_submit(
    *,
    by: Submitter,
    orders: Sequence[Order],
    replay_of: Job | None = None,
    escalation_of: Job | None = None,
    numbered: bool = True,
) -> list[Job]:
    """Store the jobs, all or none; call it inside the request's transaction.

    Raises `AppError`: tenant_inactive, kind_unknown, scope_missing, params_invalid,
    quota_backlog_exceeded, quota_daily_exceeded, and whatever the kind's own check raises. Where
    ``numbered``, the position of the bad order is in the details as ``index``.
    """
    if not by.tenant.is_active:
        raise AppError("tenant_inactive")
    repeats = replay_of is not None and by.scopes is None
    accepted = [
        _accept(
            by.tenant.pk,
            order,
            {"index": index} if numbered else {},
            scopes=by.scopes,
            internal=repeats,
        )
        for index, order in enumerate(orders)
    ]
    with _traced(by, accepted, replay_of) as span, transaction.atomic():
        _hold_quotas(by.tenant.pk, [one.queue for one in accepted])
        jobs = _stored(by, orders, accepted, replay_of, escalation_of)
        if len(jobs) == 1:
            span.set({"academy.job.id": str(jobs[0].pk)})
        crash_point("submit.before_commit")
    return jobs


@dataclass(frozen=True)
class _Accepted:
    """An order that nothing speaks against: its kind, its parameters, and where it will run."""

    spec: kinds.KindSpec[Any]
    params: BaseModel
    queue: str


def _stored(
    by: Submitter,
    orders: Sequence[Order],
    accepted: Sequence[_Accepted],
    replay_of: Job | None = None,
    escalation_of: Job | None = None,
) -> list[Job]:
    now = clock.now()
    trace = tracing.traceparent()
    jobs = [
        Job(
            tenant=by.tenant,
            kind=one.spec.name,
            kind_version=one.spec.version,
            queue=one.queue,
            priority=order.priority,
            params=one.params.model_dump(mode="json"),
            submitted_by=by.name,
            request_id=by.request_id,
            traceparent=trace,
            # A batch keeps its order: created_at ties are broken by the ids, which ascend.
            created_at=now,
            not_before=max(order.not_before or now, now),
            replay_of=replay_of,
            escalation_of=escalation_of,
        )
        for order, one in zip(orders, accepted, strict=True)
    ]
    Job.unscoped.bulk_create(jobs, batch_size=500)
    for job, one in zip(jobs, accepted, strict=True):
        if one.spec.on_submitted is not None:
            one.spec.on_submitted(job, one.params)
    return jobs


def job_submit_internal(*, by: Submitter, order: Order) -> Job:
    """One job of the platform's own housekeeping, also of an internal kind.

    It is not the academy's order, so that its quotas do not count. Raises `AppError`
    kind_unknown, params_invalid.
    """
    accepted = [_accept(by.tenant.pk, order, {}, internal=True)]
    with _traced(by, accepted, None) as span, transaction.atomic():
        (job,) = _stored(by, [order], accepted)
        span.set({"academy.job.id": str(job.pk)})
    return job


def _traced(
    by: Submitter, accepted: Sequence[_Accepted], replay_of: Job | None
) -> AbstractContextManager[tracing.Span]:
    return tracing.span(
        "job.submit",
        {
            "academy.tenant": by.tenant.slug,
            "academy.jobs": len(accepted),
            "academy.job.kind": ",".join(sorted({one.spec.name for one in accepted})),
        },
        kind="producer",
        links=[replay_of.traceparent] if replay_of is not None else (),
    )


def job_submit(*, by: Submitter, order: Order) -> Job:
    """One job; see `jobs_submit`."""
    return jobs_submit(by=by, orders=[order], numbered=False)[0]


def order_check(*, tenant: Tenant, order: Order) -> None:
    """Raise what a repetition by the platform's staff would raise now, quotas apart.

    Nothing is stored.
    """
    if not tenant.is_active:
        raise AppError("tenant_inactive")
    _accept(tenant.pk, order, {}, internal=True)


def _accept(
    tenant_id: UUID,
    order: Order,
    where: dict[str, int],
    *,
    scopes: frozenset[str] | None = None,
    internal: bool = False,
) -> _Accepted:
    spec = kinds.find(order.kind)
    if spec is None or (spec.internal and not internal):
        raise AppError("kind_unknown", kind=order.kind, **where)
    if spec.writes is not None and scopes is not None and spec.writes not in scopes:
        raise AppError("scope_missing", scope=str(spec.writes), **where)
    try:
        params = spec.parse(order.params)
    except ValidationError as error:
        raise AppError("params_invalid", fields=field_errors(error), **where) from error
    try:
        if spec.check is not None:
            spec.check(tenant_id, params)
        return _Accepted(spec, params, spec.queue_for(tenant_id, params))
    except AppError as error:
        raise AppError(error.code, **{**error.params, **where}) from error


def _hold_quotas(tenant_id: UUID, queues: Sequence[str]) -> None:
    """Refuse what would pass a limit. Counts are taken from the rows, never kept beside them.

    Submitters of one (tenant, queue) wait for each other where two counts at the same moment could
    both find room: batches always, single jobs near the limit.
    """
    for queue in sorted(set(queues)):
        wanted = queues.count(queue)
        limits = limits_for(tenant_id, queue)
        backlog, today = _usage(tenant_id, queue, limits.backlog, limits.per_day)
        room = min(limits.backlog - backlog, limits.per_day - today)
        if wanted > 1 or room < CONCURRENT_SUBMITS:
            lock(Space.QUOTA, f"quota:{tenant_id}:{queue}")
            backlog, today = _usage(tenant_id, queue, limits.backlog, limits.per_day)
        if backlog + wanted > limits.backlog:
            raise AppError(
                "quota_backlog_exceeded", queue=queue, limit=limits.backlog, retry_after=60
            )
        if today + wanted > limits.per_day:
            raise AppError(
                "quota_daily_exceeded", queue=queue, limit=limits.per_day, retry_after=3600
            )


def _usage(tenant_id: UUID, queue: str, backlog: int, per_day: int) -> tuple[int, int]:
    rows = Job.unscoped.filter(tenant_id=tenant_id, queue=queue)
    since = clock.now() - timedelta(days=1)
    return (
        _count(rows.filter(finished_at__isnull=True), backlog),
        _count(rows.filter(created_at__gte=since, parent__isnull=True), per_day),
    )


def _count(rows: Any, enough: int) -> int:
    # Counting stops one past the limit: beyond it the exact number changes nothing.
    count: int = rows.order_by()[: enough + 1].count()
    return count
