"""What operators do to jobs and academies; each deed writes its audit record with itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction

from academy.core import clock, logs
from academy.core.errors import AppError
from academy.fleet import audit
from academy.jobs import cancel, flow, replay
from academy.jobs.models import Job
from academy.jobs.selectors import job_of_any_tenant
from academy.jobs.submit import Submitter
from academy.ops.selectors_tenants import tenant_find
from academy.tenants.models import LimitException, QueueLimit, Tenant, VideoLimit
from academy.tenants.plans import PLANS
from academy.tenants.services import tenant_change

E = TypeVar("E", bound=LimitException)


def job_cancel(*, job_id: UUID, by: str, reason: str) -> Job:
    """Cancel a job and all below it. Raises AppError ``job_not_found``, ``job_already_ended``."""
    job = job_of_any_tenant(job_id)
    with transaction.atomic():
        _note(job, "job.cancel", by=by, reason=reason)
        cancelled = cancel.job_cancel(tenant=job.tenant_id, job_id=job_id)
    if job.parent_id is not None:
        # The join inside saw the flow before this commit.
        flow.join(job.parent_id)
    return cancelled


def job_retry(*, job_id: UUID, by: str, reason: str) -> Job:
    """End the wait of a job in ``retry_wait``; AppError ``job_not_waiting`` for any other."""
    job = job_of_any_tenant(job_id)
    with transaction.atomic():
        if job.state != "retry_wait":
            raise AppError("job_not_waiting", state=job.state)
        _note(job, "job.retry", by=by, reason=reason)
        return replay.job_retry(by=_submitter(job, by), job_id=job_id)


def job_replay(*, job_id: UUID, by: str, reason: str) -> Job:
    """Run a job that failed, died or was cancelled again, as a new job.

    Raises AppError ``job_not_found``, ``job_not_replayable`` and what a submission raises.
    """
    job = job_of_any_tenant(job_id)
    with transaction.atomic():
        again = replay.job_replay(by=_submitter(job, by), job_id=job_id)
        _note(job, "job.replay", by=by, reason=reason, replayed_as=str(again.pk))
    return again


def limit_set(
    *,
    tenant_id: UUID,
    queue: str,
    in_flight: int | None,
    backlog: int | None,
    per_day: int | None,
    until: datetime | None,
    by: str,
    reason: str,
) -> QueueLimit:
    """Give an academy limits on a queue that differ from its plan, until a moment or for good.

    Replaces the exception that is there. Raises AppError ``not_found``, ``queue_unknown``,
    ``limit_invalid``.
    """
    values = {"in_flight": in_flight, "backlog": backlog, "per_day": per_day}
    tenant = tenant_find(tenant_id)
    if queue not in PLANS[tenant.plan].limits:
        raise AppError("queue_unknown", queue=queue)
    deed = Deed("limit.set", tenant, by, reason)
    return _grant(deed, QueueLimit, {"queue": queue}, values, until)


def limit_remove(*, tenant_id: UUID, queue: str, by: str, reason: str) -> bool:
    """Give an academy its plan's limits again; returns whether it had others."""
    deed = Deed("limit.remove", tenant_find(tenant_id), by, reason)
    return _withdraw(deed, QueueLimit, {"queue": queue})


def video_limit_set(
    *,
    tenant_id: UUID,
    minutes_per_month: int | None,
    storage_bytes: int | None,
    viewings: int | None,
    devices: int | None,
    until: datetime | None,
    by: str,
    reason: str,
) -> VideoLimit:
    """The same on lectures and their viewers. Raises AppError ``not_found``, ``limit_invalid``.

    Lectures that wait for minutes begin within half a minute of having some.
    """
    values = {
        "minutes_per_month": minutes_per_month,
        "storage_bytes": storage_bytes,
        "viewings": viewings,
        "devices": devices,
    }
    deed = Deed("video_limit.set", tenant_find(tenant_id), by, reason)
    return _grant(deed, VideoLimit, {}, values, until)


def video_limit_remove(*, tenant_id: UUID, by: str, reason: str) -> bool:
    """Give an academy its plan's limits on lectures again; returns whether it had others."""
    deed = Deed("video_limit.remove", tenant_find(tenant_id), by, reason)
    return _withdraw(deed, VideoLimit, {})


@dataclass(frozen=True)
class Deed:
    """What is done to an academy, by whom and why, as the audit log says it."""

    action: str
    tenant: Tenant
    by: str
    reason: str

    def record(self, **data: Any) -> None:
        """Write it down; in the transaction that does it."""
        audit.record(
            by=self.by, action=self.action, target=self.tenant.slug, reason=self.reason, **data
        )


def _grant(
    deed: Deed,
    model: type[E],
    key: dict[str, Any],
    values: dict[str, int | None],
    until: datetime | None,
) -> E:
    if set(values.values()) == {None} or (until is not None and until <= clock.now()):
        raise AppError("limit_invalid")
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=deed.tenant.pk)
        before = model.objects.for_tenant(deed.tenant).filter(**key).first()
        limit, _ = model.unscoped.update_or_create(
            defaults={**values, "until": until}, tenant=deed.tenant, **key
        )
        deed.record(**key, before=_limit_facts(before), after=_limit_facts(limit))
    return limit


def _withdraw(deed: Deed, model: type[LimitException], key: dict[str, Any]) -> bool:
    with transaction.atomic():
        limit = model.objects.for_tenant(deed.tenant).select_for_update().filter(**key).first()
        if limit is None:
            return False
        facts = _limit_facts(limit)
        limit.delete()
        deed.record(**key, before=facts)
    return True


def tenant_switch(*, tenant_id: UUID, is_active: bool, by: str, reason: str) -> Tenant:
    """Let an academy work, or stop it. Raises AppError ``not_found``.

    Stopped, it can neither sign in nor submit, and what it has queued waits.
    """
    with transaction.atomic():
        tenant = tenant_change(tenant_id=tenant_id, name=None, plan=None, is_active=is_active)
        action = "tenant.activate" if is_active else "tenant.deactivate"
        audit.record(by=by, action=action, target=tenant.slug, reason=reason)
    return tenant


def artifact_opened(*, job: Job, name: str, by: str) -> None:
    """Note that an operator opened what a job made for an academy."""
    _note(job, "job.artifact", by=by, reason="", artifact=name)


def _note(job: Job, action: str, *, by: str, reason: str, **data: Any) -> None:
    tenant = job.tenant.slug
    audit.record(by=by, action=action, target=str(job.pk), reason=reason, tenant=tenant, **data)


def _submitter(job: Job, by: str) -> Submitter:
    return Submitter(job.tenant, by, str(logs.context().get("request_id") or ""))


def _limit_facts(limit: LimitException | None) -> dict[str, Any] | None:
    if limit is None:
        return None
    until = limit.until.isoformat() if limit.until else None
    return {**{name: getattr(limit, name) for name in limit.LIMITS}, "until": until}
