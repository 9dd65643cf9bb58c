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
    """200 only when every check holds; 503 otherwise, naming the parts that fail."""
    results = health.run_checks()
    ready = all(result.ok for result in results)
    body = {
        "ok": ready,
        "checks": {
            result.name: {"ok": result.ok, "milliseconds": result.milliseconds}
            for result in results
        },
    }
    return JsonResponse(body, status=200 if ready else 503)
