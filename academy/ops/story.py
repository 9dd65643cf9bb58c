"""A job's life as a person would tell it: its events and attempts, in order, with the time between.

Pure: rows in, steps out. Texts are translated when somebody reads the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext

from academy.core.catalogue import Language, describe
from academy.jobs.models import Job, JobAttempt, JobEvent
from academy.jobs.states import JobState, Outcome
from academy.ops.templatetags.console import duration


@dataclass(frozen=True)
class Step:
    """One thing that happened."""

    at: datetime
    tone: str
    """good, bad, warn, busy or idle."""
    title: str
    since_last: timedelta | None
    """How long after the step before it."""
    facts: list[tuple[str, str]] = field(default_factory=list)
    attempt: JobAttempt | None = None
    """The attempt that began with this step."""


@dataclass(frozen=True)
class _Told:
    tone: str
    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)


def tell(
    job: Job, events: Sequence[JobEvent], attempts: Sequence[JobAttempt], *, language: Language
) -> list[Step]:
    """The steps of a job, oldest first."""
    by_number = {attempt.number: attempt for attempt in attempts}
    steps: list[Step] = []
    for event in events:
        told = _told(job, event, by_number, language)
        began = event.type in _BEGINS
        steps.append(
            Step(
                at=event.at,
                tone=told.tone,
                title=told.title,
                facts=told.facts,
                since_last=event.at - steps[-1].at if steps else None,
                attempt=by_number.get(event.attempt) if began else None,
            )
        )
    return steps


_BEGINS: Final = frozenset({JobState.RUNNING.value, "taken_over"})


def _told(
    job: Job, event: JobEvent, attempts: Mapping[int, JobAttempt], language: Language
) -> _Told:
    match event.type:
        case "submitted":
            return _Told("idle", gettext("Submitted"), [(gettext("by"), job.submitted_by)])
        case "published":
            return _Told("idle", gettext("Sent to the queue %(queue)s") % {"queue": job.queue})
        case "running":
            return _Told("busy", _began(event), _claim_facts(event, attempts))
        case "taken_over":
            title = gettext("Attempt %(lost)s lost its heartbeat; attempt %(n)s took over")
            names = {"lost": event.attempt - 1, "n": event.attempt}
            return _Told("warn", title % names, _claim_facts(event, attempts))
        case "queued":
            return _queued(event, attempts)
        case "cancel_requested":
            return _Told("warn", gettext("Cancel asked for; the worker stops within seconds"))
        case "waiting":
            return _Told("idle", gettext("Split into parts; waits for them"))
        case _:
            return _ended_or_waits(job, event, attempts.get(event.attempt), language)


def _began(event: JobEvent) -> str:
    return gettext("Attempt %(n)s began") % {"n": event.attempt}


def _claim_facts(event: JobEvent, attempts: Mapping[int, JobAttempt]) -> list[tuple[str, str]]:
    facts = [(gettext("worker"), str(event.data.get("worker", "")))]
    attempt = attempts.get(event.attempt)
    if attempt is not None:
        received = gettext("%(id)s, received %(n)s times")
        if attempt.receive_count == 1:
            received = gettext("%(id)s, received once")
        values = {"id": attempt.message_id or "?", "n": attempt.receive_count}
        facts += [(gettext("host"), attempt.host_kind), (gettext("message"), received % values)]
        if attempt.phase != "start":
            facts.append((gettext("phase"), attempt.phase))
    return facts


def _queued(event: JobEvent, attempts: Mapping[int, JobAttempt]) -> _Told:
    """Back in the queue: what for, the state before and the attempt's end say."""
    attempt = attempts.get(event.attempt)
    outcome = attempt.outcome if attempt else ""
    match event.from_state, outcome:
        case JobState.RUNNING.value, Outcome.LOST.value:
            return _Told("warn", gettext("Heartbeat lost: the worker is gone; queued again"))
        case JobState.RUNNING.value, Outcome.RELEASED.value:
            return _Told("idle", gettext("Given back by a worker that stops; queued again"))
        case JobState.PUBLISHED.value, _:
            return _Told("warn", gettext("Nobody claimed the message in time; queued again"))
        case JobState.RETRY_WAIT.value, _:
            return _Told("idle", gettext("The wait is over; queued again"))
        case JobState.WAITING.value, _:
            return _Told("good", gettext("All parts are done; the next phase is queued"))
        case _:
            return _Told("idle", gettext("Queued again"))


def _ended_or_waits(
    job: Job, event: JobEvent, attempt: JobAttempt | None, language: Language
) -> _Told:
    facts = []
    if code := str(event.data.get("code", "")):
        # The event has the code alone; its parameters are where the failure was written.
        known = [row for row in (attempt, job) if row and row.error_code == code]
        params = known[0].error_params if known else {}
        facts.append((gettext("reason"), f"{code}: {describe(code).message(language, params)}"))
    match event.type:
        case JobState.RETRY_WAIT.value:
            due = _moment(event.data.get("not_before"))
            if due is not None:
                wait = max(due - event.at, timedelta(0))
                facts.append((gettext("waits"), duration(wait)))
            return _Told("warn", gettext("Failed for now; it will be tried again"), facts)
        case JobState.SUCCEEDED.value:
            return _Told("good", gettext("Succeeded"))
        case JobState.FAILED.value:
            return _Told("bad", gettext("Failed, for a reason the academy can read"), facts)
        case JobState.DEAD.value:
            return _Told("bad", gettext("Dead: a person must look"), facts)
        case JobState.CANCELLED.value:
            return _Told("idle", gettext("Cancelled"))
        case _:
            return _Told("idle", event.type, facts)


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


@dataclass(frozen=True)
class Reason:
    """Why a job or an attempt failed, as the academy reads it."""

    code: str
    ko: str
    en: str
    action_ko: str
    action_en: str
    retryable: bool


def reason_of(code: str, params: Mapping[str, object]) -> Reason | None:
    """The catalogue's sentences for a stored code; None where nothing failed."""
    if not code:
        return None
    entry = describe(code)
    return Reason(
        code=code,
        ko=entry.message("ko", params),
        en=entry.message("en", params),
        action_ko=entry.action("ko", params),
        action_en=entry.action("en", params),
        retryable=entry.retryable,
    )
