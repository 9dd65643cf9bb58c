"""The first page: is the platform well, and what needs a person."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from academy.ops.console.pages import show


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The chain at a glance."""
    return show(request, "overview.html", section="overview", live=5)
