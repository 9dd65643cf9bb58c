"""Previews, campaigns and messages over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.views import PagedView
from academy.jobs.idempotency import Answer
from academy.jobs.once import act_once
from academy.messaging import asking, control, preview, selectors, shown
from academy.messaging.api import docs, serializers
from academy.messaging.fields import CampaignState, MessageState
from academy.messaging.models import Campaign
from academy.messaging.paging import NumberPagination
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

_READ = {"GET": Scope.MESSAGES_READ}


class PreviewView(APIView):
    """Look before sending."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}
    most_body_bytes = asking.MOST_BYTES

    @docs.preview
    def post(self, request: Request) -> Response:
        """See exactly what would be sent: each text, its type, its price, and what stops it.

        Nothing goes out. The token confirms exactly these messages, once and for five minutes; as
        long as one is `blocked`, none can be confirmed. What is `suppressed` is left out on
        purpose. An Idempotency-Key has no effect here: the answer holds texts, and is not kept.
        """
        values = parse_body(request, asking.PreviewRequestSerializer)
        principal = principal_of(request)
        made = preview.campaign_preview(
            tenant=principal.tenant,
            request=asking.request_of(principal.tenant, values),
            by=principal.name,
        )
        return Response(shown.preview_body(made), status=HTTPStatus.CREATED)


class ConfirmView(APIView):
    """Send."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    @docs.confirm
    def post(self, request: Request) -> Response:
        """Send what was previewed, as it was previewed. Follow the campaign from here."""
        token = parse_body(request, serializers.ConfirmSerializer)["token"]
        principal = principal_of(request)

        def once() -> Answer:
            campaign = preview.campaign_confirm(
                tenant=principal.tenant, token=token, by=principal.name
            )
            address = reverse("messaging:campaign", args=[campaign.pk])
            return Answer(HTTPStatus.ACCEPTED, shown.campaign_detail(campaign), address)

        return act_once(request, once)


class CampaignsView(PagedView):
    """List."""

    required_scopes = _READ

    @docs.campaign_list
    def get(self, request: Request) -> Response:
        """Your campaigns, the last first; previews that nobody confirmed are among them."""
        wanted = parse_query(request, serializers.CampaignListQuerySerializer)
        rows = selectors.campaign_list(
            tenant=principal_of(request).tenant,
            states=[CampaignState(state) for state in wanted["state"]],
        )
        pages = CursorPagination()
        found = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([shown.campaign_body(one) for one in found])


class CampaignView(APIView):
    """Read one."""

    required_scopes = _READ

    @docs.campaign_read
    def get(self, request: Request, campaign_id: UUID) -> Response:
        """One campaign: its messages by state and reason, its prices, and when it goes on."""
        return Response(shown.campaign_detail(_campaign(request, campaign_id)))


class CampaignMessagesView(PagedView):
    """The messages of one."""

    required_scopes = _READ
    pagination_class = NumberPagination

    @docs.campaign_messages
    def get(self, request: Request, campaign_id: UUID) -> Response:
        """The messages of a campaign in the order of its preview."""
        wanted = parse_query(request, serializers.MessageListQuerySerializer)
        campaign = selectors.campaign_get(
            tenant=principal_of(request).tenant, campaign_id=campaign_id
        )
        rows = selectors.message_list(
            campaign=campaign, states=[MessageState(state) for state in wanted["state"]]
        )
        pages = NumberPagination()
        found = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([shown.message_body(one) for one in found])


class PauseView(APIView):
    """Stop for now."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    @docs.campaign_pause
    def post(self, request: Request, campaign_id: UUID) -> Response:
        """Send nothing more until it is resumed; what is with the provider is not called back."""
        parse_body(request, NothingSerializer)
        tenant = principal_of(request).tenant
        control.campaign_pause(tenant=tenant, campaign_id=campaign_id)
        return Response(shown.campaign_detail(_campaign(request, campaign_id)))


class ResumeView(APIView):
    """Go on."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    @docs.campaign_resume
    def post(self, request: Request, campaign_id: UUID) -> Response:
        """Go on with a paused campaign: nobody who has been sent it gets it again."""
        parse_body(request, NothingSerializer)
        principal = principal_of(request)
        control.campaign_resume(tenant=principal.tenant, campaign_id=campaign_id, by=principal.name)
        return Response(shown.campaign_detail(_campaign(request, campaign_id)))


class CancelView(APIView):
    """End it."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    @docs.campaign_cancel
    def post(self, request: Request, campaign_id: UUID) -> Response:
        """Send none of what has not been sent, and give its credits back."""
        parse_body(request, NothingSerializer)
        tenant = principal_of(request).tenant
        control.campaign_cancel(tenant=tenant, campaign_id=campaign_id)
        return Response(shown.campaign_detail(_campaign(request, campaign_id)))


class MessageView(APIView):
    """The trace of one."""

    required_scopes = _READ

    @docs.message_read
    def get(self, request: Request, message_id: UUID) -> Response:
        """Why a message was sent, or was not: all that happened to it, in plain words."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        message = selectors.message_get(tenant=tenant, message_id=message_id)
        return Response(shown.trace_body(message, selectors.events_of(message)))


def _campaign(request: Request, campaign_id: UUID) -> Campaign:
    parse_query(request, NothingSerializer, also=frozenset())
    return selectors.campaign_get(tenant=principal_of(request).tenant, campaign_id=campaign_id)
