"""One job: its story, its log, what it made, and what an operator can do with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs import kinds
from academy.jobs.models import Job
from academy.jobs.selectors import job_of_any_tenant
from academy.jobs.states import REPLAYABLE, TERMINAL, JobState
from academy.ops import selectors_audit, selectors_jobs, services
from academy.ops.console.pages import (
    ReasonForm,
    confirm,
    language,
    operator,
    posted,
    require_form,
    show,
    shown_json,
)
from academy.ops.story import reason_of, tell

_LINK_SECONDS: Final = 300
_LIVE_SECONDS: Final = 3


@require_safe
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The story of one job."""
    record = selectors_jobs.job_record(job_id)
    row = record.job
    ended = JobState(row.state) in TERMINAL
    return show(
        request,
        "job.html",
        section="jobs",
        live=None if ended else _LIVE_SECONDS,
        record=record,
        job=row,
        steps=tell(row, record.events, record.attempts, language=language()),
        reason=reason_of(row.error_code, row.error_params),
        params=shown_json(row.params),
        result=None if row.result is None else shown_json(row.result),
        checkpoint=shown_json(row.checkpoint) if row.checkpoint else None,
        trace_id=trace_id(row),
        children_total=sum(record.children_by_state.values()),
        deeds=selectors_audit.named(record.actions),
        can=_can(row),
    )


def trace_id(row: Job) -> str:
    """The trace of the submission; empty where it was not traced."""
    parts = row.traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def _can(row: Job) -> dict[str, bool]:
    state = JobState(row.state)
    return {
        "cancel": state not in TERMINAL and row.cancel_requested_at is None,
        "retry": state is JobState.RETRY_WAIT,
        "replay": state in REPLAYABLE and row.parent_id is None,
    }


@require_safe
def log(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """What the job's attempts logged: the last lines, which grow while it is at work."""
    row = job_of_any_tenant(job_id)
    before = _position(request.GET.get("before"))
    page = selectors_jobs.job_log(job_id, before=before)
    at_work = JobState(row.state) not in TERMINAL and before is None
    return show(
        request,
        "job_log.html",
        section="jobs",
        live=_LIVE_SECONDS if at_work else None,
        job=row,
        page=page,
        is_tail=before is None,
    )


def _position(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    attempt, dot, seq = text.partition(".")
    numbers = [int(part) for part in (attempt, seq) if part.isascii() and part.isdigit()]
    if not dot or len(numbers) != 2 or len(text) > 20 or max(numbers) >= 2**31:
        raise AppError("invalid_cursor")
    return numbers[0], numbers[1]


@require_safe
def artifact(request: HttpRequest, job_id: UUID, number: int) -> HttpResponse:
    """Go to a link that works for five minutes; made, and noted, when somebody asks for it."""
    row = job_of_any_tenant(job_id)
    spec = kinds.find(row.kind)
    if spec is None or number >= len(row.artifacts):
        raise AppError("not_found")
    item: dict[str, Any] = row.artifacts[number]
    name = str(item["name"]).rpartition("/")[2]
    link = store(Bucket(spec.bucket)).presign_get(item["key"], _LINK_SECONDS, filename=name)
    services.artifact_opened(job=row, name=item["name"], by=operator(request))
    return HttpResponseRedirect(link, headers={"Referrer-Policy": "no-referrer"})


# ---------------------------------------------------------------------------- deeds


@require_form
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Stop it."""
    job_of_any_tenant(job_id)

    def act(values: Mapping[str, Any]) -> str:
        row = services.job_cancel(job_id=job_id, by=operator(request), reason=values["reason"])
        if row.state == JobState.CANCELLED:
            return gettext("The job is cancelled.")
        return gettext("Its worker was told to stop; that takes a few seconds.")

    return _ask(
        request,
        job_id,
        title=gettext("Cancel this job?"),
        effects=[
            gettext("A job that waits ends at once; one that runs stops within seconds."),
            gettext("Its parts are cancelled as well. What it has made so far does not count."),
            gettext("The academy sees it as cancelled. It can be run again later, as a new job."),
        ],
        button=gettext("Cancel the job"),
        act=act,
        danger=True,
    )


@require_form
def retry(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Do not let it wait any longer."""
    job_of_any_tenant(job_id)

    def act(values: Mapping[str, Any]) -> str:
        services.job_retry(job_id=job_id, by=operator(request), reason=values["reason"])
        return gettext("The job is due now.")

    return _ask(
        request,
        job_id,
        title=gettext("Try again now?"),
        effects=[
            gettext("The wait after the last failure ends, and the job is queued at once."),
            gettext("It is still one of its attempts: nothing is counted anew."),
        ],
        button=gettext("Try now"),
        act=act,
    )


@require_form
def replay(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Run it again, as a new job."""
    job_of_any_tenant(job_id)

    def act(values: Mapping[str, Any]) -> str:
        row = services.job_replay(job_id=job_id, by=operator(request), reason=values["reason"])
        return gettext("Submitted again as job %(id)s.") % {"id": row.pk}

    return _ask(
        request,
        job_id,
        title=gettext("Run this job again?"),
        effects=[
            gettext("A new job with the same parameters is submitted for the academy."),
            gettext("It counts towards the academy's limits like any other job."),
            gettext("This job stays as it is, so that its story remains true."),
        ],
        button=gettext("Run again"),
        act=act,
    )


def _ask(request: HttpRequest, job_id: UUID, **words: Any) -> HttpResponse:
    return confirm(
        request,
        ReasonForm(posted(request)),
        section="jobs",
        back=resolve_url("console:job", job_id=job_id),
        **words,
    )
