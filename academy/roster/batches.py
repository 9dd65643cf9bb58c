"""Many students at once: one statement each for what is new and what changes, however many.

A list says what it knows: where it has nothing, what is there stays. A student who had been removed
comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from academy.core import clock
from academy.core.ids import new_id
from academy.core.locks import Space, lock
from academy.roster.fields import NAMES

#: Fields in the order of `NAMES`, null where nothing is known.
Known = Sequence[str | None]

_KEY: Final = ("name", "parent_phone")
_DATES: Final = frozenset({"enrolled_on"})
_REST: Final = tuple(name for name in NAMES if name not in _KEY)


@dataclass(frozen=True)
class Tally:
    """What became of some rows, or would."""

    created: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.created + other.created, self.changed + other.changed, self.same + other.same
        )

    def as_dict(self) -> dict[str, int]:
        """As JSON has it."""
        return asdict(self)


def _typed(name: str) -> str:
    return f"%({name})s::{'date' if name in _DATES else 'text'}[]"


_INCOMING: Final = (
    f"unnest(%(id)s::uuid[], {', '.join(map(_typed, NAMES))}) AS r(id, {', '.join(NAMES)})"
)
_SAME_STUDENT: Final = (
    "s.tenant_id = %(tenant)s AND s.parent_phone = r.parent_phone AND s.name = r.name"
)
_NEWS: Final = " OR ".join(
    ["s.removed_at IS NOT NULL", *(f"r.{name} <> s.{name}" for name in _REST if name not in _DATES)]
    + [f"(r.{name} IS NOT NULL AND r.{name} IS DISTINCT FROM s.{name})" for name in sorted(_DATES)]
)
_NOTHING: Final = "''"
_EMPTY: Final = {"state": "'enrolled'", "enrolled_on": "NULL"}
_FILLED: Final = ", ".join(f"COALESCE(r.{name}, {_EMPTY.get(name, _NOTHING)})" for name in NAMES)

_LOOK: Final = f"""
SELECT count(*) FILTER (WHERE s.id IS NULL),
       count(*) FILTER (WHERE s.id IS NOT NULL AND ({_NEWS}))
FROM {_INCOMING} LEFT JOIN roster_student s ON {_SAME_STUDENT}
"""  # noqa: S608 - names of ours, no values
_CHANGE: Final = f"""
UPDATE roster_student s
SET {", ".join(f"{name} = COALESCE(r.{name}, s.{name})" for name in _REST)},
    removed_at = NULL, updated_at = %(now)s
FROM {_INCOMING}
WHERE {_SAME_STUDENT} AND ({_NEWS})
"""  # noqa: S608 - names of ours, no values
_ADD: Final = f"""
INSERT INTO roster_student (id, tenant_id, created_at, updated_at, {", ".join(NAMES)})
SELECT r.id, %(tenant)s, %(now)s, %(now)s,
       {_FILLED}
FROM {_INCOMING}
ON CONFLICT (tenant_id, parent_phone, name) DO NOTHING
"""  # noqa: S608 - names of ours, no values


def look(tenant_id: UUID, rows: Sequence[Known]) -> Tally:
    """What `store` would do with the rows."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, _arguments(tenant_id, rows))
        created, changed = cursor.fetchone()
    return Tally(created, changed, len(rows) - created - changed)


def store(tenant_id: UUID, rows: Sequence[Known]) -> Tally:
    """Add and change students; each of the rows is another student."""
    arguments = _arguments(tenant_id, rows)
    with transaction.atomic(), connection.cursor() as cursor:
        # Two lists of one academy at once could wait for each other's rows in a circle.
        lock(Space.ROSTER, str(tenant_id))
        cursor.execute(_CHANGE, arguments)
        changed = cursor.rowcount
        cursor.execute(_ADD, arguments)
        created = cursor.rowcount
    return Tally(created, changed, len(rows) - created - changed)


def _arguments(tenant_id: UUID, rows: Sequence[Known]) -> dict[str, Any]:
    columns = {name: [row[place] for row in rows] for place, name in enumerate(NAMES)}
    return {
        "tenant": tenant_id,
        "now": clock.now(),
        "id": [new_id() for _ in rows],
        **columns,
    }
