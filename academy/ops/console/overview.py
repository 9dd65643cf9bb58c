"""The first page: is the platform well, and what needs a person."""

from __future__ import annotations

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from academy.core import health
from academy.fleet import selectors as fleet
from academy.jobs.lag import relay_lag
from academy.ops import attention, selectors_queues
from academy.ops.console.pages import show
from academy.ops.selectors_queues import is_timeout


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The chain at a glance."""
    relay = _relay()
    queues = selectors_queues.queues_overview()
    workers = fleet.workers_list()
    return show(
        request,
        "overview.html",
        section="overview",
        live=5,
        items=attention.needed(relay=relay, queues=queues, workers=workers),
        relay=relay,
        queues=queues,
        failures=selectors_queues.failures(),
        letters=sum(row.letters for row in queues),
        paused=[row for row in queues if row.view.switch is not None],
        alive=sum(row.view.workers_alive for row in queues),
        running=_sum(row.rows.running if row.rows else None for row in queues),
    )


def _relay() -> attention.Relay | None:
    try:
        sign = health.relay_sign()
        return attention.Relay(sign.relays, sign.silent_seconds, relay_lag())
    except OperationalError as error:
        if is_timeout(error):
            return None
        raise


def _sum(values: object) -> int | None:
    known = [value for value in values if value is not None]  # type: ignore[attr-defined]
    return sum(known) if known else None
