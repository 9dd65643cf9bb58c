"""Queues: how much waits, how fast it goes, and the switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from academy.core.errors import AppError
from academy.fleet import services
from academy.fleet.selectors import queue_switches
from academy.ops import selectors_audit, selectors_queues
from academy.ops.console.forms import queue_names
from academy.ops.console.pages import (
    ConfirmForm,
    ReasonForm,
    confirm,
    operator,
    posted,
    require_form,
    show,
)
from academy.ops.selectors_queues import IN_FLIGHT_LIMIT


@require_safe
def queues(request: HttpRequest) -> HttpResponse:
    """Every queue."""
    rows = selectors_queues.queues_overview()
    people = selectors_audit.who(row.view.switch.paused_by for row in rows if row.view.switch)
    return show(
        request,
        "queues.html",
        section="queues",
        live=3,
        rows=rows,
        people=people,
        limit=IN_FLIGHT_LIMIT,
    )


@require_form
def pause(request: HttpRequest, queue: str) -> HttpResponse:
    """Stop a queue, with a reason."""
    _check(queue)

    def act(values: Mapping[str, Any]) -> str:
        services.queue_pause(queue=queue, by=operator(request), reason=values["reason"])
        return gettext("%(queue)s is paused.") % {"queue": queue}

    return confirm(
        request,
        ReasonForm(posted(request)),
        section="queues",
        title=gettext("Pause %(queue)s?") % {"queue": queue},
        effects=[
            gettext("Nothing more is sent to the queue, and no worker starts work from it."),
            gettext("What runs now goes on to its end."),
            gettext("Academies can still submit; their jobs wait until you resume the queue."),
        ],
        button=gettext("Pause"),
        back=resolve_url("console:queues"),
        act=act,
        danger=True,
    )


@require_form
def resume(request: HttpRequest, queue: str) -> HttpResponse:
    """Let a queue run again."""
    _check(queue)
    switch = queue_switches().get(queue)

    def act(_values: Mapping[str, Any]) -> str:
        if services.queue_resume(queue=queue, by=operator(request)):
            return gettext("%(queue)s runs again.") % {"queue": queue}
        return gettext("%(queue)s was not paused.") % {"queue": queue}

    effects = [gettext("Waiting jobs are sent to the queue at once, and workers take them.")]
    if switch is not None:
        why = gettext("It was paused for: %(reason)s") % {"reason": switch.reason}
        effects.insert(0, why)
    return confirm(
        request,
        ConfirmForm(posted(request)),
        section="queues",
        title=gettext("Resume %(queue)s?") % {"queue": queue},
        effects=effects,
        button=gettext("Resume"),
        back=resolve_url("console:queues"),
        act=act,
    )


def _check(queue: str) -> None:
    if queue not in queue_names():
        raise AppError("queue_unknown", queue=queue)
