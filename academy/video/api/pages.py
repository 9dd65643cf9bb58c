"""Pages over the videos of one session, in the order that the academy has given them."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import F, Q, QuerySet

from academy.core.errors import AppError
from academy.core.http.pagination import CursorPagination, cut
from academy.video.models import Video

_signer: Final = Signer(salt="academy.video.session", sep=".")


class SessionPagination(CursorPagination):
    """By position, those without one last and by age."""

    def page_of(
        self, rows: QuerySet[Video], cursor: str | None, limit: int
    ) -> tuple[list[Video], str | None]:
        """The videos behind a cursor, and the next cursor. Raises AppError(``invalid_cursor``)."""
        if cursor is not None:
            rows = rows.filter(_after(cursor))
        return cut(rows.order_by(F("position").asc(nulls_last=True), "id"), limit, _cursor_of)


def _cursor_of(last: Video) -> str:
    return _signer.sign_object([last.position, last.pk.hex])


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
