"""Personal data in rows: sealed for one academy, found by blind indexes, masked for every eye.

`PERSONAL_DATA_SECRET` seals and rotates; whoever seals a column registers it here, so that one
command seals all of them anew. The indexes lie under another secret, which never rotates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from academy.core.sealing import Sealer, blind_index

TAIL_DIGITS: Final = 4
"""By which people look for a phone, and which lists show."""


def sealer(purpose: str) -> Sealer:
    """Seals personal data for one purpose; what is sealed is about the academy whose it is."""
    return Sealer(purpose, lambda: settings.PERSONAL_DATA_SECRETS)


class Phones:
    """The phones of one domain. Another domain's do not open here, and have other indexes."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose
        self.sealer: Final = sealer(purpose)

    def seal(self, tenant_id: UUID, digits: str) -> bytes:
        """For a row of this academy."""
        return self.sealer.seal(digits.encode(), tenant_id.bytes)

    def seal_all(self, tenant_id: UUID, phones: Sequence[str]) -> list[bytes]:
        """Many at once, in their order."""
        return self.sealer.seal_all([digits.encode() for digits in phones], tenant_id.bytes)

    def open(self, tenant_id: UUID, sealed: bytes | memoryview) -> str:
        """The digits again. Raises SealBrokenError."""
        return self.sealer.unseal(sealed, tenant_id.bytes).decode()

    def index(self, tenant_id: UUID, digits: str) -> bytes:
        """By which a whole number is found; in another academy the same number has another."""
        return blind_index(
            settings.API_KEY_PEPPER, self._purpose, tenant_id.bytes + digits.encode()
        )

    def tail_index(self, tenant_id: UUID, digits: str) -> bytes:
        """By which numbers with these last digits are found: four of them, of any number."""
        tail = digits[-TAIL_DIGITS:].encode()
        purpose = f"{self._purpose}.tail"
        return blind_index(settings.API_KEY_PEPPER, purpose, tenant_id.bytes + tail)


def masked(digits: str) -> str:
    """For every list, page and log: the last four digits alone; nothing of an empty one."""
    return f"***-****-{digits[-TAIL_DIGITS:]}" if digits else ""


# ------------------------------------------------------------------ another secret


@dataclass(frozen=True)
class _Column:
    table: str
    name: str
    sealer: Sealer


_columns: Final[dict[tuple[str, str], _Column]] = {}

# Only what is still as it was read: what was changed or wiped meanwhile stays so.
_RESEAL: Final = """
UPDATE {table} SET {name} = v.new
FROM unnest(%s::uuid[], %s::bytea[], %s::bytea[]) AS v(id, old, new)
WHERE {table}.id = v.id AND {table}.{name} = v.old
"""
_READ: Final = """
SELECT id, tenant_id, {name} FROM {table}
WHERE {name} <> '' AND id > %s ORDER BY id LIMIT %s
"""


def register(table: str, column: str, sealed_by: Sealer) -> None:
    """Have `reseal` go over a column; its table has ``id`` and ``tenant_id``."""
    _columns[table, column] = _Column(table, column, sealed_by)


def reseal(batch: int = 1_000) -> dict[str, int]:
    """Seal anew what lies under an older secret; returns how many values of each column.

    Two statements for each batch; it may run while people work, and be run again. Raises
    SealBrokenError where the secret of a value is gone already.
    """
    return {f"{one.table}.{one.name}": _reseal(one, batch) for one in _columns.values()}


def _reseal(column: _Column, batch: int) -> int:
    read = _READ.format(table=column.table, name=column.name)
    write = _RESEAL.format(table=column.table, name=column.name)
    resealed, after = 0, UUID(int=0)
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(read, [after, batch])
            rows: list[tuple[UUID, UUID, Any]] = cursor.fetchall()
            changed = [
                (row_id, bytes(old), _anew(column.sealer, tenant_id, bytes(old)))
                for row_id, tenant_id, old in rows
                if not column.sealer.is_current(old)
            ]
            if changed:
                cursor.execute(write, [list(values) for values in zip(*changed, strict=True)])
                resealed += cursor.rowcount
        if len(rows) < batch:
            return resealed
        after = rows[-1][0]


def _anew(by: Sealer, tenant_id: UUID, sealed: bytes) -> bytes:
    return by.seal(by.unseal(sealed, tenant_id.bytes), tenant_id.bytes)
