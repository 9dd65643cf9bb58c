"""Phones of students and their parents: sealed in the rows, found by blind indexes."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from academy.core import personal
from academy.core.errors import AppError
from academy.core.sealing import SealBrokenError

INDEX_BYTES: Final = 32
SEALED_BYTES: Final = 64
PHONES: Final = personal.Phones("academy.roster.phone")


def opened(tenant_id: UUID, sealed: bytes | memoryview | None, clear: str | None) -> str:
    """The digits; empty where there are none. Raises AppError student_phone_unreadable.

    ``clear`` counts where nothing is sealed yet: a process of 0.1.0 has written it.
    """
    if sealed is None:
        return clear or ""
    if not sealed:
        return ""
    try:
        return PHONES.open(tenant_id, sealed)
    except SealBrokenError:
        raise AppError("student_phone_unreadable") from None


def register() -> None:
    """Have the columns sealed anew with all others."""
    for column in ("parent_phone_sealed", "student_phone_sealed"):
        personal.register("roster_student", column, PHONES.sealer)
