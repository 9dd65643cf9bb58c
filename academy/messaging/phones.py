"""Phones of people: sealed in the rows, found by a blind index, masked for every eye."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.conf import settings

from academy.core.errors import AppError
from academy.core.sealing import SealBrokenError, Sealer, blind_index
from academy.documents.tables.values import CellError, phone_of

INDEX_BYTES: Final = 32
SEALED_BYTES: Final = 80
_PURPOSE: Final = "academy.messaging.phone"

_sealer: Final = Sealer(_PURPOSE, lambda: settings.PERSONAL_DATA_SECRETS)
_texts: Final = Sealer("academy.messaging.text", lambda: settings.PERSONAL_DATA_SECRETS)


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
    return blind_index(settings.API_KEY_PEPPER, _PURPOSE, tenant_id.bytes + digits.encode())


def seal_phone(tenant_id: UUID, digits: str) -> bytes:
    """For a row of this academy."""
    return _sealer.seal(digits.encode(), tenant_id.bytes)


def open_phone(tenant_id: UUID, sealed: bytes | memoryview) -> str:
    """The digits again. Raises AppError(``message_sealed_unreadable``)."""
    return _opened(_sealer, tenant_id, sealed)


def seal_text(tenant_id: UUID, text: str) -> bytes:
    """What a parent is told names the child, so it is sealed as well."""
    return _texts.seal(text.encode(), tenant_id.bytes)


def open_text(tenant_id: UUID, sealed: bytes | memoryview) -> str:
    """The text again. Raises AppError(``message_sealed_unreadable``)."""
    return _opened(_texts, tenant_id, sealed)


def resealed_phone(tenant_id: UUID, sealed: bytes) -> bytes | None:
    """The phone under the current secret; None: it is. Raises as `open_phone`."""
    current = _sealer.is_current(sealed)
    return None if current else seal_phone(tenant_id, open_phone(tenant_id, sealed))


def resealed_text(tenant_id: UUID, sealed: bytes) -> bytes | None:
    """The text under the current secret; None: it is. Raises as `open_text`."""
    current = _texts.is_current(sealed)
    return None if current else seal_text(tenant_id, open_text(tenant_id, sealed))


def masked(digits: str) -> str:
    """For every list, page and log: the last four digits alone."""
    return f"***-****-{digits[-4:]}"


def _opened(sealer: Sealer, tenant_id: UUID, sealed: bytes | memoryview) -> str:
    try:
        return sealer.unseal(sealed, tenant_id.bytes).decode()
    except SealBrokenError:
        raise AppError("message_sealed_unreadable") from None
