"""Pages over the videos of one session, in the order that the academy has given them."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import F, Q, QuerySet
from rest_framework.request import Request
from rest_framework.views import APIView

from academy.core.errors import AppError
from academy.core.http.pagination import CursorPagination
from academy.video.models import Video

_signer: Final = Signer(salt="academy.video.session", sep=".")


class SessionPagination(CursorPagination):
    """By position, those without one last and by age."""

    def paginate_queryset(  # type: ignore[override]
        self,
        queryset: QuerySet[Video],
        request: Request,
        view: APIView | None = None,  # noqa: ARG002
    ) -> list[Any]:
        """One page of rows. Raises AppError(``invalid_cursor``)."""
        limit = self._limit(request)
        cursor = request.query_params.get("cursor")
        if cursor is not None:
            queryset = queryset.filter(_after(cursor))
        ordered = queryset.order_by(F("position").asc(nulls_last=True), "id")
        rows = list(ordered[: limit + 1])
        self.next_cursor = None
        if len(rows) > limit:
            last = rows[limit - 1]
            self.next_cursor = _signer.sign_object([last.position, last.pk.hex])
        return rows[:limit]


def _after(cursor: str) -> Q:
    try:
        position, text = _signer.unsign_object(cursor)
        last = UUID(text)
    except (BadSignature, ValueError, TypeError):
        raise AppError("invalid_cursor") from None
    if position is None:
        return Q(position__isnull=True, id__gt=last)
    later = Q(position__gt=position) | Q(position=position, id__gt=last)
    return later | Q(position__isnull=True)
