"""``/healthz`` (is the process alive) and ``/readyz`` (can it do its work)."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from academy.core import health


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 while the process serves: it asks nothing else, so that no outage restarts it."""
    return JsonResponse({"ok": True})


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 only when every check holds; 503 otherwise, naming the parts that fail.

    ``degraded`` names parts elsewhere that are in trouble: no reason to send requests away, because
    no other API process would serve them better.
    """
    health_now = health.examine()
    body = {
        "ok": health_now.ready,
        "degraded": [name for name, notice in health_now.notices.items() if not notice.ok],
        "checks": {
            check.name: {"ok": check.ok, "milliseconds": check.milliseconds}
            for check in health_now.checks
        },
        "notices": {
            name: {"ok": notice.ok, **notice.facts} for name, notice in health_now.notices.items()
        },
    }
    return JsonResponse(body, status=200 if health_now.ready else 503)
