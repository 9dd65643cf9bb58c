"""Phones of people: sealed in the rows, found by a blind index, masked for every eye."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from academy.core import personal
from academy.core.errors import AppError
from academy.core.sealing import SealBrokenError, Sealer
from academy.documents.tables.values import CellError, phone_of

INDEX_BYTES: Final = 32
SEALED_BYTES: Final = 80

_phones: Final = personal.Phones("academy.messaging.phone")
_texts: Final = personal.sealer("academy.messaging.text")


def canonical(text: str) -> str:
    """The digits of a Korean mobile number. Raises AppError(``message_phone_invalid``)."""
    try:
        digits = phone_of(text)
    except CellError:
        digits = ""
    if not digits:
        raise AppError("message_phone_invalid")
    return digits


def index_of(tenant_id: UUID, digits: str) -> bytes:
    """By which rows of one academy are found; another academy's differ."""
    return _phones.index(tenant_id, digits)


def seal_phone(tenant_id: UUID, digits: str) -> bytes:
    """For a row of this academy."""
    return _phones.seal(tenant_id, digits)


def open_phone(tenant_id: UUID, sealed: bytes | memoryview) -> str:
    """The digits again. Raises AppError(``message_sealed_unreadable``)."""
    return _opened(_phones.sealer, tenant_id, sealed)


def seal_text(tenant_id: UUID, text: str) -> bytes:
    """What a parent is told names the child, so it is sealed as well."""
    return _texts.seal(text.encode(), tenant_id.bytes)


def open_text(tenant_id: UUID, sealed: bytes | memoryview) -> str:
    """The text again. Raises AppError(``message_sealed_unreadable``)."""
    return _opened(_texts, tenant_id, sealed)


def register() -> None:
    """Have the columns sealed anew with all others."""
    personal.register("message", "phone", _phones.sealer)
    personal.register("message", "content", _texts)
    personal.register("message_opt_out", "phone", _phones.sealer)


def _opened(sealer: Sealer, tenant_id: UUID, sealed: bytes | memoryview) -> str:
    try:
        return sealer.unseal(sealed, tenant_id.bytes).decode()
    except SealBrokenError:
        raise AppError("message_sealed_unreadable") from None
