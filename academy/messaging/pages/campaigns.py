"""The pages of campaigns: the list, one campaign, and why a message was not sent."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from academy.core.errors import AppError
from academy.core.http.pagination import newest_first
from academy.core.http.serializers import (
    NothingSerializer,
    StrictSerializer,
    parse_body,
    parse_query,
)
from academy.desk.visits import Visit, page, show
from academy.messaging import control, selectors, shown
from academy.messaging.fields import CampaignState, MessageState
from academy.messaging.models import Campaign, Message
from academy.messaging.pages import bodies, outbox, texts
from academy.messaging.pages.composing import MessagesVisitView
from academy.messaging.pages.purposes import MESSAGES
from academy.messaging.paging import NumberPagination
from academy.roster.selectors import students_list
from academy.tenants.models import Tenant
from academy.tenants.scopes import Scope

_LISTED: Final = 20
_OPEN: Final = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)
_ENDED: Final = (CampaignState.DONE, CampaignState.CANCELLED)
_FILTERS: Final = {"": (*_OPEN, *_ENDED), "open": _OPEN, "ended": _ENDED}
_ETAG_CHARS: Final = 32


class RowsQuerySerializer(StrictSerializer):
    """Filters of the list."""

    state = serializers.ListField(
        child=serializers.ChoiceField([state.value for state in MessageState]),
        required=False, default=list, max_length=len(MessageState),
    )  # fmt: skip
    q = serializers.CharField(required=False, default="", max_length=40)


@page(MESSAGES)
def campaigns(request: HttpRequest, visit: Visit, tenant_id: UUID) -> HttpResponse:  # noqa: ARG001
    """The academy's campaigns, the last first; previews that nobody confirmed are left out."""
    chosen = request.GET.get("show", "")
    states = _FILTERS.get(chosen)
    if states is None:
        raise AppError("not_found")
    rows = selectors.campaign_list(tenant=visit.tenant, states=states)
    found, following = newest_first(rows, cursor=request.GET.get("cursor"), limit=_LISTED)
    return show(
        request,
        visit,
        "messaging/campaigns.html",
        rows=_listed(visit.tenant, found),
        following=following,
        chosen=chosen,
        is_first="cursor" not in request.GET,
        may_write=Scope.MESSAGES_WRITE in visit.scopes,
        has_outbox=outbox.is_kept(),
        credit=bodies.credit_body(visit.tenant, 0),
    )


@page(MESSAGES)
def campaign(
    request: HttpRequest,
    visit: Visit,
    tenant_id: UUID,  # noqa: ARG001
    campaign_id: UUID,
) -> HttpResponse:
    """One campaign; what changes comes by its script."""
    found = selectors.campaign_get(tenant=visit.tenant, campaign_id=campaign_id)
    return show(
        request,
        visit,
        "messaging/campaign.html",
        campaign=found,
        state=texts.campaign_states()[found.state],
        data={
            "base": f"{visit.root}/campaigns/{found.pk}",
            "writes": Scope.MESSAGES_WRITE in visit.scopes,
            "now": bodies.state_body(found),
        },
        texts=texts.campaign_texts(),
    )


class CampaignVisitView(MessagesVisitView):
    """A view of one campaign of the visit's academy."""

    @property
    def campaign(self) -> Campaign:
        """It. Raises AppError not_found."""
        return selectors.campaign_get(tenant=self.tenant, campaign_id=self.kwargs["campaign_id"])


class StateView(CampaignVisitView):
    """How far it is."""

    required_scopes = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, tenant_id: UUID, campaign_id: UUID) -> Response:  # noqa: ARG002
        """As it is now; 304 where the page knows that already."""
        parse_query(request, NothingSerializer, also=frozenset())
        body = bodies.state_body(self.campaign)
        digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode())
        etag = f'"{digest.hexdigest()[:_ETAG_CHARS]}"'
        if request.headers.get("If-None-Match") == etag:
            return Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
        return Response(body, headers={"ETag": etag})


class DeedView(CampaignVisitView):
    """Pause, resume or cancel."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}
    deed = ""

    def post(self, request: Request, tenant_id: UUID, campaign_id: UUID) -> Response:  # noqa: ARG002
        """Do it, and tell how it is now. Raises AppError message_campaign_ended."""
        parse_body(request, NothingSerializer)
        if self.deed == "resume":
            control.campaign_resume(tenant=self.tenant, campaign_id=campaign_id, by=self.visit.by)
        elif self.deed == "pause":
            control.campaign_pause(tenant=self.tenant, campaign_id=campaign_id)
        else:
            control.campaign_cancel(tenant=self.tenant, campaign_id=campaign_id)
        return Response(bodies.state_body(self.campaign))


class RowsView(CampaignVisitView):
    """Its messages."""

    required_scopes = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, tenant_id: UUID, campaign_id: UUID) -> Response:  # noqa: ARG002
        """In the order of the preview; of these states and of students that are called so."""
        wanted = parse_query(request, RowsQuerySerializer)
        rows = selectors.message_list(
            campaign=self.campaign, states=[MessageState(state) for state in wanted["state"]]
        )
        if wanted["q"].strip():
            named = students_list(tenant=self.tenant, search=wanted["q"])
            rows = rows.filter(student__in=named.order_by().values("pk"))
        pages = NumberPagination()
        found = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([shown.message_body(one) for one in found])


class TraceView(CampaignVisitView):
    """All that happened to one message."""

    required_scopes = {"GET": Scope.MESSAGES_READ}

    def get(
        self,
        request: Request,
        tenant_id: UUID,  # noqa: ARG002
        campaign_id: UUID,
        message_id: UUID,
    ) -> Response:
        """Why it was sent, or was not. Raises AppError not_found for another campaign's."""
        parse_query(request, NothingSerializer, also=frozenset())
        message = selectors.message_get(tenant=self.tenant, message_id=message_id)
        if message.campaign_id != campaign_id:
            raise AppError("not_found")
        return Response(shown.trace_body(message, selectors.events_of(message)))


def _listed(tenant: Tenant, found: Sequence[Campaign]) -> list[dict[str, Any]]:
    """What the list says of each, by one query for all."""
    tallies: dict[UUID, Counter[str]] = defaultdict(Counter)
    rows = Message.objects.for_tenant(tenant).filter(campaign__in=found).order_by()
    for row in rows.values("campaign", "state").annotate(count=Count("pk")):
        tallies[row["campaign"]][row["state"]] = row["count"]
    labels = texts.campaign_states()
    return [
        {
            "campaign": one,
            "state": labels[one.state],
            "arrived": tallies[one.pk][MessageState.DELIVERED],
            "failed": tallies[one.pk][MessageState.FAILED],
            "unknown": tallies[one.pk][MessageState.UNKNOWN],
        }
        for one in found
    ]
