"""A stranger's list of students, read in a confined child: rows made good, or refused by cell.

`read` is what the child runs. It leaves the good rows in ``rows.jsonl``, one line each: the row's
number, then the fields in the order of ``fields.NAMES``, null where a cell is empty or not mapped.
A copy of the file in which every fault is marked is in ``annotated.xlsx``, where one was asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

from academy.core.catalogue import lookup
from academy.documents.tables.cells import Cell, Fault, Row, column_name
from academy.documents.tables.opening import Table
from academy.documents.tables.values import CellError, masked, shown
from academy.documents.tables.writing import Shade, Shaded, Value, XlsxSheet, XlsxWriter
from academy.roster import errors as _errors  # noqa: F401 - registers the row codes
from academy.roster.fields import BY_NAME, NAMES, Field
from academy.roster.headings import HEADING_ROWS, SAMPLE_ROWS, Column, Heading, find, named
from academy.sandbox.child import Refused

ROWS: Final = "rows.jsonl"
ANNOTATED: Final = "annotated.xlsx"
SHOWN_ERRORS: Final = 200
EXAMPLES: Final = 3
_TITLE_CHARS: Final = 40
_SAY_EVERY: Final = 1_000
_FAULTS_TITLE: Final = "오류 (Errors)"
_KEY: Final = ("name", "parent_phone")

Annotate: TypeAlias = Literal["all", "faulty", "none"]
"""Which rows the annotated copy has."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with one cell of a row; ``params`` fill the code's sentence."""

    column: Column
    code: str
    cell: Cell
    params: dict[str, int] = field(default_factory=dict)

    def shown(self, row: int) -> dict[str, Any]:
        """For the result: the place, the reason, and the value's shape but not the value."""
        return {
            "row": row,
            "column": self.column.letters,
            "field": self.column.field,
            "title": self.column.title,
            "code": self.code,
            "params": self.params,
            "value": masked(shown(self.cell)),
        }

    def sentence(self) -> str:
        """For the annotated copy."""
        entry = lookup(self.code)
        title = self.column.title or BY_NAME[self.column.field].title
        return f"{self.column.letters} {title}: {entry.message('ko', self.params)}"


def read(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Read the list at ``path``; ``sheet``, ``header_row``, ``mapping``, ``annotate`` as asked.

    Returns what the result says of the file. Raises Refused.
    """
    table = Table(Path(request["path"]), request.get("sheet"))
    rows = table.rows()
    first = list(islice(rows, HEADING_ROWS + SAMPLE_ROWS))
    if not first:
        raise Refused("table_empty")
    heading = _heading(request, first)
    if request.get("sure") and heading.doubtful:
        doubtful = ", ".join(f"{one.letters}: {one.field}" for one in heading.doubtful)
        raise Refused("roster_mapping_unsure", columns=doubtful)
    sift = _Sift(heading, folder, request.get("annotate", "none"), table.sheet or "Sheet1")
    with sift:
        for count, row in enumerate(chain(first, rows)):
            sift.take(row)
            if count % _SAY_EVERY == 0:
                say(table.share)
    return {
        "format": table.format,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "sheet": table.sheet,
        "sheets": table.sheets,
        "header_row": heading.row,
        "columns": [_described(column, first, heading.row) for column in heading.columns],
        "ignored_columns": [
            {"column": column_name(index), "title": title[:_TITLE_CHARS]}
            for index, title in heading.others
        ],
        **sift.summary(),
        "notes": [{"code": note.code, "params": note.params} for note in table.notes],
    }


def _heading(request: dict[str, Any], first: Sequence[Row]) -> Heading:
    mapping, header_row = request.get("mapping"), request.get("header_row")
    if mapping:
        return named(mapping, first, header_row)
    return find(first, header_row)


def _described(column: Column, first: Sequence[Row], header_row: int) -> dict[str, Any]:
    cells = (
        shown(row.cells[column.index]).strip()
        for row in first
        if row.number > header_row and len(row.cells) > column.index
    )
    examples = islice((masked(text) for text in cells if text), EXAMPLES)
    return {
        "field": column.field,
        "column": column.letters,
        "title": column.title[:_TITLE_CHARS],
        "confidence": column.confidence,
        "examples": list(examples),
    }


class _Sift:
    """Parts the rows into good and faulty ones, and writes them where they go."""

    def __init__(self, heading: Heading, folder: Path, annotate: Annotate, title: str) -> None:
        self._heading = heading
        self._columns: list[tuple[Column, Field, int]] = [
            (column, BY_NAME[column.field], NAMES.index(column.field)) for column in heading.columns
        ]
        self._key = [NAMES.index(name) for name in _KEY]
        self._folder, self._annotate, self._title = folder, annotate, title
        self._seen: dict[int, int] = {}
        self._rows = self._good = self._wrong = 0
        self._codes: Counter[str] = Counter()
        self._errors: list[dict[str, Any]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        path = self._folder / ROWS
        self._file = self._stack.enter_context(path.open("w", encoding="utf-8"))
        self._copy: _Copy | None = None
        if self._annotate != "none":
            writer = XlsxWriter(self._folder / ANNOTATED, self._title, ())
            self._copy = _Copy(
                self._stack.enter_context(writer),
                self._heading.row,
                every_row=self._annotate == "all",
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        self._stack.close()

    def take(self, row: Row) -> None:
        """Sort one row in."""
        if row.number <= self._heading.row:
            if self._copy is not None:
                self._copy.head(row)
            return
        values, wrong, filled = self._values(row)
        if filled:
            self._rows += 1
            if not wrong:
                wrong = self._repeated(row, values)
            if wrong:
                self._refuse(row.number, wrong)
            else:
                self._good += 1
                self._file.write(json.dumps([row.number, *values], ensure_ascii=False) + "\n")
        if self._copy is not None:
            self._copy.row(row, wrong if filled else [])

    def _values(self, row: Row) -> tuple[list[str | None], list[Wrong], bool]:
        """The fields of a row, what is wrong with it, and whether it has any of them."""
        values: list[str | None] = [None] * len(NAMES)
        wrong: list[Wrong] = []
        filled = False
        cells, width = row.cells, len(row.cells)
        for column, known, place in self._columns:
            cell = cells[column.index] if column.index < width else None
            filled = filled or (cell is not None and cell != "")
            try:
                values[place] = known.read(cell)
            except CellError as error:
                wrong.append(Wrong(column, error.code, cell, error.params))
        return values, wrong, filled

    def _repeated(self, row: Row, values: list[str | None]) -> list[Wrong]:
        key = hash(tuple(values[place] for place in self._key))
        first = self._seen.setdefault(key, row.number)
        if first == row.number:
            return []
        column = next(one for one in self._heading.columns if one.field == _KEY[0])
        return [Wrong(column, "row_repeated", values[self._key[0]], {"first": first})]

    def _refuse(self, number: int, wrong: list[Wrong]) -> None:
        self._wrong += 1
        for one in wrong:
            self._codes[one.code] += 1
            if len(self._errors) < SHOWN_ERRORS:
                self._errors.append(one.shown(number))

    def summary(self) -> dict[str, Any]:
        """The counts, and the first faults."""
        return {
            "rows": self._rows,
            "good": self._good,
            "faulty": self._wrong,
            "error_counts": dict(self._codes.most_common()),
            "errors": self._errors,
        }


class _Copy:
    """The rows of the file as they came, with the faults marked and said at the end of the row."""

    def __init__(self, writer: XlsxSheet, heading_row: int, *, every_row: bool) -> None:
        self._writer, self._heading_row, self._every_row = writer, heading_row, every_row
        self._width = 0

    def head(self, row: Row) -> None:
        """A row up to the heading."""
        cells = [_plain(cell) for cell in row.cells]
        self._width = max(self._width, len(cells))
        if row.number < self._heading_row:
            self._writer.row(cells, row.number)
            return
        titles = [shown(cell) for cell in row.cells]
        titles += [""] * (self._width - len(titles))
        self._writer.heading([*titles, _FAULTS_TITLE], row.number)

    def row(self, row: Row, wrong: list[Wrong]) -> None:
        """A row below the heading; a faulty one keeps its number where every row is there."""
        if not wrong and not self._every_row:
            return
        cells: list[Value | Shaded] = [_plain(cell) for cell in row.cells]
        if wrong:
            cells += [None] * (
                max(self._width, *(one.column.index + 1 for one in wrong)) - len(cells)
            )
            for one in wrong:
                cells[one.column.index] = Shaded(_plain(one.cell), Shade.BAD)
            cells.append(Shaded("; ".join(one.sentence() for one in wrong), Shade.BAD))
        self._writer.row(cells, row.number if self._every_row else None)


def _plain(cell: Cell) -> Value:
    return cell.shown or "#ERROR" if isinstance(cell, Fault) else cell


def good_rows(path: Path, *, skip: int = 0) -> Iterator[tuple[int, list[str | None]]]:
    """The rows that `read` left: each one's number and fields; the first ``skip`` passed over."""
    with path.open(encoding="utf-8") as file:
        for line in islice(file, skip, None):
            number, *values = json.loads(line)
            yield number, values
