"""Templates over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
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
from academy.messaging import selectors, shown, templates
from academy.messaging.api import docs, serializers
from academy.messaging.fields import Channel, Purpose
from academy.tenants.models import Tenant
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope


def _detail(tenant: Tenant, template_id: UUID) -> dict[str, Any]:
    template = selectors.template_get(tenant=tenant, template_id=template_id)
    return shown.template_detail(template, selectors.versions_of(template))


class TemplatesView(PagedView):
    """List and add."""

    required_scopes = {"GET": Scope.MESSAGES_READ, "POST": Scope.MESSAGES_ADMIN}

    @docs.template_list
    def get(self, request: Request) -> Response:
        """Your templates, the last added first, each with the version that new messages take."""
        wanted = parse_query(request, serializers.TemplateListQuerySerializer)
        tenant = principal_of(request).tenant
        pages = CursorPagination()
        rows = selectors.template_list(tenant=tenant, archived=wanted["archived"])
        found = pages.paginate_queryset(rows, request, view=self)
        current = selectors.versions_current(tenant=tenant, templates=found)
        return pages.get_paginated_response(
            [shown.template_body(*pair) for pair in zip(found, current, strict=True)]
        )

    @docs.template_create
    def post(self, request: Request) -> Response:
        """Add a template with its first version."""
        values = parse_body(request, serializers.TemplateCreateSerializer)
        principal = principal_of(request)

        def once() -> Answer:
            version = templates.template_create(
                tenant=principal.tenant,
                name=values.pop("name"),
                channel=Channel(values.pop("channel")),
                purpose=Purpose(values.pop("purpose")),
                wording=templates.Wording(**values),
                by=principal.name,
            )
            body = _detail(principal.tenant, version.template_id)
            address = reverse("messaging:template", args=[version.template_id])
            return Answer(HTTPStatus.CREATED, body, address)

        return act_once(request, once)


class TemplateView(APIView):
    """Read, revise and archive one."""

    required_scopes = {
        "GET": Scope.MESSAGES_READ,
        "PUT": Scope.MESSAGES_ADMIN,
        "DELETE": Scope.MESSAGES_ADMIN,
    }

    @docs.template_read
    def get(self, request: Request, template_id: UUID) -> Response:
        """One template with all its versions; an archived one too."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response(_detail(principal_of(request).tenant, template_id))

    @docs.template_revise
    def put(self, request: Request, template_id: UUID) -> Response:
        """Add a version, which new messages take; what was sent keeps its own."""
        values = parse_body(request, serializers.WordingSerializer)
        principal = principal_of(request)
        templates.template_revise(
            tenant=principal.tenant,
            template_id=template_id,
            wording=templates.Wording(**values),
            by=principal.name,
        )
        return Response(_detail(principal.tenant, template_id))

    @docs.template_archive
    def delete(self, request: Request, template_id: UUID) -> Response:
        """Offer it no more; its name is free again, and what was sent still names it."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        templates.template_archive(tenant=tenant, template_id=template_id)
        return Response(_detail(tenant, template_id))
