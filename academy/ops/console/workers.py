"""Workers: who is there, what they do, and the drain switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from academy.core.errors import AppError
from academy.fleet import services
from academy.fleet.models import Worker
from academy.ops import selectors_audit, selectors_workers
from academy.ops.console.pages import (
    ConfirmForm,
    ReasonForm,
    confirm,
    operator,
    posted,
    require_form,
    show,
)


@require_safe
def workers(request: HttpRequest) -> HttpResponse:
    """Every worker that was seen today."""
    rows = selectors_workers.workers_at_work()
    asked = (row.view.row.drain_asked_by for row in rows if row.view.row.drain_asked_at)
    people = selectors_audit.who(asked)
    return show(request, "workers.html", section="workers", live=5, rows=rows, people=people)


@require_form
def drain(request: HttpRequest, name: str) -> HttpResponse:
    """Have a worker finish and take nothing new."""
    _check(name)

    def act(values: Mapping[str, Any]) -> str:
        services.worker_drain(name=name, by=operator(request), reason=values["reason"])
        return gettext("%(worker)s takes nothing new.") % {"worker": name}

    return confirm(
        request,
        ReasonForm(posted(request)),
        section="workers",
        title=gettext("Drain %(worker)s?") % {"worker": name},
        effects=[
            gettext("It finishes what it runs and takes no new work; the process stays up."),
            gettext("Other workers of its queue go on. If it is the only one, its jobs wait."),
        ],
        button=gettext("Drain"),
        back=resolve_url("console:workers"),
        act=act,
        danger=True,
    )


@require_form
def undrain(request: HttpRequest, name: str) -> HttpResponse:
    """Have it take work again."""
    _check(name)

    def act(_values: Mapping[str, Any]) -> str:
        services.worker_undrain(name=name, by=operator(request))
        return gettext("%(worker)s takes work again.") % {"worker": name}

    return confirm(
        request,
        ConfirmForm(posted(request)),
        section="workers",
        title=gettext("Let %(worker)s take work again?") % {"worker": name},
        effects=[gettext("It takes jobs of its queue again within seconds.")],
        button=gettext("Take work"),
        back=resolve_url("console:workers"),
        act=act,
    )


def _check(name: str) -> None:
    if "\0" in name or not Worker.objects.filter(name=name).exists():
        raise AppError("worker_unknown", worker=name)
