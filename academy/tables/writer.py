"""Rows of a stranger's file into a table, in a confined child: every cell of its column's type.

The first cell that is none refuses the whole: a payroll with a hole in it is worse than none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias

from academy.documents.tables import cells as read
from academy.documents.tables.limits import LIMITS
from academy.documents.tables.opening import Table
from academy.documents.tables.values import CellError, date_of, phone_of, shown
from academy.documents.tables.writing import Amount, Cell, Column, Kind, Shade, Shaded, write_table
from academy.sandbox.child import Refused
from academy.tables.columns import Holds, TableColumn

_LINE_CHARS: Final = 1 << 20
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
_EXACT: Final = 10**15
"""Beyond it a spreadsheet rounds."""
_SHADES: Final = {"good": Shade.GOOD, "doubt": Shade.DOUBT, "bad": Shade.BAD}
_KINDS: Final = {Holds.NUMBER: Kind.NUMBER, Holds.DATE: Kind.DATE, Holds.PHONE: Kind.PHONE}
_SAY_EVERY: Final = 1_000

Number: TypeAlias = int | float


def write(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> int:
    """Write ``folder / name`` from ``path``; returns how many rows. Raises Refused."""
    columns = [TableColumn.model_validate(one) for one in request["columns"]]
    rows = _Rows(columns)
    found = _found(Path(request["path"]), columns, say)
    dressed = [
        Column(one.title, _KINDS.get(one.holds, Kind.TEXT), max(12, 2 * len(one.title)))
        for one in columns
    ]
    write_table(
        folder / request["name"], request["format"], dressed, rows.written(found), title="표"
    )
    return rows.count


class _Rows:
    """Cells of the right type, and the sums of the columns that are added up."""

    def __init__(self, columns: Sequence[TableColumn]) -> None:
        self.count = 0
        self._columns = columns
        self._sums = [Decimal(0)] * len(columns)

    def written(self, found: Iterator[tuple[int, Sequence[read.Cell]]]) -> Iterator[list[Cell]]:
        for number, values in found:
            self.count += 1
            yield [self._cell(number, place, value) for place, value in enumerate(values)]
        if self.count and any(column.total for column in self._columns):
            yield self._totals()

    def _cell(self, row: int, place: int, value: read.Cell) -> Cell:
        column = self._columns[place]
        try:
            cell = _typed(column, value)
        except CellError:
            raise Refused(
                "tables_cell_invalid", row=row, column=column.title, holds=column.holds.value
            ) from None
        if column.total and cell is not None:
            self._sums[place] += Decimal(str(cell.value if isinstance(cell, Amount) else cell))
        return cell

    def _totals(self) -> list[Cell]:
        totals: list[Cell] = []
        for column, total in zip(self._columns, self._sums, strict=True):
            whole = total == total.to_integral_value()
            value: Number = int(total) if whole else float(total)
            cell = Amount(int(total)) if column.holds is Holds.MONEY else value
            totals.append(Shaded(cell if column.total else "", Shade.TITLE))
        if not self._columns[0].total:
            totals[0] = Shaded("합계", Shade.TITLE)
        return totals


def _typed(column: TableColumn, value: read.Cell) -> Cell:
    """The value as its column has it. Raises CellError."""
    if isinstance(value, read.Fault):
        raise CellError(value.code)
    if value is None or value == "":
        return None
    match column.holds:
        case Holds.DATE:
            return date_of(value)
        case Holds.PHONE:
            return phone_of(value)
        case Holds.NUMBER:
            return _number(value)
        case Holds.MONEY:
            number = _number(value)
            if number != int(number):
                raise CellError("row_number_invalid")
            return Amount(int(number))
    text = shown(value)
    if len(text) > LIMITS.cell_characters:
        raise CellError("row_value_too_long", limit=LIMITS.cell_characters)
    shade = _SHADES.get(column.colours.get(text.strip(), ""), Shade.NONE)
    return text if shade is Shade.NONE else Shaded(text, shade)


def _number(value: read.Cell) -> Number:
    if isinstance(value, str):
        text = value.strip().replace(",", "")
        if not _NUMBER.fullmatch(text):
            raise CellError("row_number_invalid")
        value = float(text) if "." in text else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _EXACT:
        raise CellError("row_number_invalid")
    return value


def _found(
    path: Path, columns: Sequence[TableColumn], say: Callable[[float], None]
) -> Iterator[tuple[int, Sequence[read.Cell]]]:
    """The rows with their numbers, each with a value for every column."""
    with path.open("rb") as file:
        start = file.read(4_096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"[") or not path.stat().st_size:
        return _lines(path, len(columns), say)
    return _titled(path, columns, say)


def _lines(
    path: Path, width: int, say: Callable[[float], None]
) -> Iterator[tuple[int, Sequence[read.Cell]]]:
    size = max(1, path.stat().st_size)
    done = count = 0
    with path.open("rb") as file:
        for number in range(1, 2 * LIMITS.rows):
            line = file.readline(_LINE_CHARS)
            if not line:
                return
            done += len(line)
            if not line.strip():
                continue
            count += 1
            if count > LIMITS.rows:
                raise Refused("table_too_many_rows", limit=LIMITS.rows)
            yield number, _values(line, number, width)
            if count % _SAY_EVERY == 0:
                say(done / size)


def _values(line: bytes, number: int, width: int) -> list[read.Cell]:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        values = None
    plain = (
        isinstance(values, list)
        and len(values) == width
        and not any(isinstance(one, list | dict) for one in values)
    )
    if not plain:
        raise Refused("tables_line_invalid", row=number, columns=width)
    found: list[read.Cell] = values
    return found


def _titled(
    path: Path, columns: Sequence[TableColumn], say: Callable[[float], None]
) -> Iterator[tuple[int, Sequence[read.Cell]]]:
    table = Table(path)
    rows = table.rows()
    heading = next(rows, None)
    titles = [shown(cell).strip() for cell in heading.cells] if heading else []
    if missing := [one.title for one in columns if one.title not in titles]:
        raise Refused("tables_columns_missing", columns=", ".join(missing)[:200])
    places = [titles.index(one.title) for one in columns]
    for count, row in enumerate(rows):
        yield (
            row.number,
            [row.cells[place] if place < len(row.cells) else None for place in places],
        )
        if count % _SAY_EVERY == 0:
            say(table.share)
