"""The list of students as a file: the columns, and one row for each student."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db.models import QuerySet

from academy.documents.tables.writing import Column, Kind, Value
from academy.roster import phones
from academy.roster.fields import FIELDS, GENDER_TITLES, NAMES, STATE_TITLES
from academy.roster.models import PHONE_COLUMNS, Student

_KINDS: Final = {
    "parent_phone": Kind.PHONE,
    "student_phone": Kind.PHONE,
    "enrolled_on": Kind.DATE,
}
_WIDTHS: Final = {"parent_phone": 16, "student_phone": 16, "school": 18, "memo": 30, "gender": 8}
_PAGE: Final = 2_000

COLUMNS: Final = [
    Column(field.title, _KINDS.get(field.name, Kind.TEXT), _WIDTHS.get(field.name, 12))
    for field in FIELDS
]


def rows_of(students: QuerySet[Student]) -> Iterator[list[Value]]:
    """The rows, from one consistent view of the database, a page of them in memory at a time.

    Raises AppError student_phone_unreadable.
    """
    columns = [f"{name}_sealed" if name in PHONE_COLUMNS else name for name in NAMES]
    clear = [f"{name}_clear" for name in PHONE_COLUMNS]
    places = [NAMES.index(name) for name in PHONE_COLUMNS]
    gender, state = NAMES.index("gender"), NAMES.index("state")
    found = students.order_by("name", "id").values_list("tenant_id", *columns, *clear)
    for tenant_id, *cells in found.iterator(chunk_size=_PAGE):
        row, kept = cells[: len(NAMES)], cells[len(NAMES) :]
        for place, digits in zip(places, kept, strict=True):
            row[place] = phones.opened(tenant_id, row[place], digits)
        row[gender] = GENDER_TITLES.get(row[gender], "")
        row[state] = STATE_TITLES[row[state]]
        yield row
