"""Reads for the console: jobs of all academies, and everything about one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import Count, Q, QuerySet

from academy.core.errors import AppError
from academy.core.ids import first_id_at, time_of
from academy.deadletters.models import DeadLetter, Source
from academy.fleet import audit
from academy.fleet.models import OperatorAction
from academy.jobs.models import Effect, Job, JobAttempt, JobEvent, JobLog
from academy.jobs.selectors import job_of_any_tenant
from academy.jobs.states import TERMINAL, JobState
from academy.ops.selectors_queues import is_timeout

PAGE: Final = 50
STATEMENT_MS: Final = 3_000
"""A search that takes longer is given up, and the operator is asked to narrow it."""
REQUEST_SPAN: Final = timedelta(days=1)
"""How long after its request a flow may still make parts."""

_NOT_LISTED: Final = ("params", "checkpoint", "result", "artifacts", "error_params")


@dataclass(frozen=True)
class JobFilter:
    """What to look for; all of it must hold."""

    state: str = ""
    queue: str = ""
    kind: str = ""
    tenant_id: UUID | None = None
    request_id: str = ""
    parent_id: UUID | None = None
    whole_only: bool = False
    """Leave out the parts of flows."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class JobPage:
    """Jobs, newest first, and where the next page begins."""

    jobs: list[Job]
    older_than: UUID | None


def jobs_page(wanted: JobFilter, *, before: UUID | None = None, limit: int = PAGE) -> JobPage:
    """One page by position. Raises AppError ``search_too_broad``.

    Ids are in order of time, so that the primary key serves order, position and time range alike,
    and nothing is ever counted.
    """
    jobs = _matching(wanted).select_related("tenant").defer(*_NOT_LISTED)
    if before is not None:
        jobs = jobs.filter(pk__lt=before)
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            found = list(jobs.order_by("-pk")[: limit + 1])
    except OperationalError as error:
        if is_timeout(error):
            raise AppError("search_too_broad", seconds=STATEMENT_MS // 1000) from error
        raise
    more = len(found) > limit
    return JobPage(found[:limit], found[limit - 1].pk if more else None)


def _matching(wanted: JobFilter) -> QuerySet[Job]:
    jobs = Job.unscoped.all()
    exact = {
        "state": wanted.state,
        "queue": wanted.queue,
        "kind": wanted.kind,
        "tenant_id": wanted.tenant_id,
        "request_id": wanted.request_id,
        "parent_id": wanted.parent_id,
    }
    jobs = jobs.filter(**{name: value for name, value in exact.items() if value})
    if wanted.whole_only:
        jobs = jobs.filter(parent__isnull=True)
    since, until = _span(wanted)
    if since is not None:
        jobs = jobs.filter(pk__gte=first_id_at(since))
        if wanted.state in TERMINAL:
            # Follows from the line above, and is what the index of ended jobs can answer.
            jobs = jobs.filter(finished_at__gte=since)
    if until is not None:
        jobs = jobs.filter(pk__lt=first_id_at(until))
    return jobs


def _span(wanted: JobFilter) -> tuple[datetime | None, datetime | None]:
    """The time range; a request id of our own says by itself when its jobs were made."""
    since, until = wanted.since, wanted.until
    made_at = time_of(wanted.request_id) if wanted.request_id else None
    if made_at is not None:
        since = max(filter(None, (since, made_at - timedelta(minutes=1))))
        until = min(filter(None, (until, made_at + REQUEST_SPAN)))
    return since, until


# ---------------------------------------------------------------------------- one job

EVENTS: Final = 500
CHILDREN: Final = 50
ROWS: Final = 50
LOG_TAIL: Final = 20

_FIRST: Final = [JobState.DEAD, JobState.FAILED, JobState.RUNNING, JobState.RETRY_WAIT]


@dataclass(frozen=True)
class JobRecord:
    """A job and what belongs to it; lists are cut at a length that a page can carry."""

    job: Job
    events: list[JobEvent]
    attempts: list[JobAttempt]
    children: list[Job] = field(default_factory=list)
    children_by_state: dict[str, int] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    replays: list[Job] = field(default_factory=list)
    log_tail: list[JobLog] = field(default_factory=list)
    actions: list[OperatorAction] = field(default_factory=list)
    letter: DeadLetter | None = None
    """The job's own, where it died."""


def job_record(job_id: UUID) -> JobRecord:
    """Everything about one job. Raises AppError ``job_not_found``."""
    job = job_of_any_tenant(job_id)
    newest_events = JobEvent.objects.filter(job=job).order_by("-seq")[:EVENTS]
    newest_attempts = JobAttempt.objects.filter(job=job).order_by("-number")[:EVENTS]
    by_state = _children_by_state(job)
    return JobRecord(
        job=job,
        events=list(reversed(newest_events)),
        attempts=list(reversed(newest_attempts)),
        children=_children(job) if by_state else [],
        children_by_state=by_state,
        effects=list(Effect.unscoped.filter(job=job).order_by("created_at", "id")[:ROWS]),
        replays=list(Job.unscoped.filter(replay_of=job).order_by("pk")[:ROWS]),
        log_tail=job_log(job_id, limit=LOG_TAIL).lines,
        actions=list(audit.actions_on(str(job.pk))[:ROWS]),
        letter=DeadLetter.objects.filter(job=job, source=Source.JOB).first(),
    )


def _children_by_state(job: Job) -> dict[str, int]:
    counted = Job.unscoped.filter(parent=job).values_list("state").annotate(number=Count("*"))
    return dict(counted.order_by("state"))


def _children(job: Job) -> list[Job]:
    """Those that need a look come first."""
    rows = Job.unscoped.filter(parent=job).defer(*_NOT_LISTED)
    urgent = rows.filter(state__in=_FIRST).order_by("pk")[:CHILDREN]
    found = list(urgent)
    if len(found) < CHILDREN:
        found += rows.exclude(state__in=_FIRST).order_by("pk")[: CHILDREN - len(found)]
    return found


@dataclass(frozen=True)
class LogPage:
    """Lines of a job, oldest first, and where older ones begin."""

    lines: list[JobLog]
    older_than: tuple[int, int] | None


def job_log(
    job_id: UUID,
    *,
    before: tuple[int, int] | None = None,
    attempt: int | None = None,
    limit: int = 500,
) -> LogPage:
    """The last lines of a job, or those before a position (attempt, seq)."""
    lines = JobLog.objects.filter(job_id=job_id)
    if attempt is not None:
        lines = lines.filter(attempt=attempt)
    if before is not None:
        lines = lines.filter(Q(attempt__lt=before[0]) | Q(attempt=before[0], seq__lt=before[1]))
    found: list[Any] = list(lines.order_by("-attempt", "-seq")[: limit + 1])
    shown = list(reversed(found[:limit]))
    older = (shown[0].attempt, shown[0].seq) if len(found) > limit else None
    return LogPage(shown, older)
