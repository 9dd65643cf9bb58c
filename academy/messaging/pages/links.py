"""Links to the pages over REST. Thin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import answer, example
from academy.desk.rest import PageLinkRequestSerializer, PageLinkSerializer, link_made
from academy.messaging import selectors
from academy.messaging.pages.purposes import MESSAGES, ids_of
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

F = TypeVar("F", bound=Callable[..., Any])

_LINK: Final = {
    "url": "https://academy.example/desk/messages/01932c05-0a2b-7c11-8f3d-2d4e5f6a7b8c/compose"
    "?token=WyIwMTkzMmMwNSJd:1vN0qa:x3Jx0Qz",
    "expires_at": "2026-03-02T09:10:00.000Z",
}


def _page_link(operation_id: str) -> Callable[[F], F]:
    return extend_schema(
        operation_id=operation_id,
        tags=["Messages"],
        request=PageLinkRequestSerializer,
        examples=[example("For a teacher", {"actor": "teacher-7", "expires_in": 600})],
        responses={200: answer(PageLinkSerializer, "The page.", "A link", _LINK)},
    )


class MessagesLinkView(APIView):
    """Where a person sees the academy's campaigns."""

    required_scopes = {"POST": Scope.MESSAGES_READ}

    @_page_link("messages_page_link")
    def post(self, request: Request) -> Response:
        """A page with your campaigns, from which a person, without an account, writes others.

        Whoever opens it may do what you may do with messages, and nothing else; it ends when your
        key is revoked. With `messages:read` alone, or `read_only`, nothing can be sent.
        """
        return link_made(request, MESSAGES, ids_of(principal_of(request).tenant))


class ComposeLinkView(APIView):
    """Where a person writes a campaign."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    @_page_link("messages_compose_link")
    def post(self, request: Request) -> Response:
        """A page on which a person writes messages, sees them as a phone would, and sends them.

        The rest is as with `messages/page-link`.
        """
        tenant = principal_of(request).tenant
        return link_made(request, MESSAGES, ids_of(tenant), path="/compose")


class CampaignLinkView(APIView):
    """Where a person follows a campaign."""

    required_scopes = {"POST": Scope.MESSAGES_READ}

    @_page_link("campaign_page_link")
    def post(self, request: Request, campaign_id: UUID) -> Response:
        """A page that shows how far a campaign is, and why a message was not sent.

        The rest is as with `messages/page-link`.
        """
        tenant = principal_of(request).tenant
        selectors.campaign_get(tenant=tenant, campaign_id=campaign_id)
        return link_made(request, MESSAGES, ids_of(tenant), path=f"/campaigns/{campaign_id}")
