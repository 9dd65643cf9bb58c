"""The way from phones in the clear, as 0.1.0 stored them, to sealed ones, while people work.

For one release both are written: a process of 0.1.0 that is still at work reads and writes the
columns in the clear, and what it wrote is sealed by the sweep. Once none is left, `finish` empties
these columns for good; the next release drops them. An academy that begins with this release never
has any: its first migration makes the trigger that `finish` makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from academy.core import sweeps
from academy.roster.phones import PHONES, opened

_ROWS: Final = 2_000

_UNSEALED: Final = """
SELECT id, tenant_id, parent_phone_sealed, parent_phone, student_phone_sealed, student_phone
FROM roster_student
WHERE (parent_phone_sealed IS NULL OR student_phone_sealed IS NULL)
    AND (%(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s)
ORDER BY id LIMIT %(rows)s
FOR NO KEY UPDATE SKIP LOCKED
"""
_SEAL: Final = """
UPDATE roster_student SET parent_phone_sealed = v.parent, parent_phone_index = v.parent_index,
    parent_phone_tail = v.parent_tail, student_phone_sealed = v.student,
    student_phone_index = v.student_index
FROM unnest(%s::uuid[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[])
    AS v(id, parent, parent_index, parent_tail, student, student_index)
WHERE roster_student.id = v.id AND NOT EXISTS (
    -- 0.1.0 added it again, where it could not see any more that the student was there.
    SELECT FROM roster_student other WHERE other.tenant_id = roster_student.tenant_id
        AND other.parent_phone_index = v.parent_index AND other.name = roster_student.name
        AND other.id <> roster_student.id
)
"""
_STOP: Final = """
CREATE OR REPLACE TRIGGER student_phones_b_clear BEFORE INSERT OR UPDATE ON roster_student
    FOR EACH ROW EXECUTE FUNCTION student_phones_clear()
"""
_EMPTY: Final = """
UPDATE roster_student SET parent_phone = NULL, student_phone = NULL
WHERE id IN (
    SELECT id FROM roster_student
    WHERE (parent_phone IS NOT NULL AND parent_phone_sealed IS NOT NULL)
        OR (student_phone IS NOT NULL AND student_phone_sealed IS NOT NULL)
    LIMIT %s
)
"""
_SEALED: Final = """
SELECT id, tenant_id, parent_phone_sealed, parent_phone, student_phone_sealed, student_phone
FROM roster_student WHERE id > %s ORDER BY id LIMIT %s
"""
_OPEN: Final = """
UPDATE roster_student SET parent_phone = v.parent, student_phone = v.student
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS v(id, parent, student)
WHERE roster_student.id = v.id
"""


def seal(tenant_id: UUID | None = None) -> int:
    """Seal what is not, of one academy or of all; returns how many students."""
    total = 0
    while True:
        sealed = _seal_some(tenant_id, _ROWS)
        total += sealed
        if sealed < _ROWS:
            return total


def sweep() -> int:
    """Seal what a process of 0.1.0 wrote; returns how many students."""
    return sweeps.in_rounds(lambda rows: _seal_some(None, rows))


def finish() -> int:
    """Keep no phone in the clear from now on; returns how many students had one.

    Only when no process of 0.1.0 is at work any more: it would find the phones gone.
    """
    seal()
    stop_clear()
    seal()
    emptied: int = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_EMPTY, [_ROWS])
            emptied += cursor.rowcount
            if cursor.rowcount < _ROWS:
                return emptied


def stop_clear() -> None:
    """Have the database keep no phone in the clear of what is sealed."""
    with connection.cursor() as cursor:
        cursor.execute(_STOP)


def back_to_clear() -> None:
    """What 0.1.0 needs, where one goes back to it."""
    after = UUID(int=0)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER IF EXISTS student_phones_b_clear ON roster_student")
        while True:
            cursor.execute(_SEALED, [after, _ROWS])
            rows = cursor.fetchall()
            if not rows:
                return
            known = [(row_id, parent, own) for row_id, _, parent, own in map(_opened, rows)]
            cursor.execute(_OPEN, [list(column) for column in zip(*known, strict=True)])
            after = rows[-1][0]


def _seal_some(tenant_id: UUID | None, rows: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_UNSEALED, {"tenant": tenant_id, "rows": rows})
        found = [_sealed(row) for row in cursor.fetchall()]
        if not found:
            return 0
        cursor.execute(_SEAL, [list(column) for column in zip(*found, strict=True)])
        return int(cursor.rowcount)


def _sealed(row: Sequence[Any]) -> tuple[Any, ...]:
    row_id, tenant_id, parent, own = _opened(row)
    return (
        row_id,
        PHONES.seal(tenant_id, parent),
        PHONES.index(tenant_id, parent),
        PHONES.tail_index(tenant_id, parent),
        PHONES.seal(tenant_id, own) if own else b"",
        PHONES.index(tenant_id, own) if own else b"",
    )


def _opened(row: Sequence[Any]) -> tuple[UUID, UUID, str, str]:
    row_id, tenant_id, parent_sealed, parent, own_sealed, own = row
    return (
        row_id,
        tenant_id,
        opened(tenant_id, parent_sealed, parent),
        opened(tenant_id, own_sealed, own),
    )
