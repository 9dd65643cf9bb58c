"""Pages that were read, over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.views import PagedView
from academy.sheets import selectors, services
from academy.sheets.api import docs, present, serializers
from academy.sheets.api.designs import READ
from academy.sheets.models import Scan
from academy.sheets.settlement import ScanSettleSerializer
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope


def _detail(scan: Scan) -> Response:
    return Response(present.scan_detail(scan, selectors.scan_changes(scan=scan)))


class ScansView(PagedView):
    """List."""

    required_scopes = READ

    @docs.scan_list
    def get(self, request: Request, exam_id: UUID) -> Response:
        """The pages of an examination, the last first; `needs_review` narrows them."""
        wanted = parse_query(request, serializers.ScanListQuerySerializer)
        tenant = principal_of(request).tenant
        scans = selectors.scans_list(
            tenant=tenant,
            exam=selectors.exam_get(tenant=tenant, exam_id=exam_id),
            needs_review=wanted["needs_review"],
            discarded=wanted["discarded"],
            student=wanted.get("student"),
        )
        pages = CursorPagination()
        shown = pages.paginate_queryset(scans, request, view=self)
        return pages.get_paginated_response([present.scan_body(scan) for scan in shown])


class ScanView(APIView):
    """Read one."""

    required_scopes = READ

    @docs.scan_read
    def get(self, request: Request, scan_id: UUID) -> Response:
        """One page: what was read, what was settled and by whom, and links to its pictures."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        return _detail(selectors.scan_get(tenant=tenant, scan_id=scan_id))


class SettleView(APIView):
    """Settle what is doubtful."""

    required_scopes = {"POST": Scope.SHEETS_WRITE}

    @docs.scan_settle
    def post(self, request: Request, scan_id: UUID) -> Response:
        """Settle answers, whose the page is, or that it does not count; scores follow at once.

        The same again changes nothing. What was read stays beside what you settle.
        """
        values = parse_body(request, ScanSettleSerializer)
        principal = principal_of(request)
        scan = services.scan_settle(
            tenant=principal.tenant,
            by=principal.name,
            scan_id=scan_id,
            answers=values.get("answers"),
            student=values.get("student", services.UNSET),
            discarded=values.get("discarded"),
            seen=values.get("seen"),
        )
        return _detail(scan)
