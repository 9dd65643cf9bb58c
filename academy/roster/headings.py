"""Which column is which field: the heading in the first rows, by its words and what is below it.

The score of a column is 1 for a known heading, less for one that only contains a known word, and
is then weighed with the share of the cells below it that the field can read. The row whose columns
score highest together is the heading; a row above it may name groups of columns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from academy.documents.tables.cells import Cell, Row, column_index, column_name
from academy.documents.tables.values import CellError, shown
from academy.roster.fields import ANY_PHONE, BY_NAME, FIELDS, Field
from academy.sandbox.child import Refused

HEADING_ROWS: Final = 20
SAMPLE_ROWS: Final = 50
SURE: Final = 0.6
"""From here on a column is taken without being asked for."""
_LEAST: Final = 0.4
_INSIDE: Final = 0.8
_AT_THE_END: Final = 0.8
_WHOSE: Final = 0.95
_ANY_PHONE: Final = 0.75
_WORST_FIT: Final = 0.5
_LONGEST_TITLE: Final = 40
_DATA_DIGITS: Final = 4
_NOISE: Final = re.compile(r"[^0-9a-z가-힣]")
_BRACKETS: Final = re.compile(r"[(\[<].*?[)\]>]")


@dataclass(frozen=True)
class Column:
    """A column of the file, taken for a field. ``confidence`` is from 0 to 1."""

    field: str
    index: int
    title: str
    confidence: float

    @property
    def letters(self) -> str:
        """The column's name in the spreadsheet."""
        return column_name(self.index)


@dataclass(frozen=True)
class Heading:
    """The heading found: its row (0: none), the columns taken, and the titles of the others."""

    row: int
    columns: tuple[Column, ...]
    others: tuple[tuple[int, str], ...]

    @property
    def doubtful(self) -> list[Column]:
        """Columns that only a person should decide on."""
        return [column for column in self.columns if column.confidence < SURE]


def normal(title: str, *, brackets: bool = False) -> str:
    """A title without case, spaces, punctuation and (unless ``brackets``) what is in brackets."""
    text = unicodedata.normalize("NFKC", title).lower()
    return (not brackets and _NOISE.sub("", _BRACKETS.sub("", text))) or _NOISE.sub("", text)


_KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    field.name: tuple(dict.fromkeys(normal(text) for text in (field.title, *field.synonyms)))
    for field in FIELDS
}
_PHONES: Final = frozenset(normal(text) for text in ANY_PHONE)
_PARENTS: Final = (
    "부모", "보호자", "어머니", "아버지", "어머님", "아버님", "엄마", "아빠", "parent", "guardian",
    "mother", "father",
)  # fmt: skip
_STUDENTS: Final = ("학생", "본인", "자녀", "원생", "student", "own")


def title_score(title: str, field: Field) -> float:
    """How well a title names a field, from 0 to 1."""
    text, whole = normal(title), normal(title, brackets=True)
    if not text or len(whole) > _LONGEST_TITLE:
        return 0.0
    of_parent = any(word in whole for word in _PARENTS)
    if of_parent and field.name != "parent_phone":
        return 0.0
    known = _KNOWN[field.name]
    if text in known and (text == whole or text not in _PHONES):
        return 1.0
    if field.name in ("parent_phone", "student_phone") and any(word in whole for word in _PHONES):
        return _phone_score(whole, field, of_parent=of_parent)
    if any(text.endswith(word) for word in known if len(word) > 1):
        return _AT_THE_END
    inside = max((len(word) for word in known if len(word) > 1 and word in text), default=0)
    return _INSIDE * inside / len(text)


def _phone_score(whole: str, field: Field, *, of_parent: bool) -> float:
    of_student = any(word in whole for word in _STUDENTS)
    if of_parent or of_student:
        return _WHOSE if of_parent == (field.name == "parent_phone") else 0.0
    return _ANY_PHONE if field.name == "parent_phone" else 0.0


def find(rows: Sequence[Row], header_row: int | None = None) -> Heading:
    """The best heading of a table's first rows (in ``header_row``, where it is named).

    Raises Refused roster_header_not_found.
    """
    best: tuple[float, Heading] | None = None
    for place, row in enumerate(rows):
        if row.number > HEADING_ROWS and header_row is None:
            break
        if header_row is not None and row.number != header_row:
            continue
        below = rows[place + 1 : place + 1 + SAMPLE_ROWS]
        above = rows[place - 1] if place and rows[place - 1].number == row.number - 1 else None
        for titles in _titles(row, above):
            heading = _assign(row.number, titles, below)
            total = sum(column.confidence for column in heading.columns)
            if _complete(heading.columns) and (best is None or total > best[0] + 1e-9):
                best = (total, heading)
    if best is None:
        raise Refused("roster_header_not_found", rows=HEADING_ROWS)
    return best[1]


def _titles(row: Row, above: Row | None) -> Iterable[list[str]]:
    """The row's own texts, and these with the groups that the row above names.

    A cell merged over several columns has its text in the first of them, one merged over both rows
    has it in the upper one.
    """
    own = [_title(cell) for cell in row.cells]
    yield own
    if above is None or not all(_may_be_title(cell) for cell in row.cells):
        return
    upper = [_title(cell) for cell in above.cells]
    upper += [""] * (len(own) - len(upper))
    own += [""] * (len(upper) - len(own))
    if not any(title and not over for title, over in zip(own, upper, strict=True)):
        # No group goes over several columns: the upper row has all titles, or this is a student.
        return
    joined, group = [], ""
    for title, over in zip(own, upper, strict=True):
        group = over or (group if title else "")
        joined.append(f"{group} {title}".strip())
    yield joined


def _may_be_title(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and sum(map(str.isdigit, cell)) < _DATA_DIGITS)


def _title(cell: Cell) -> str:
    return cell.strip() if isinstance(cell, str) else ""


def _assign(number: int, titles: Sequence[str], below: Sequence[Row]) -> Heading:
    """Give each field the column that suits it best, the surest pairs first."""
    pairs = sorted(
        (
            (score * _fit(field, index, below), field.name, index)
            for index, title in enumerate(titles)
            for field in FIELDS
            if (score := title_score(title, field)) >= _LEAST
        ),
        key=lambda pair: (-pair[0], pair[2]),
    )
    taken: dict[str, Column] = {}
    used: set[int] = set()
    for confidence, name, index in pairs:
        if confidence >= _LEAST and name not in taken and index not in used:
            taken[name] = Column(name, index, titles[index], round(confidence, 2))
            used.add(index)
    others = ((index, title) for index, title in enumerate(titles) if title and index not in used)
    columns = sorted(taken.values(), key=lambda column: column.index)
    return Heading(number, tuple(columns), tuple(others))


def _fit(field: Field, index: int, below: Sequence[Row]) -> float:
    """From 0.5 to 1: how many of the cells below the field can read."""
    filled = [row.cells[index] for row in below if len(row.cells) > index]
    filled = [cell for cell in filled if shown(cell).strip()]
    if not filled:
        return 1.0
    good = sum(_reads(field, cell) for cell in filled)
    return _WORST_FIT + (1 - _WORST_FIT) * good / len(filled)


def _reads(field: Field, cell: Cell) -> bool:
    try:
        field.read(cell)
    except CellError:
        return False
    return True


def _complete(columns: Iterable[Column]) -> bool:
    found = {column.field for column in columns}
    return all(field.name in found for field in FIELDS if field.required)


def named(mapping: Mapping[str, str], rows: Sequence[Row], header_row: int | None) -> Heading:
    """The heading that a person named: field to column letters, or to the column's title.

    Raises Refused roster_mapping_invalid.
    """
    number, titles = _named_row(mapping, rows, header_row)
    by_title = {normal(title): index for index, title in reversed(list(enumerate(titles))) if title}
    taken: dict[int, str] = {}
    wrong: list[str] = []
    for name, said in mapping.items():
        index = by_title.get(normal(said))
        if index is None:
            try:
                index = column_index(said.strip())
            except ValueError:
                index = None
        if name not in BY_NAME or index is None or index in taken:
            wrong.append(name)
        else:
            taken[index] = name
    wrong += [one.name for one in FIELDS if one.required and one.name not in mapping]
    if wrong:
        raise Refused("roster_mapping_invalid", columns=", ".join(wrong)[:200])
    columns = tuple(
        Column(taken[index], index, titles[index] if index < len(titles) else "", 1.0)
        for index in sorted(taken)
    )
    others = tuple((i, title) for i, title in enumerate(titles) if title and i not in taken)
    return Heading(number, columns, others)


def _named_row(
    mapping: Mapping[str, str], rows: Sequence[Row], header_row: int | None
) -> tuple[int, list[str]]:
    """The row of the titles: the one named, else the one that is found, else none."""
    if header_row is None:
        try:
            header_row = find(rows).row
        except Refused:
            wanted = {normal(said) for said in mapping.values()}
            near = [row for row in rows if row.number <= HEADING_ROWS]
            header_row = next(
                (row.number for row in near if wanted & {normal(_title(c)) for c in row.cells}), 0
            )
    row = next((row for row in rows if row.number == header_row), None)
    return header_row, [] if row is None else [_title(cell) for cell in row.cells]
