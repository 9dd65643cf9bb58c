"""What the console's templates need beyond Django's own tags."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from academy.core import clock as core_clock
from academy.core.masking import mask, mask_value
from academy.fleet.states import WorkerState
from academy.jobs.models import EffectState, Job, JobAttempt
from academy.jobs.states import JobState, Outcome
from academy.ops.deep.report import Link

register = template.Library()

UNKNOWN: Final = "\u2013"
"""What stands where a value is None, or the empty text that templates make of None's attributes."""
NEAR: Final = 0.8
"""Share of a limit from which it is worth a look."""

Words = dict[str, tuple[str | Promise, str]]
"""What each value is called, and its tone: good, bad, warn, busy or idle."""

_SECTIONS: Final = (
    ("overview", gettext_lazy("Overview")),
    ("queues", gettext_lazy("Queues")),
    ("jobs", gettext_lazy("Jobs")),
    ("letters", gettext_lazy("Dead letters")),
    ("tenants", gettext_lazy("Academies")),
    ("workers", gettext_lazy("Workers")),
    ("check", gettext_lazy("Check")),
    ("audit", gettext_lazy("Audit")),
)


@dataclass(frozen=True)
class Entry:
    """One entry of the navigation."""

    name: str
    url: str
    label: str | Promise


@register.simple_tag
def navigation() -> list[Entry]:
    """The sections that this release has."""
    entries = [Entry(name, section_url(name), label) for name, label in _SECTIONS]
    return [entry for entry in entries if entry.url]


# ---------------------------------------------------------------------------- time


@register.filter
def clock(moment: datetime) -> str:
    """The time of day in the page's zone, to the second."""
    return f"{timezone.localtime(moment):%H:%M:%S}"


@register.filter
def moment(value: datetime | str | None) -> SafeString | str:
    """A moment to the second in the page's zone; its own element, with the zone in its title."""
    if value is None or isinstance(value, str):
        return UNKNOWN
    local = timezone.localtime(value)
    exact = f"{local:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {local:%Z}"
    return _time_element(local, exact, f"{local:%Y-%m-%d %H:%M:%S}")


@register.filter
def ago(value: datetime | str | None) -> SafeString | str:
    """How long ago (or until when), with the moment itself in the title."""
    if value is None or isinstance(value, str):
        return UNKNOWN
    seconds = (core_clock.now() - value).total_seconds()
    text = (
        gettext("%(duration)s ago") % {"duration": duration(seconds)}
        if seconds >= 0
        else gettext("in %(duration)s") % {"duration": duration(-seconds)}
    )
    local = timezone.localtime(value)
    return _time_element(local, f"{local:%Y-%m-%d %H:%M:%S %Z}", text)


def _time_element(local: datetime, exact: str, text: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{} (Asia/Seoul)">{}</time>',
        local.isoformat(timespec="milliseconds"),
        exact,
        text,
    )


@register.filter
def duration(value: float | timedelta | str | None) -> str:
    """A length of time in the two largest units; seconds or a timedelta."""
    if value is None or isinstance(value, str):
        return UNKNOWN
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 1:
        return gettext("%(n)s ms") % {"n": round(max(seconds, 0.0) * 1000)}
    if seconds < 10:
        return gettext("%(n)s s") % {"n": f"{seconds:.1f}"}
    if seconds < 60:
        return gettext("%(n)s s") % {"n": int(seconds)}
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return gettext("%(m)s min %(s)s s") % {"m": minutes, "s": f"{rest:02d}"}
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return gettext("%(h)s h %(m)s min") % {"h": hours, "m": f"{minutes:02d}"}
    days, hours = divmod(hours, 24)
    return gettext("%(d)s d %(h)s h") % {"d": days, "h": hours}


# ---------------------------------------------------------------------------- figures


@register.filter
def number(value: float | str | None) -> str:
    """A number with separators; a dash where it is not known."""
    return UNKNOWN if value is None or isinstance(value, str) else f"{value:,}"


@register.filter
def decimal(value: float | str | None) -> str:
    """A pace: with one decimal while it is small."""
    if value is None or isinstance(value, str):
        return UNKNOWN
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


@register.filter
def percent(share: float) -> str:
    """A share of one, in per cent."""
    return f"{share * 100:,.0f} %"


@register.filter
def unlocalised(value: float) -> str:
    """A number as HTML attributes want it."""
    return f"{value:.1f}"


@register.filter
def size(value: int | str | None) -> str:
    """Bytes in the unit a person would say."""
    if value is None or isinstance(value, str):
        return UNKNOWN
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


# ---------------------------------------------------------------------------- states

_STATES: Final[Words] = {
    JobState.QUEUED: (gettext_lazy("Queued"), "idle"),
    JobState.PUBLISHED: (gettext_lazy("Published"), "idle"),
    JobState.RUNNING: (gettext_lazy("Running"), "busy"),
    JobState.WAITING: (gettext_lazy("Waiting for its parts"), "idle"),
    JobState.RETRY_WAIT: (gettext_lazy("Waiting to retry"), "warn"),
    JobState.SUCCEEDED: (gettext_lazy("Succeeded"), "good"),
    JobState.FAILED: (gettext_lazy("Failed"), "bad"),
    JobState.CANCELLED: (gettext_lazy("Cancelled"), "idle"),
    JobState.DEAD: (gettext_lazy("Dead"), "bad"),
}
_OUTCOMES: Final[Words] = {
    Outcome.SUCCEEDED: (gettext_lazy("Succeeded"), "good"),
    Outcome.WAITING: (gettext_lazy("Split into parts"), "good"),
    Outcome.TRANSIENT: (gettext_lazy("Failed for now"), "warn"),
    Outcome.PERMANENT: (gettext_lazy("Failed for good"), "bad"),
    Outcome.POISON: (gettext_lazy("Poison"), "bad"),
    Outcome.CANCELLED: (gettext_lazy("Cancelled"), "idle"),
    Outcome.RELEASED: (gettext_lazy("Given back"), "idle"),
    Outcome.LOST: (gettext_lazy("Worker lost"), "bad"),
    "": (gettext_lazy("At work"), "busy"),
}
_WORKERS: Final[Words] = {
    WorkerState.WORKING: (gettext_lazy("Working"), "good"),
    WorkerState.PAUSED: (gettext_lazy("Paused"), "warn"),
    WorkerState.DRAINING: (gettext_lazy("Draining"), "warn"),
    WorkerState.DRAINED: (gettext_lazy("Drained"), "idle"),
    WorkerState.STOPPED: (gettext_lazy("Stopped"), "idle"),
    "lost": (gettext_lazy("No sign of life"), "bad"),
}


def tag(words: Words, value: str) -> SafeString:
    """A value in words, with the colour of its tone."""
    label, tone = words.get(value, (value, "idle"))
    return format_html('<span class="tag {}">{}</span>', tone, label)


@register.filter
def state(value: str) -> SafeString:
    """A job's state in words, with a tone."""
    return tag(_STATES, value)


@register.filter
def state_name(value: str) -> str:
    """A job's state in words alone."""
    return str(_STATES.get(value, (value, ""))[0])


@register.filter
def outcome(value: str) -> SafeString:
    """How an attempt ended."""
    return tag(_OUTCOMES, value)


@register.filter
def worker_state(value: str) -> SafeString:
    """What a worker is doing."""
    return tag(_WORKERS, value)


@register.filter
def lookup(table: dict[Any, Any], key: Any) -> Any:
    """The value of a key that is itself a variable."""
    return table.get(key)


_EFFECTS: Final[Words] = {
    EffectState.PLANNED: (gettext_lazy("Planned"), "idle"),
    EffectState.SENDING: (gettext_lazy("Being sent"), "busy"),
    EffectState.SENT: (gettext_lazy("Sent"), "good"),
    EffectState.FAILED: (gettext_lazy("Refused"), "bad"),
    EffectState.UNKNOWN: (gettext_lazy("Not known; the provider is asked"), "warn"),
}


@register.filter
def effect_state(value: str) -> SafeString:
    """Where an effect is in its ledger."""
    return tag(_EFFECTS, value)


_CHECKS: Final[Words] = {
    "running": (gettext_lazy("Being checked"), "busy"),
    "ok": (gettext_lazy("Fine"), "good"),
    "paused": (gettext_lazy("Paused"), "warn"),
    "busy": (gettext_lazy("All busy"), "warn"),
    "warning": (gettext_lazy("Fine, not for long"), "warn"),
    "attention": (gettext_lazy("Nothing broken, not all proved"), "warn"),
    "broken": (gettext_lazy("Broken"), "bad"),
}
_LINKS: Final[dict[str, str | Promise]] = {
    Link.STORED: gettext_lazy("stored"),
    Link.PUBLISHED: gettext_lazy("sent"),
    Link.CLAIMED: gettext_lazy("claimed"),
    Link.SETTLED: gettext_lazy("done"),
}


@register.filter
def check_status(value: str) -> SafeString:
    """What a deep check says of a part, a queue or everything."""
    return tag(_CHECKS, value)


@register.filter
def link_name(value: str) -> str:
    """A link of the chain in a word."""
    return str(_LINKS.get(value, value))


@register.filter
def level_tone(level: str) -> str:
    """The tone of a log level."""
    return {"warning": "warn", "error": "bad", "critical": "bad"}.get(level, "dim")


@register.filter
def share_tone(share: float) -> str:
    """The tone of a used share of a limit."""
    return "bad" if share >= 1 else "warn" if share >= NEAR else ""


@register.filter
def used(value: int, limit: int) -> str:
    """The tone of a figure beside its limit."""
    return share_tone(value / limit if limit else float(value > 0))


# ---------------------------------------------------------------------------- jobs


@register.filter
def took(job: Job) -> str:
    """From the first claim to the end, or until now."""
    if job.started_at is None:
        return UNKNOWN
    return duration((job.finished_at or core_clock.now()) - job.started_at)


@register.filter
def took_attempt(attempt: JobAttempt) -> str:
    """How long an attempt lasted."""
    return duration(attempt.ended_at - attempt.started_at if attempt.ended_at else None)


@register.filter
def masked(text: str) -> str:
    """The text without phone numbers and secrets."""
    return mask(text)


@register.filter
def compact(value: object) -> str:
    """A stored value in one line, masked."""
    return json.dumps(mask_value(value), ensure_ascii=False)


# ---------------------------------------------------------------------------- addresses


@register.simple_tag
def section_url(name: str) -> str:
    """The address of a section; empty where this release does not have it."""
    try:
        return reverse(f"console:{name}")
    except NoReverseMatch:
        return ""


@register.simple_tag
def without_position(request: HttpRequest) -> str:
    """The query of the first page of the same list."""
    query = request.GET.copy()
    query.pop("before", None)
    return query.urlencode()
