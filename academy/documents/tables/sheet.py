"""The rows of one worksheet, as a stream: a far cell or a million empty rows cost nothing.

Its own small parser, because openpyxl's read-only mode cannot tell a formula without a stored value
from an empty cell, and takes 9.9 s for 100,000 rows, of which a whole import may take 12 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import IO, Final

from academy.documents.tables.cells import Cell, Fault, Note, Row, column_index, column_name
from academy.documents.tables.limits import TableLimits
from academy.documents.tables.markup import Enough, feed, local, parser
from academy.documents.tables.workbook import unescape
from academy.sandbox.child import Refused

_LAST_ROW: Final = 1_048_576
_DIGITS: Final = "0123456789"
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no zone
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001 - a spreadsheet's dates have no zone
_LAST_SERIAL: Final = 2_958_465  # 9999-12-31
_NO_LEAP_DAY: Final = 60  # 1900-02-29, which spreadsheets count though it never was
_WHOLE: Final = 1e15


@dataclass
class SheetReader:
    """Parses one sheet; ``notes`` says afterwards what was left out."""

    strings: Sequence[str]
    dates: Sequence[bool]
    from_1904: bool
    limits: TableLimits
    notes: list[Note] = field(default_factory=list)

    def rows(self, stream: IO[bytes]) -> Iterator[Row]:
        """Every row that is not empty, in order. Raises Refused."""
        state = _Parse(self)
        for _ in feed(parser(state.start, state.end, state.text), stream):
            yield from state.ready
            state.ready.clear()
        if state.beyond:
            self.notes.append(
                Note("table_columns_left_out", {"last": column_name(self.limits.columns - 1)})
            )
        if state.gap_at:
            self.notes.append(Note("table_rows_left_out", {"row": state.gap_at}))


class _Parse:
    """The state between two events of expat. Its methods run a million times: no frills."""

    def __init__(self, reader: SheetReader) -> None:
        self.ready: list[Row] = []
        self.beyond = False
        self.gap_at = 0
        self._limits = reader.limits
        self._strings = reader.strings
        self._dates = reader.dates
        self._epoch = _EPOCH_1904 if reader.from_1904 else _EPOCH
        self._columns: dict[str, int] = {}
        self._prefix: str | None = None
        self._number = self._last = self._count = self._cells_seen = 0
        self._cells: list[Cell] = []
        self._column = -1
        self._type = self._style = ""
        self._pieces: list[str] = []
        self._taken = 0
        self._taking = self._formula = self._reading = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._prefix is None:
            self._prefix = name[: -len(local(name))]
        name = name.removeprefix(self._prefix)
        if name == "c":
            self._start_cell(attributes)
        elif name in ("v", "t"):
            self._taking = not self._reading
        elif name == "row":
            self._start_row(attributes)
        elif name == "f":
            self._formula = True
        elif name == "rPh":
            self._reading = True

    def end(self, name: str) -> None:
        name = name.removeprefix(self._prefix or "")
        if name in ("v", "t"):
            self._taking = False
        elif name == "c":
            self._end_cell()
        elif name == "row":
            self._end_row()
        elif name == "rPh":
            self._reading = False
        elif name == "sheetData":
            raise Enough

    def text(self, piece: str) -> None:
        if self._taking and self._taken <= self._limits.cell_characters:
            self._taken += len(piece)
            self._pieces.append(piece)

    def _start_row(self, attributes: dict[str, str]) -> None:
        said = attributes.get("r")
        number = self._number + 1 if said is None else _number(said)
        if not self._number < number <= _LAST_ROW:
            raise Refused("table_damaged")
        if number - self._last > self._limits.empty_rows and self._last:
            self.gap_at = self._last
            raise Enough
        if number > self._last + 10 * self._limits.empty_rows:
            # The first row of the table that far down: there is no table.
            raise Enough
        self._number = number
        self._cells = []
        self._column = -1

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._cells_seen += 1
        if self._cells_seen > self._limits.cells:
            raise Refused("table_too_many_cells", limit=self._limits.cells)
        place = attributes.get("r")
        if place is None:
            self._column += 1
        else:
            letters = place.rstrip(_DIGITS)
            found = self._columns.get(letters)
            self._column = self._learn(letters) if found is None else found
        self._type = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        self._formula = False
        self._pieces.clear()
        self._taken = 0

    def _learn(self, letters: str) -> int:
        try:
            index = column_index(letters)
        except ValueError:
            raise Refused("table_damaged") from None
        self._columns[letters] = index
        return index

    def _end_cell(self) -> None:
        if not self._pieces and not self._formula:
            return
        column, cells = self._column, self._cells
        if column >= self._limits.columns:
            self.beyond = True
            return
        value = self._value("".join(self._pieces))
        if value is None:
            return
        if column == len(cells):
            cells.append(value)
            return
        if column > len(cells):
            cells.extend([None] * (column + 1 - len(cells)))
        cells[column] = value

    def _end_row(self) -> None:
        if not self._cells:
            return
        self._last = self._number
        self._count += 1
        if self._count > self._limits.rows:
            raise Refused("table_too_many_rows", limit=self._limits.rows)
        self.ready.append(Row(self._number, self._cells))
        self._cells = []

    def _value(self, text: str) -> Cell:
        kind = self._type
        if kind == "s":
            return self._shared(text)
        if kind in ("inlineStr", "str"):
            # A formula may give an empty text.
            return unescape(text) or None
        if not text:
            return Fault("row_formula_without_value") if self._formula else None
        if kind == "n":
            return self._of_number(text)
        if kind == "b":
            return text == "1"
        if kind == "d":
            return _iso(text)
        return Fault("row_cell_error", text[:20])

    def _shared(self, text: str) -> Cell:
        number = _number(text)
        if number >= len(self._strings):
            raise Refused("table_damaged")
        return self._strings[number] or None

    def _of_number(self, text: str) -> Cell:
        try:
            number = float(text)
        except ValueError:
            raise Refused("table_damaged") from None
        style = self._style
        if style.isdigit() and int(style) < len(self._dates) and self._dates[int(style)]:
            return serial_date(number, self._epoch)
        if not abs(number) < _WHOLE:
            return Fault("row_cell_error", text[:20])
        return int(number) if number.is_integer() else number


def serial_date(number: float, epoch: datetime = _EPOCH) -> date | datetime | Fault:
    """The moment of a spreadsheet's day count; a date where it has no time of day."""
    if not 1 <= number <= _LAST_SERIAL:
        return Fault("row_date_invalid", str(number)[:20])
    if number < _NO_LEAP_DAY and epoch is _EPOCH:
        number += 1
    try:
        moment = epoch + timedelta(days=number)
    except OverflowError:
        return Fault("row_date_invalid", str(number)[:20])
    # Day counts are floats: a second is about 1e-5 of a day.
    moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
    return moment.date() if float(number).is_integer() else moment


def _iso(text: str) -> Cell:
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return Fault("row_date_invalid", text[:20])
    return moment.date() if moment.time() == datetime.min.time() else moment


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refused("table_damaged")
    return int(text)
