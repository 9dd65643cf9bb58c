"""Rows as the JSON that clients see. What a worker is called stays inside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from academy.core import clock
from academy.core.errors import error_body
from academy.core.http.values import instant, reference, rounded
from academy.core.storage import Bucket, store
from academy.jobs import kinds, selectors
from academy.jobs.models import Job, JobAttempt, JobEvent
from academy.jobs.states import JobState
from academy.tenants.scopes import Scope

LINK_LIFETIME: Final = timedelta(hours=1)
"""How long a signed link works; a client that needs one later reads the job again."""

_SHOWS_ERROR: Final = frozenset({JobState.RETRY_WAIT, JobState.FAILED, JobState.DEAD})
_EVENT_DATA: Final = ("phase", "code", "not_before")


def job_path(job_id: UUID) -> str:
    """The job's address, without host: it stays right behind any name of the service."""
    return reverse("jobs:job", args=[job_id])


def job_links(job_id: UUID) -> dict[str, str]:
    """Addresses around a job."""
    own = job_path(job_id)
    below = {name: f"{own}/{name}" for name in ("events", "attempts", "children")}
    return {"self": own, **below}


def job_reference(job: Job) -> dict[str, Any]:
    """The least that finds the job again."""
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "queue": job.queue,
        "state": job.state,
        "links": {"self": job_path(job.pk)},
    }


def job_summary(job: Job) -> dict[str, Any]:
    """A job as lists show it."""
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "queue": job.queue,
        "priority": job.priority,
        "state": job.state,
        "phase": job.phase,
        "step": job.step,
        "percent": round(job.percent, 1),
        "eta_seconds": rounded(job.eta_seconds),
        "attempt": job.attempt,
        "failures": job.failures,
        "cancel_requested": job.cancel_requested_at is not None,
        "not_before": instant(job.not_before),
        "created_at": instant(job.created_at),
        "published_at": instant(job.published_at),
        "started_at": instant(job.started_at),
        "finished_at": instant(job.finished_at),
        "error": job_error(job),
        "parent": reference(job.parent_id),
        "child_key": job.child_key or None,
        "replay_of": reference(job.replay_of_id),
        "escalation_of": reference(job.escalation_of_id),
        "links": job_links(job.pk),
    }


def job_body(job: Job, *, scopes: frozenset[str], with_attempts: bool = False) -> dict[str, Any]:
    """A job with all that the caller may know about it; links to its objects are signed now."""
    spec = kinds.find(job.kind)
    needed = None if spec is None else spec.reads
    shown = needed is None or needed in scopes
    body = {
        **job_summary(job),
        "submitted_by": job.submitted_by,
        "params": job.params if shown else {},
        "result": job.result if shown else None,
        "artifacts": artifacts(job) if shown else [],
        "withheld": None if shown else str(needed),
        "flow": flow(job),
        "escalated_to": [str(one) for one in selectors.job_escalations(job=job)],
    }
    if with_attempts:
        body["attempts"] = [attempt_body(row) for row in selectors.job_attempts(job=job)]
    return body


def job_error(job: Job) -> dict[str, Any] | None:
    """Why the job failed, or why its last attempt did while it waits for the next."""
    if job.state not in _SHOWS_ERROR or not job.error_code:
        return None
    return error_body(job.error_code, job.error_params)


def artifacts(job: Job) -> list[dict[str, Any]]:
    """What the job made, each with a link that works for `LINK_LIFETIME`."""
    spec = kinds.find(job.kind)
    if not job.artifacts or spec is None:
        return []
    where = Bucket(spec.bucket)
    bucket = store(where)
    seconds = int(LINK_LIFETIME.total_seconds())
    gone = where is Bucket.EXCEL and _dropped(job)
    expires_at = None if gone else instant(clock.now() + LINK_LIFETIME)
    return [
        {
            "name": item["name"],
            "content_type": item["content_type"],
            "size": item["size"],
            "sha256": item["sha256"],
            "url": None
            if gone
            else bucket.presign_get(item["key"], seconds, filename=_file_name(item["name"])),
            "url_expires_at": expires_at,
        }
        for item in job.artifacts
    ]


def _dropped(job: Job) -> bool:
    """Whether the store has dropped the job's tables; see `academy.core.buckets`."""
    kept = timedelta(days=settings.TABLE_FILE_DAYS)
    return job.finished_at is not None and job.finished_at + kept < clock.now()


def flow(job: Job) -> dict[str, Any] | None:
    """How far the children are, for a job that was split."""
    if job.state != JobState.WAITING and job.phase == "start":
        return None
    progress = selectors.flow_progress(job)
    return progress if progress["total"] else None


def attempt_body(attempt: JobAttempt) -> dict[str, Any]:
    """One attempt."""
    code = attempt.error_code
    return {
        "number": attempt.number,
        "phase": attempt.phase,
        "started_at": instant(attempt.started_at),
        "ended_at": instant(attempt.ended_at),
        "outcome": attempt.outcome or None,
        "error": error_body(code, attempt.error_params) if code else None,
    }


def event_body(event: JobEvent) -> dict[str, Any]:
    """One event, without what only operations may know."""
    return {
        "seq": event.seq,
        "at": instant(event.at),
        "type": event.type,
        "from_state": event.from_state or None,
        "state": event.to_state,
        "attempt": event.attempt,
        **{name: event.data[name] for name in _EVENT_DATA if name in event.data},
    }


def progress_body(job: Job) -> dict[str, Any]:
    """What a stream repeats while the job is at work."""
    return {
        "state": job.state,
        "phase": job.phase,
        "step": job.step,
        "percent": round(job.percent, 1),
        "eta_seconds": rounded(job.eta_seconds),
        "attempt": job.attempt,
        "flow": flow(job) if job.state == JobState.WAITING else None,
    }


def kind_body(spec: kinds.KindSpec[Any]) -> dict[str, Any]:
    """A kind, with the JSON Schema of its parameters."""
    return {
        "name": spec.name,
        "version": spec.version,
        "queue": spec.queue,
        "queues": list(spec.queues),
        "max_attempts": spec.max_attempts,
        "timeout_seconds": spec.timeout_seconds,
        "scopes": {"read": _scope(spec.reads), "write": _scope(spec.writes)},
        "params": spec.params.model_json_schema(),
        "result": None if spec.result is None else spec.result.model_json_schema(),
    }


def _scope(scope: Scope | None) -> str | None:
    return None if scope is None else scope.value


def _file_name(name: str) -> str:
    return name.rpartition("/")[2]
