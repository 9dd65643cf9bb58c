"""The policy and the credits over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import AppError
from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.views import PagedView
from academy.messaging import credit, selectors, shown
from academy.messaging.api import docs, serializers
from academy.messaging.fields import EntryKind
from academy.messaging.policy import policy_change, policy_of
from academy.tenants.models import Tenant
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope


class PolicyView(APIView):
    """Read and change."""

    required_scopes = {"GET": Scope.MESSAGES_READ, "PATCH": Scope.MESSAGES_ADMIN}

    @docs.policy_read
    def get(self, request: Request) -> Response:
        """What your academy allows itself: sender, hold, limits, notices that go out by itself."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response(shown.policy_body(policy_of(principal_of(request).tenant)))

    @docs.policy_edit
    def patch(self, request: Request) -> Response:
        """Change what you name; the rest stays. `hold` stops everything at once."""
        changes = parse_body(request, serializers.PolicyEditSerializer)
        tenant = principal_of(request).tenant
        return Response(shown.policy_body(policy_change(tenant=tenant, changes=changes)))


class CreditView(APIView):
    """The balance."""

    required_scopes = {"GET": Scope.MESSAGES_READ}

    @docs.credit_read
    def get(self, request: Request) -> Response:
        """Your credits: free, and set aside for messages that are on their way."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response(_balance(principal_of(request).tenant))


class CreditBookView(PagedView):
    """The book."""

    required_scopes = {"GET": Scope.MESSAGES_READ}

    @docs.credit_book
    def get(self, request: Request) -> Response:
        """Every change of your credits, the last first; it adds up to the balance."""
        parse_query(request, NothingSerializer)
        pages = CursorPagination()
        rows = selectors.credit_book(tenant=principal_of(request).tenant)
        found = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([shown.entry_body(entry) for entry in found])


class BookingView(APIView):
    """What the platform's staff books."""

    required_scopes = {"GET": Scope.PLATFORM_TENANTS, "POST": Scope.PLATFORM_TENANTS}

    @docs.ops_credit_read
    def get(self, request: Request, tenant_id: UUID) -> Response:
        """An academy's credits."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response(_balance(_tenant(tenant_id)))

    @docs.ops_credit_book
    def post(self, request: Request, tenant_id: UUID) -> Response:
        """Top an academy up, or correct its credits; the same key is booked once."""
        wanted = parse_body(request, serializers.BookingSerializer)
        tenant = _tenant(tenant_id)
        book = credit.top_up if wanted.pop("kind") == EntryKind.TOP_UP else credit.adjust
        booked = book(tenant_id=tenant.pk, by=principal_of(request).name, **wanted)
        return Response({**_balance(tenant), "booked": booked})


def _balance(tenant: Tenant) -> dict[str, float]:
    free, held = credit.balance(tenant.pk)
    return {"free": shown.won(free), "held": shown.won(held)}


def _tenant(tenant_id: UUID) -> Tenant:
    found = Tenant.objects.filter(pk=tenant_id).first()
    if found is None:
        raise AppError("not_found")
    return found
