"""Pages over the messages of a campaign, in the order of its preview."""

from __future__ import annotations

from typing import Final

from django.core.signing import BadSignature, Signer
from django.db.models import QuerySet

from academy.core.errors import AppError
from academy.core.http.pagination import CursorPagination, cut
from academy.messaging.models import Message

_signer: Final = Signer(salt="academy.messaging.number", sep=".")


class NumberPagination(CursorPagination):
    """By number, from 1."""

    def page_of(
        self, rows: QuerySet[Message], cursor: str | None, limit: int
    ) -> tuple[list[Message], str | None]:
        """The messages behind a cursor, and the next cursor. Raises AppError invalid_cursor."""
        if cursor is not None:
            rows = rows.filter(number__gt=_number(cursor))
        return cut(rows.order_by("number"), limit, lambda last: _signer.sign_object(last.number))


def _number(cursor: str) -> int:
    try:
        return int(_signer.unsign_object(cursor))
    except (BadSignature, ValueError, TypeError):
        raise AppError("invalid_cursor") from None
