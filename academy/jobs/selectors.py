"""Reads: jobs of one tenant, their events and attempts, and the progress of a flow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, F, Q, QuerySet, Sum

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs.models import Job, JobAttempt, JobEvent, JobLog
from academy.jobs.states import JobState
from academy.tenants.models import Tenant


def job_get(*, tenant: Tenant | UUID, job_id: UUID) -> Job:
    """One job of the tenant; AppError job_not_found for a foreign or unknown one alike."""
    job = Job.objects.for_tenant(tenant).filter(pk=job_id).first()
    if job is None:
        raise AppError("job_not_found")
    return job


def job_of_any_tenant(job_id: UUID) -> Job:
    """One job with its tenant, whoever's it is: for operators alone. AppError job_not_found."""
    job = Job.unscoped.select_related("tenant").filter(pk=job_id).first()
    if job is None:
        raise AppError("job_not_found")
    return job


def jobs_list(
    *,
    tenant: Tenant | UUID,
    states: Iterable[str] = (),
    kind: str | None = None,
    queue: str | None = None,
    parent_id: UUID | None = None,
) -> QuerySet[Job]:
    """The tenant's jobs, newest first; children of flows only when their parent is named."""
    jobs = Job.objects.for_tenant(tenant).filter(parent_id=parent_id)
    if states:
        jobs = jobs.filter(state__in=list(states))
    if kind is not None:
        jobs = jobs.filter(kind=kind)
    if queue is not None:
        jobs = jobs.filter(queue=queue)
    return jobs.order_by("-created_at", "-id")


def job_events(*, job: Job, after: int = 0, limit: int = 200) -> list[JobEvent]:
    """Events with a higher sequence number than ``after``, oldest first."""
    return list(JobEvent.objects.filter(job=job, seq__gt=after).order_by("seq")[:limit])


def job_escalations(*, job: Job) -> list[UUID]:
    """The jobs that read its doubtful results again, the first first."""
    jobs = Job.objects.for_tenant(job.tenant_id).filter(escalation_of=job)
    return list(jobs.order_by("pk").values_list("pk", flat=True))


def job_attempts(*, job: Job) -> list[JobAttempt]:
    """All attempts of a job, oldest first."""
    return list(JobAttempt.objects.filter(job=job).order_by("number"))


def job_logs(
    job_id: UUID, *, after: tuple[int, int] | None = None, limit: int = 500
) -> list[JobLog]:
    """What the attempts of a job logged, oldest attempt first; of any tenant, so for operators.

    ``after`` is the ``(attempt, seq)`` of the last line already read.
    """
    lines = JobLog.objects.filter(job_id=job_id)
    if after is not None:
        lines = lines.filter(pk__gt=(job_id, *after))
    return list(lines.order_by("job_id", "attempt", "seq")[:limit])


def progress_now(job: Job) -> tuple[float, float | None]:
    """Percent of the whole job, and the seconds left, at this moment.

    A parent that waits is told of each part that has ended; here the parts at work count with what
    they have done, so that a flow of few large parts does not stand still in between.
    """
    if job.state != JobState.WAITING or not job.fan_out:
        return job.percent, job.eta_seconds
    at_work = Job.unscoped.filter(parent=job, finished_at__isnull=True)
    left = at_work.aggregate(left=Sum(1 - F("percent") / 100))["left"] or 0.0
    share = min(1.0, max(0.0, 1 - left / job.fan_out["parts"]))
    begin, until = job.fan_out["from"], job.fan_out["until"]
    elapsed = (clock.now() - datetime.fromisoformat(job.fan_out["since"])).total_seconds()
    seconds = elapsed * (1 - share) / share if share > 0 else None
    return max(job.percent, begin + share * (until - begin)), seconds


def flow_progress(job: Job) -> dict[str, Any]:
    """How far a flow is: children by state and their mean percentage (0..100)."""
    counts = Job.unscoped.filter(parent=job).aggregate(
        total=Count("id"),
        succeeded=Count("id", filter=Q(state="succeeded")),
        running=Count("id", filter=Q(state="running")),
        percent=Avg("percent"),
    )
    return {**counts, "percent": round(counts["percent"] or 0.0, 1)}
