"""Designs over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import AppError
from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.views import PagedView
from academy.jobs.idempotency import Answer
from academy.jobs.once import act_once
from academy.sheets import selectors, services
from academy.sheets.api import docs, present, serializers
from academy.sheets.maker.svg import page_svg
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

READ: Final = {"GET": Scope.SHEETS_READ}


class DesignsView(PagedView):
    """List and store."""

    required_scopes = {**READ, "POST": Scope.SHEETS_WRITE}

    @docs.design_list
    def get(self, request: Request) -> Response:
        """Your designs of answer sheets, the last first."""
        parse_query(request, NothingSerializer)
        pages = CursorPagination()
        designs = selectors.designs_list(tenant=principal_of(request).tenant)
        shown = pages.paginate_queryset(designs, request, view=self)
        return pages.get_paginated_response([present.design_body(design) for design in shown])

    @docs.design_create
    def post(self, request: Request) -> Response:
        """Store a design, which then never changes: paper is printed from it.

        For the PDF to print submit a `sheets.make` job.
        """
        values = parse_body(request, serializers.DesignCreateSerializer)

        def once() -> Answer:
            design = services.design_create(tenant=principal_of(request).tenant, **values)
            address = reverse("sheets:design", args=[design.pk])
            return Answer(HTTPStatus.CREATED, present.design_body(design), address)

        return act_once(request, once)


class DesignView(APIView):
    """Read one."""

    required_scopes = READ

    @docs.design_read
    def get(self, request: Request, design_id: UUID) -> Response:
        """One design."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        design = selectors.design_get(tenant=tenant, design_id=design_id)
        return Response(present.design_body(design))


class SvgRenderer(BaseRenderer):
    """Makes ``Accept: image/svg+xml`` negotiable; only errors would be rendered with it."""

    media_type = docs.SVG
    format = "svg"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """An error, as JSON."""
        rendered: bytes = JSONRenderer().render(data)
        return rendered


class PreviewView(APIView):
    """Look at a page."""

    required_scopes = READ
    renderer_classes = [SvgRenderer, JSONRenderer]

    @docs.design_preview
    def get(self, request: Request, design_id: UUID, page: int) -> HttpResponse:
        """A page of the sheet as it is printed, as SVG."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        design = selectors.design_get(tenant=tenant, design_id=design_id)
        if not 1 <= page <= design.sheet.page_count:
            raise AppError("not_found")
        return HttpResponse(page_svg(design.sheet, page), content_type=docs.SVG)

    def handle_exception(self, exc: Exception) -> Response:
        """An error is JSON also where a picture was asked for."""
        response = super().handle_exception(exc)
        response.content_type = JSONRenderer.media_type
        return response
