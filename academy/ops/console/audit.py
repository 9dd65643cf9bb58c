"""What operators did."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from academy.ops import selectors_audit
from academy.ops.console.pages import show


@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Newest first; ``target`` narrows it to one thing."""
    target = request.GET.get("target", "").strip()[:200].replace("\0", "")
    cursor = request.GET.get("cursor") or None
    page = selectors_audit.actions_page(target=target, cursor=cursor)
    return show(
        request,
        "audit.html",
        section="audit",
        live=None if cursor else 10,
        page=page,
        target=target,
    )
