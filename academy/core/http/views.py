"""Bases of the API's views."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from academy.core.http.pagination import CursorPagination


class PagedView(APIView):
    """A view whose GET answers in pages; the OpenAPI document shows them as such."""

    pagination_class = CursorPagination

    def page(
        self,
        request: Request,
        rows: QuerySet[Any],
        serializer: type[BaseSerializer[Any]],
        **context: Any,
    ) -> Response:
        """One page of a queryset whose rows have ``created_at`` and a UUID key."""
        pages = self.pagination_class()
        shown = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(serializer(shown, many=True, context=context).data)
