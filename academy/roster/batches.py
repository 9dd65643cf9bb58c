"""Many students at once: one statement each for what is new and what changes, however many.

A list says what it knows: where it has nothing, what is there stays. A student who had been removed
comes back. Phones are compared by their blind indexes; only what is stored is sealed.
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
from academy.roster import sealing
from academy.roster.fields import NAMES
from academy.roster.models import PARENT_COLUMNS, STUDENT_COLUMNS
from academy.roster.phones import PHONES

#: Fields in the order of `NAMES`, null where nothing is known.
Known = Sequence[str | None]

_PHONES: Final = ("parent_phone", "student_phone")
_PLAIN: Final = tuple(name for name in NAMES if name not in _PHONES)
_REST: Final = tuple(name for name in _PLAIN if name != "name")
_TYPES: Final = {
    "place": "int", "id": "uuid", "enrolled_on": "date",
    **dict.fromkeys((*PARENT_COLUMNS, *STUDENT_COLUMNS), "bytea"),
    **dict.fromkeys(("parent_phone_clear", "student_phone_clear"), "text"),
}  # fmt: skip
#: What an absent value is stored as; others: empty.
_ABSENT: Final = {"id": "NULL", "state": "'enrolled'", "enrolled_on": "NULL"}


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


def _incoming(columns: Sequence[str]) -> str:
    typed = ", ".join(f"%({name})s::{_TYPES.get(name, 'text')}[]" for name in columns)
    return f"unnest({typed}) AS r({', '.join(columns)})"


def _in_table(name: str) -> str:
    return _TABLE.get(name, name)


def _kept(name: str) -> str:
    return f"{_in_table(name)} = COALESCE(r.{name}, s.{_in_table(name)})"


_COMPARED: Final = ("place", *_PLAIN, "parent_phone_index", "student_phone_index")
_CHANGED: Final = ("name", "parent_phone_index", *_REST, *STUDENT_COLUMNS)
_ADDED: Final = ("id", *_PLAIN, *PARENT_COLUMNS, *STUDENT_COLUMNS)
#: In the table the phones in the clear have the names that 0.1.0 gave them.
_TABLE: Final = {f"{name}_clear": name for name in _PHONES}

_SAME_STUDENT: Final = (
    "s.tenant_id = %(tenant)s AND s.parent_phone_index = r.parent_phone_index AND s.name = r.name"
)
_NEWS: Final = " OR ".join(
    ["s.removed_at IS NOT NULL"]
    + [f"(r.{name} IS NOT NULL AND r.{name} IS DISTINCT FROM s.{name})"
       for name in (*_REST, "student_phone_index")]
)  # fmt: skip
_EMPTY: Final = "''"
_FILLED: Final = ", ".join(f"COALESCE(r.{name}, {_ABSENT.get(name, _EMPTY)})" for name in _ADDED)

_SORT: Final = f"""
SELECT r.place, s.id IS NULL
FROM {_incoming(_COMPARED)} LEFT JOIN roster_student s ON {_SAME_STUDENT}
WHERE s.id IS NULL OR {_NEWS}
"""  # noqa: S608 - names of ours, no values
_CHANGE: Final = f"""
UPDATE roster_student s
SET {", ".join(map(_kept, (*_REST, *STUDENT_COLUMNS)))},
    removed_at = NULL, updated_at = %(now)s
FROM {_incoming(_CHANGED)}
WHERE {_SAME_STUDENT}
"""  # noqa: S608 - names of ours, no values
_ADD: Final = f"""
INSERT INTO roster_student (tenant_id, created_at, updated_at, {", ".join(map(_in_table, _ADDED))})
SELECT %(tenant)s, %(now)s, %(now)s, {_FILLED}
FROM {_incoming(_ADDED)}
ON CONFLICT DO NOTHING
"""  # noqa: S608 - names of ours, no values


def look(tenant_id: UUID, rows: Sequence[Known]) -> Tally:
    """What `store` would do with the rows."""
    sealing.seal(tenant_id)
    new, changed = _sorted(_Rows(tenant_id, rows))
    return Tally(len(new), len(changed), len(rows) - len(new) - len(changed))


def store(tenant_id: UUID, rows: Sequence[Known]) -> Tally:
    """Add and change students; each of the rows is another student."""
    incoming = _Rows(tenant_id, rows)
    added = 0
    with transaction.atomic(), connection.cursor() as cursor:
        # Two lists of one academy at once could wait for each other's rows in a circle.
        lock(Space.ROSTER, str(tenant_id))
        sealing.seal(tenant_id)
        new, changed = _sorted(incoming)
        if changed:
            cursor.execute(_CHANGE, incoming.arguments(_CHANGED, changed))
        if new:
            cursor.execute(_ADD, incoming.arguments(_ADDED, new))
            added = cursor.rowcount
    return Tally(added, len(changed), len(rows) - added - len(changed))


class _Rows:
    """Rows of a list as columns of the table; null where nothing is known."""

    def __init__(self, tenant_id: UUID, rows: Sequence[Known]) -> None:
        self.tenant_id, self.size = tenant_id, len(rows)
        columns = zip(*rows, strict=True) if rows else ([] for _ in NAMES)
        self._known: dict[str, Sequence[str | None]] = dict(zip(NAMES, columns, strict=True))
        self._indexes = {
            f"{name}_index": [
                PHONES.index(tenant_id, digits) if digits else None for digits in self._known[name]
            ]
            for name in _PHONES
        }

    def arguments(self, columns: Sequence[str], places: Sequence[int]) -> dict[str, Any]:
        """For a statement over the rows at these places."""
        return {
            "tenant": self.tenant_id,
            "now": clock.now(),
            **{name: self._column(name, places) for name in columns},
        }

    def _column(self, name: str, places: Sequence[int]) -> Sequence[Any]:
        if name == "place":
            return list(places)
        if name == "id":
            return [new_id() for _ in places]
        field, _, form = name.rpartition("_")
        if field not in _PHONES:
            return [self._known[name][place] for place in places]
        if form == "index":
            return [self._indexes[name][place] for place in places]
        phones = [self._known[field][place] for place in places]
        if form == "clear":
            return phones
        if form == "tail":
            return [PHONES.tail_index(self.tenant_id, digits or "") for digits in phones]
        sealed = iter(PHONES.seal_all(self.tenant_id, [digits for digits in phones if digits]))
        return [next(sealed) if digits else None for digits in phones]


def _sorted(incoming: _Rows) -> tuple[list[int], list[int]]:
    """The places of the rows that are new, and of those that change something."""
    with connection.cursor() as cursor:
        cursor.execute(_SORT, incoming.arguments(_COMPARED, range(incoming.size)))
        found = cursor.fetchall()
    return [place for place, new in found if new], [place for place, new in found if not new]
