"""Pages over rows that keep arriving: by position, never by offset."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import F, Model, QuerySet, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import AppError

M = TypeVar("M", bound=Model)

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200

# Base64 of the position, then a signature: a client cannot depend on what is inside.
_signer = Signer(salt="academy.cursor", sep=".")


def encode_cursor(created_at: datetime, row_id: UUID) -> str:
    """The position of a row as an opaque, URL-safe word."""
    return _signer.sign_object([created_at.isoformat(), row_id.hex])


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    """The position a cursor stands for. Raises AppError(``invalid_cursor``)."""
    try:
        created_at, row_id = _signer.unsign_object(cursor)
        return datetime.fromisoformat(created_at), UUID(row_id)
    except (BadSignature, ValueError, TypeError):
        raise AppError("invalid_cursor") from None


def newest_first(
    rows: QuerySet[M], *, by: str = "created_at", cursor: str | None, limit: int
) -> tuple[list[M], str | None]:
    """One page over (``by``, ``id``), and the cursor of the next; None on the last page.

    Raises AppError(``invalid_cursor``).
    """
    if cursor is not None:
        at, row_id = decode_cursor(cursor)
        rows = rows.filter(TupleLessThan(Tuple(F(by), F("id")), (Value(at), Value(row_id))))
    ordered = rows.order_by(f"-{by}", "-id")
    return cut(ordered, limit, lambda last: encode_cursor(getattr(last, by), last.pk))


def cut(
    ordered: QuerySet[M], limit: int, cursor_of: Callable[[M], str]
) -> tuple[list[M], str | None]:
    """The first rows, and the cursor behind the last of them where there are more."""
    found = list(ordered[: limit + 1])
    shown = found[:limit]
    return shown, cursor_of(shown[-1]) if len(found) > limit else None


class CursorPagination(BasePagination):
    """Newest first over (``created_at``, ``id``): ``?limit=`` up to 200, ``?cursor=`` to go on.

    Rows that arrive while a client pages appear on none of its later pages, and none is skipped
    or shown twice.
    """

    next_cursor: str | None = None

    def paginate_queryset(  # type: ignore[override]
        self,
        queryset: QuerySet[Any],
        request: Request,
        view: APIView | None = None,  # noqa: ARG002
    ) -> list[Any]:
        """One page of rows. Raises AppError(``invalid_cursor``)."""
        cursor = request.query_params.get("cursor")
        rows, self.next_cursor = self.page_of(queryset, cursor, self._limit(request))
        return rows

    def page_of(
        self, rows: QuerySet[Any], cursor: str | None, limit: int
    ) -> tuple[list[Any], str | None]:
        """The rows behind a cursor, and the next cursor; another order overrides this."""
        return newest_first(rows, cursor=cursor, limit=limit)

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit", str(DEFAULT_LIMIT))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_LIMIT):
            detail = ErrorDetail(f"A whole number from 1 to {MAX_LIMIT}.", code="invalid")
            raise ValidationError({"limit": [detail]})
        return int(text)

    def get_paginated_response(self, data: Any) -> Response:
        """``items`` and, while there is more, ``next_cursor``."""
        return Response({"items": data, "next_cursor": self.next_cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page's part of the OpenAPI document."""
        return {
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {
                "items": schema,
                "next_cursor": {
                    "type": "string",
                    "nullable": True,
                    "description": "Give it as `cursor` for the next page; null on the last one.",
                    "example": "WyIyMDI2LTAzLTAyVDAwOjAwOjAwKzAwOjAwIl0.q3Rk",
                },
            },
        }

    def get_schema_operation_parameters(self, _view: APIView) -> list[dict[str, Any]]:
        """The query parameters of a paged operation."""
        return [
            {
                "name": "limit",
                "in": "query",
                "description": "How many rows, newest first.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_LIMIT,
                    "default": DEFAULT_LIMIT,
                },
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "`next_cursor` of the page before.",
                "schema": {"type": "string"},
            },
        ]
