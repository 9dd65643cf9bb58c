"""The AI kinds over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.ai import estimates
from academy.ai.api import docs, present, serializers
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope


class AiKindsView(APIView):
    """The kinds."""

    required_scopes = {"GET": Scope.JOBS_READ}

    @docs.ai_kind_list
    def get(self, request: Request) -> Response:
        """AI kinds with their tiers, prices and limits, as your plan has them.

        Their parameters and results are in `GET /kinds`.
        """
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        return Response(
            {"items": [present.offer_body(offer, tenant) for offer in estimates.offers_open()]}
        )


class EstimateView(APIView):
    """The price of one."""

    required_scopes = {"POST": Scope.JOBS_READ}

    @docs.ai_estimate
    def post(self, request: Request) -> Response:
        """What a job would run on and cost. It is refused for what the submission would be."""
        body = parse_body(request, serializers.EstimateRequestSerializer)
        found = estimates.estimate(
            tenant=principal_of(request).tenant, kind=body["kind"], params=body["params"]
        )
        return Response(present.estimate_body(found))
