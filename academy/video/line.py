"""The place of a lecture in the line, and when it may start.

The line is the academy's own: academies take turns, so that another one's hundred lectures do not
stand before it. Each figure costs a bounded number of rows, however long the line is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db.models import F, QuerySet, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

from academy.core import clock
from academy.fleet.selectors import queue_switches
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.video.models import Encoding, Video

COUNTED: Final = 5_000
"""Beyond this many lectures ahead the exact place tells nobody anything."""
_RECENT: Final = 20


class WaitReason(StrEnum):
    """Why a lecture has not started."""

    LINE = "line"
    """Others of the academy come first, or no worker is free."""
    MINUTES = "minutes"
    """The minutes of the academy's month are used up."""
    LATER = "later"
    """It was submitted for a later moment."""
    RETRY = "retry"
    """It failed for a passing reason and is tried again by itself."""
    PAUSED = "paused"
    """The platform's staff have paused the queue."""


@dataclass(frozen=True)
class Wait:
    """Where a lecture stands. ``position`` 1 is the next; None where nobody can say."""

    reason: WaitReason
    position: int | None = None
    seconds: float | None = None
    """Estimated until it starts."""
    until: datetime | None = None
    """Not before this moment."""


def wait_of(video: Video) -> Wait | None:
    """Why the job of a video has not started, and when it may; None where it has, or has ended."""
    job = video.job
    if job.state == JobState.RETRY_WAIT:
        return _until(WaitReason.RETRY, job)
    if job.state not in {JobState.QUEUED, JobState.PUBLISHED} or job.attempt:
        return None
    if job.state == JobState.QUEUED and job.not_before > clock.now():
        held = video.held_at is not None
        return _until(WaitReason.MINUTES if held else WaitReason.LATER, job)
    ahead = _ahead(job)
    if job.queue in queue_switches():
        return Wait(WaitReason.PAUSED, position=ahead + 1)
    return Wait(WaitReason.LINE, position=ahead + 1, seconds=_estimate(job, ahead))


def _until(reason: WaitReason, job: Job) -> Wait:
    seconds = (job.not_before - clock.now()).total_seconds()
    return Wait(reason, seconds=max(0.0, seconds), until=job.not_before)


def _lectures(job: Job) -> QuerySet[Job]:
    """The academy's lectures of the same queue, for this moment unordered."""
    own = Job.objects.for_tenant(job.tenant_id)
    return own.filter(queue=job.queue, kind=job.kind).order_by()


def _ahead(job: Job) -> int:
    """Lectures that the relay publishes before this one, or has published."""
    mine = (Value(job.priority), Value(job.created_at), Value(job.pk))
    before = TupleLessThan(Tuple(F("priority"), F("created_at"), F("id")), mine)
    published = _lectures(job).filter(state=JobState.PUBLISHED.value, attempt=0)
    if job.state == JobState.PUBLISHED:
        return published.filter(before)[:COUNTED].count()
    due = _lectures(job).filter(
        before, state=JobState.QUEUED.value, attempt=0, not_before__lte=clock.now()
    )
    return published[:COUNTED].count() + due[:COUNTED].count()


def _estimate(job: Job, ahead: int) -> float | None:
    """Seconds until it starts, from how long the last lectures took; None before there were any."""
    each = _usual_seconds(job)
    if each is None:
        return None
    at_work = [JobState.RUNNING.value, JobState.WAITING.value]
    own = list(_lectures(job).filter(state__in=at_work).values_list("eta_seconds", flat=True)[:100])
    if own:
        told = [seconds for seconds in own if seconds is not None]
        first_free = min([*told, each / len(own)])
        return first_free + ahead * each / len(own)
    others = Job.unscoped.filter(queue=job.queue, kind=job.kind, state__in=at_work)
    if (busy := others.order_by()[:100].count()) and not ahead:
        # Every worker may be busy for other academies: one of them is free next.
        return each / busy
    return ahead * each


def _usual_seconds(job: Job) -> float | None:
    """The mean time of the academy's last lectures, else of everybody's."""
    for rows in (Encoding.objects.for_tenant(job.tenant_id), Encoding.unscoped.all()):
        recent = list(rows.order_by("-at").values_list("work_seconds", flat=True)[:_RECENT])
        if recent:
            return sum(recent) / len(recent)
    return None
