"""Links to pages over REST: what a request may say, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from academy.core.http.serializers import (
    StrictBooleanField,
    StrictIntegerField,
    StrictRegexField,
    StrictSerializer,
    parse_body,
)
from academy.core.http.values import instant
from academy.core.masking import mask
from academy.desk.links import ACTOR_CHARS, SHORTEST_LINK, Grant, Purpose, expiry, link
from academy.tenants.principal import principal_of


class ActorField(StrictRegexField):
    """The academy's own word for a person; a phone number is refused, since this is kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__(rf"^[A-Za-z0-9._:-]{{1,{ACTOR_CHARS}}}\Z", **options)

    def to_internal_value(self, data: Any) -> str:
        """Accept an opaque word."""
        value: str = super().to_internal_value(data)
        if mask(value) != value:
            raise ValidationError([ErrorDetail("A phone number.", code="personal")])
        return value


class PageLinkRequestSerializer(StrictSerializer):
    """For whom a link is, for how long, and whether something may be changed there."""

    actor = ActorField(
        required=False,
        help_text="Your own word for who opens it: an id, never a name or a phone number. The "
        "audit trail names it beside you.",
    )
    expires_in = StrictIntegerField(
        required=False,
        min_value=int(SHORTEST_LINK.total_seconds()),
        help_text="Seconds. The page stays open for longer than its link can be opened.",
    )
    read_only = StrictBooleanField(  # type: ignore[assignment]
        required=False, default=False
    )


class PageLinkSerializer(serializers.Serializer[Any]):
    """A page to open in a browser, without an account."""

    url = serializers.CharField()
    expires_at = serializers.DateTimeField()


LINK_EXAMPLE = {
    "url": "https://academy.example/desk/exam/01932c07-d0a1-7b52-9f0e-5a1c9be2a7d3/review"
    "?token=WyIwMTkzMmMwNyJd:1vN0qa:x3Jx0Qz",
    "expires_at": "2026-03-02T21:00:00.000Z",
}


def link_made(
    request: Request, purpose: Purpose, ids: Mapping[str, UUID], *, path: str = ""
) -> Response:
    """Answer a request for a link; it allows what the caller may do, and no more than is wished."""
    wanted = parse_body(request, PageLinkRequestSerializer)
    lifetime = purpose.lifetime
    if "expires_in" in wanted:
        lifetime = timedelta(seconds=wanted["expires_in"])
        if lifetime > purpose.longest:
            limit = int(purpose.longest.total_seconds())
            detail = ErrorDetail(f"At most {limit}.", code="max_value")
            raise ValidationError({"expires_in": [detail]})
    principal = principal_of(request)
    scopes = purpose.scopes & principal.scopes
    if wanted["read_only"]:
        scopes = frozenset(scope for scope in scopes if scope.endswith(":read"))
    grant = Grant(
        tenant=principal.tenant.pk,
        maker=principal.name,
        actor=wanted.get("actor", ""),
        scopes=frozenset(scopes),
        expires=expiry(lifetime),
    )
    made = link(purpose, ids, grant, path=path)
    return Response({"url": made.url, "expires_at": instant(made.expires_at)})
