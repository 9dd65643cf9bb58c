"""``GET /metrics`` for Prometheus."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from academy.core.errors import AppError
from academy.core.http.problems import problem_response
from academy.telemetry.page import page


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The platform's page; 401 without the token, 503 where the database cannot be reached."""
    if not _may_read(request):
        return problem_response(AppError("not_authenticated"))
    try:
        body, content_type = page.render(request.headers.get("Accept", ""))
    except Exception as error:  # noqa: BLE001 - the catalogue has the sentence for each
        return problem_response(error)
    response = HttpResponse(body, content_type=content_type)
    response["Cache-Control"] = "no-store"
    return response


def _may_read(request: HttpRequest) -> bool:
    """Whether the caller has the token; Http404 where there is none and the caller is not local."""
    token: str = settings.METRICS_TOKEN
    if token:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(), token.encode())
        return scheme.lower() == "bearer" and same
    if settings.METRICS_OPEN_ON_LOOPBACK and _is_loopback(request):
        return True
    raise Http404


def _is_loopback(request: HttpRequest) -> bool:
    # A proxy on this machine has a loopback address too, and says for whom it asks.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
