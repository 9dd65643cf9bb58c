"""Opt-outs, consents and events over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.values import instant
from academy.core.http.views import PagedView
from academy.core.personal import masked
from academy.jobs.idempotency import Answer
from academy.jobs.once import act_once
from academy.messaging import people, shown
from academy.messaging.api import people_docs, people_serializers
from academy.messaging.events import Event
from academy.messaging.fields import Recipient
from academy.messaging.models import Consent, OptOut
from academy.messaging.recipients import To
from academy.messaging.triggers import event_tell
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

_LISTED: Final = {"GET": Scope.MESSAGES_READ, "POST": Scope.MESSAGES_WRITE}
_ENDED: Final = {"DELETE": Scope.MESSAGES_WRITE}


class OptOutsView(PagedView):
    """List and note."""

    required_scopes = _LISTED

    @people_docs.opt_out_list
    def get(self, request: Request) -> Response:
        """Phones that want no advertising, or nothing, the last noted first."""
        rows = people.opt_out_list(tenant=principal_of(request).tenant, **_filters(request))
        pages = CursorPagination()
        found = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([opt_out_body(one) for one in found])

    @people_docs.opt_out_set
    def post(self, request: Request) -> Response:
        """Note an opt-out; a consent of the phone is withdrawn with it. Again it replaces it.

        For many at once submit a `messages.opt_outs.import` job.
        """
        values = parse_body(request, people_serializers.OptOutCreateSerializer)
        principal = principal_of(request)

        def once() -> Answer:
            digits = people.digits_of(principal.tenant, people_serializers.whose_of(values))
            row = people.opt_out_set(
                tenant=principal.tenant, digits=digits, by=principal.name, **values
            )
            return Answer(HTTPStatus.CREATED, opt_out_body(row))

        return act_once(request, once)


class OptOutView(APIView):
    """Lift."""

    required_scopes = _ENDED

    @people_docs.opt_out_lift
    def delete(self, request: Request, opt_out_id: UUID) -> Response:
        """The owner wants messages again. Consent to advertising has to be given anew."""
        parse_query(request, NothingSerializer, also=frozenset())
        principal = principal_of(request)
        people.opt_out_lift(tenant=principal.tenant, opt_out_id=opt_out_id, by=principal.name)
        return Response(status=HTTPStatus.NO_CONTENT)


class ConsentsView(PagedView):
    """List and note."""

    required_scopes = _LISTED

    @people_docs.consent_list
    def get(self, request: Request) -> Response:
        """Phones whose owners agreed to advertising, the last noted first."""
        rows = people.consent_list(tenant=principal_of(request).tenant, **_filters(request))
        pages = CursorPagination()
        found = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([consent_body(one) for one in found])

    @people_docs.consent_give
    def post(self, request: Request) -> Response:
        """Note a consent, and how it was given; none is taken while an opt-out stands."""
        values = parse_body(request, people_serializers.ConsentCreateSerializer)
        principal = principal_of(request)

        def once() -> Answer:
            digits = people.digits_of(principal.tenant, people_serializers.whose_of(values))
            row = people.consent_give(
                tenant=principal.tenant, digits=digits, by=principal.name, **values
            )
            return Answer(HTTPStatus.CREATED, consent_body(row))

        return act_once(request, once)


class ConsentView(APIView):
    """Withdraw."""

    required_scopes = _ENDED

    @people_docs.consent_withdraw
    def delete(self, request: Request, consent_id: UUID) -> Response:
        """The owner wants no advertising any more."""
        parse_query(request, NothingSerializer, also=frozenset())
        principal = principal_of(request)
        people.consent_withdraw(tenant=principal.tenant, consent_id=consent_id, by=principal.name)
        return Response(status=HTTPStatus.NO_CONTENT)


class EventsView(APIView):
    """Tell."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    @people_docs.event_tell
    def post(self, request: Request) -> Response:
        """Report that something happened; the policy decides whether families are told.

        A notice that is off answers 409 `message_trigger_off`, and nothing is stored. Whoever was
        told of this occurrence already, or cannot be told, is left out, and the campaign says why.
        """
        values = parse_body(request, people_serializers.EventTellSerializer)
        principal = principal_of(request)

        def once() -> Answer:
            campaign = event_tell(
                tenant=principal.tenant,
                event=Event(values["event"]),
                occurrence=values["occurrence"],
                to=[
                    To(one["id"], Recipient(one["recipient"]), variables=one["variables"])
                    for one in values["students"]
                ],
                by=principal.name,
            )
            address = reverse("messaging:campaign", args=[campaign.pk])
            return Answer(HTTPStatus.ACCEPTED, shown.campaign_detail(campaign), address)

        return act_once(request, once)


def opt_out_body(row: OptOut) -> dict[str, Any]:
    """An opt-out as lists show it."""
    return {
        "id": str(row.pk),
        "phone": masked(row.phone_tail),
        "everything": row.everything,
        "source": row.source,
        "by": row.by,
        "created_at": instant(row.created_at),
    }


def consent_body(row: Consent) -> dict[str, Any]:
    """A consent as lists show it."""
    return {
        "id": str(row.pk),
        "phone": masked(row.phone_tail),
        "at_night": row.at_night,
        "source": row.source,
        "given_at": instant(row.given_at),
        "by": row.by,
        "created_at": instant(row.created_at),
    }


def _filters(request: Request) -> dict[str, str]:
    values = parse_query(request, people_serializers.PeopleQuerySerializer)
    if values["student"] is None:
        return {"tail": values["tail"]}
    whose = people_serializers.whose_of(values)
    return {
        "digits": people.digits_of(principal_of(request).tenant, whose),
        "tail": values["tail"],
    }
