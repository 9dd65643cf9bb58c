"""An academy's own networks over REST: what was trained, and which of them reads."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import answer, example
from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import (
    NothingSerializer,
    StrictSerializer,
    StrictUUIDField,
    parse_body,
    parse_query,
)
from academy.core.http.values import instant
from academy.core.http.views import PagedView
from academy.sheets import networks
from academy.sheets.models import SheetNetwork
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

_TAGS: Final = ["Answer sheets"]
_ID: Final = "01932c08-1a2b-7c3d-8e4f-5a6b7c8d9e0f"
_NETWORK: Final[dict[str, Any]] = {
    "id": _ID,
    "name": "omr-bubbles-own@9f86d081",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "job": "01932c08-0a1b-7c2d-8e3f-4a5b6c7d8e9f",
    "labels": 420,
    "active": True,
    "created_at": "2026-03-02T09:00:00.000Z",
}


class NetworkSerializer(serializers.Serializer[Any]):
    """A network for hard marks that a `sheets.train` made; its figures are in that job."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of its weights, in hex.")
    job = serializers.UUIDField()
    labels = serializers.IntegerField(help_text="Settled answers that it learnt from.")
    active = serializers.BooleanField(help_text="Whether it reads from now on.")
    created_at = serializers.DateTimeField()


class ActiveNetworkSerializer(StrictSerializer):
    """Which network reads."""

    network = StrictUUIDField(allow_null=True, help_text="Null: the one of the platform.")


class NetworksView(PagedView):
    """List."""

    required_scopes = {"GET": Scope.SHEETS_READ}

    @extend_schema(
        operation_id="sheet_network_list",
        tags=_TAGS,
        responses={200: answer(NetworkSerializer(many=True), "One page.", "A network", _NETWORK)},
    )
    def get(self, request: Request) -> Response:
        """Your own networks for hard marks, the last first."""
        parse_query(request, NothingSerializer)
        pages = CursorPagination()
        own = networks.networks_list(tenant=principal_of(request).tenant)
        shown = pages.paginate_queryset(own, request, view=self)
        return pages.get_paginated_response([_body(network) for network in shown])


class ActiveNetworkView(APIView):
    """Choose."""

    required_scopes = {"PUT": Scope.SHEETS_WRITE}

    @extend_schema(
        operation_id="sheet_network_activate",
        tags=_TAGS,
        request=ActiveNetworkSerializer,
        examples=[example("An own network", {"network": _ID})],
        responses={
            200: answer(
                ActiveNetworkSerializer, "What reads from now on.", "Chosen", {"network": _ID}
            )
        },
    )
    def put(self, request: Request) -> Response:
        """Have one of your networks read from now on, or the platform's again.

        Nothing that has been read changes.
        """
        wanted: UUID | None = parse_body(request, ActiveNetworkSerializer)["network"]
        networks.network_activate(tenant=principal_of(request).tenant, network_id=wanted)
        return Response({"network": None if wanted is None else str(wanted)})


def _body(network: SheetNetwork) -> dict[str, Any]:
    return {
        "id": str(network.pk),
        "name": network.name,
        "sha256": network.sha256,
        "job": str(network.job_id),
        "labels": network.labels,
        "active": network.active,
        "created_at": instant(network.created_at),
    }
