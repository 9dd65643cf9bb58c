"""Our own tables, written row by row: memory stays flat at any length.

Workbooks are openpyxl's, in its write-only mode. Text is always text: nothing in it becomes a
formula, phones keep their zero.
"""

from __future__ import annotations

import csv
import math
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font, PatternFill

from academy.documents.tables.cells import column_name
from academy.documents.tables.delimited import guarded

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE: Final = "text/csv; charset=utf-8"
CONTENT_TYPES: Final = {"xlsx": XLSX_TYPE, "csv": CSV_TYPE}
_ESCAPE: Final = re.compile("_x[0-9A-F]{4}_")
#: What XML cannot hold or office programs change, and text that looks like an escape of that.
_NO_TEXT: Final = "\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff"
_SPECIAL: Final = re.compile(f"[{_NO_TEXT}]|_(?=x[0-9A-Fa-f]{{4}}[_{_NO_TEXT}])")
_MOST_CHARACTERS: Final = 32_767
_NO_TITLE: Final = re.compile(f"[\\[\\]:*?/\\\\'\t\n{_NO_TEXT}]")
_TITLE_CHARACTERS: Final = 31
_FIRST_YEAR: Final = 1900
_GENERAL, _TEXT, _DAY, _MOMENT = "General", "@", "yyyy-mm-dd", "yyyy-mm-dd hh:mm"
_AMOUNT: Final = "#,##0"

Format: TypeAlias = Literal["xlsx", "csv"]
Value: TypeAlias = "str | int | float | bool | date | datetime | Amount | None"


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    PHONE = "phone"


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, what it holds, and its width in characters."""

    title: str
    kind: Kind = Kind.TEXT
    width: int = 14


@dataclass(frozen=True)
class Amount:
    """An amount of money, in whole won: shown with its thousands apart."""

    value: int


class Shade(StrEnum):
    """The colour of a cell, in ARGB."""

    NONE = ""
    GOOD = "FFC6EFCE"
    DOUBT = "FFFFEB9C"
    BAD = "FFFFC7CE"
    TITLE = "FFD9E1F2"


@dataclass(frozen=True)
class Shaded:
    """A value in a coloured cell: a session that was missed, a cell that is wrong."""

    value: Value
    shade: Shade


Cell: TypeAlias = "Value | Shaded"


def write_table(
    path: Path,
    format: Format,  # noqa: A002 - what everybody calls it
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str = "Sheet1",
) -> int:
    """Write a table with a heading, and return how many rows it has. CSV has no colours."""
    phones = [number for number, column in enumerate(columns) if column.kind is Kind.PHONE]
    with _WRITERS[format](path, title, [column.width for column in columns]) as writer:
        writer.heading([column.title for column in columns])
        for row in rows:
            cells = list(row)
            for number in phones:
                cells[number] = _phone(cells[number])
            writer.row(cells)
    return writer.rows - 1


def _phone(cell: Cell) -> Cell:
    if isinstance(cell, Shaded):
        return Shaded(_phone(cell.value), cell.shade)  # type: ignore[arg-type]
    return hyphenated(cell) if isinstance(cell, str) else cell


def hyphenated(digits: str) -> str:
    """A phone number as people write it; so a spreadsheet does not take it for a number."""
    if len(digits) in (10, 11) and digits.isdigit():
        return f"{digits[:3]}-{digits[3:-4]}-{digits[-4:]}"
    return digits


class XlsxBook:
    """A workbook of several sheets, written one after the other, as a stream.

    The file appears when the context ends without an exception. Until then the rows are in copies
    that openpyxl keeps, in a folder beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._book = Workbook(write_only=True)
        self._open: XlsxSheet | None = None

    def __enter__(self) -> Self:
        folder = tempfile.TemporaryDirectory(prefix=".rows-", dir=self._path.parent)
        self._folder = self._stack.enter_context(folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            self._close()
            if kind is None:
                self._book.save(self._path)

    def sheet(self, title: str, widths: Sequence[int], *, first: bool = False) -> XlsxSheet:
        """Begin a sheet, which ends the one before; ``first`` puts it in front of all others.

        What a title cannot hold is left out, and a title that is taken gets a number.
        """
        self._close()
        made = self._book.create_sheet(self._free(title), 0 if first else None)
        self._open = XlsxSheet(made, self._folder, widths)
        return self._open

    def _free(self, title: str) -> str:
        """A title that no sheet has; numbered by openpyxl it could be too long for Excel."""
        base = name = _NO_TITLE.sub(" ", title).strip()[:_TITLE_CHARACTERS] or "Sheet1"
        taken = {one.casefold() for one in self._book.sheetnames}
        number = 1
        while name.casefold() in taken:
            number += 1
            after = f" ({number})"
            name = base[: _TITLE_CHARACTERS - len(after)].rstrip() + after
        return name

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None


class XlsxSheet:
    """One sheet of a workbook, as a stream: rows in ascending order."""

    def __init__(self, sheet: Any, folder: str, widths: Sequence[int]) -> None:
        self._sheet = sheet
        self._folder = folder
        self._sheet.freeze_panes = "A2"
        for index, width in enumerate(widths):
            self._sheet.column_dimensions[column_name(index)].width = width
        self._looks: dict[tuple[str, Shade], Any] = {}
        self._number = 0
        self.rows = 0
        """How many have been written, the heading too."""

    def close(self) -> None:
        """Write no more rows."""
        with _temporary_files_in(self._folder):
            self._sheet.close()

    def heading(self, titles: Sequence[str], number: int | None = None) -> None:
        """A row of titles, numbered as `row` does."""
        self.row([Shaded(title, Shade.TITLE) for title in titles], number)

    def row(self, cells: Sequence[Cell], number: int | None = None) -> None:
        """A row, as the next one or with a number of its own, which leaves empty rows before it."""
        number = number or self._number + 1
        if number <= self._number:
            raise ValueError(f"row {number} after row {self._number}")
        while self._number < number - 1:
            self._append(())
        self._append(self._dressed(cell) for cell in cells)
        self.rows += 1

    def _append(self, cells: Iterable[Any]) -> None:
        self._number += 1
        if self._number > 1:
            self._sheet.append(cells)
            return
        # With its first row a sheet begins its copy.
        with _temporary_files_in(self._folder):
            self._sheet.append(cells)

    def _dressed(self, cell: Cell) -> Any:
        """What openpyxl is given for a cell; nothing for an empty one."""
        value, shade = (cell.value, cell.shade) if isinstance(cell, Shaded) else (cell, Shade.NONE)
        match value:
            case None | "":
                return None if shade is Shade.NONE else self._filled(None, _TEXT, shade)
            case str():
                # No formula, number, date or error begins with a letter: such text needs no look.
                plain = shade is Shade.NONE and value[0].isalpha()
                return _writable(value) if plain else self._text(value, shade)
            case bool() | int() | float():
                if not math.isfinite(value):
                    return self._text(str(value), shade)
                return value if shade is Shade.NONE else self._filled(value, _GENERAL, shade)
            case Amount():
                return self._filled(value.value, _AMOUNT, shade)
        if value.year < _FIRST_YEAR:
            return self._text(value.isoformat(), shade)
        if isinstance(value, datetime):
            return self._filled(value.replace(tzinfo=None), _MOMENT, shade)
        return self._filled(value, _DAY, shade)

    def _text(self, text: str, shade: Shade) -> Any:
        cell = self._filled(_writable(text), _TEXT, shade)
        # openpyxl takes "=1+1" for a formula and "#REF!" for an error.
        cell.data_type = "s"
        return cell

    def _filled(self, value: Value, number_format: str, shade: Shade) -> Any:
        """The cell of that look with another value: a cell is written before the next is asked."""
        look = self._looks.get((number_format, shade))
        if look is None:
            look = self._looks[number_format, shade] = WriteOnlyCell(self._sheet)
            look.number_format = number_format
            if shade is Shade.TITLE:
                look.font = Font(name="Calibri", sz=11, bold=True)
            if shade is not Shade.NONE:
                look.fill = PatternFill("solid", fgColor=shade.value)
        look.value = value
        return look


class XlsxWriter:
    """A workbook of one sheet; see `XlsxBook`."""

    def __init__(self, path: Path, title: str, widths: Sequence[int]) -> None:
        self._book = XlsxBook(path)
        self._begin = (title, widths)

    def __enter__(self) -> XlsxSheet:
        return self._book.__enter__().sheet(*self._begin)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._book.__exit__(kind, error, trace)


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """Have ``tempfile`` use a folder, as openpyxl lets nobody say where its copy of a sheet lies.

    In the host's folder of temporary files a worker that is killed would leave people's data. The
    setting is the whole process's, so this is to be as short as it can: a file that another
    thread makes meanwhile may lie in the folder too.
    """
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = before


def _writable(text: str) -> str:
    """Text as a workbook holds it: what XML cannot hold as `_x0001_`, and no longer than a cell."""
    text = _SPECIAL.sub(_escaped, text[:_MOST_CHARACTERS])
    if len(text) <= _MOST_CHARACTERS:
        return text
    # openpyxl would cut in the middle of an escape.
    ends = (found.start() for found in _ESCAPE.finditer(text) if found.end() > _MOST_CHARACTERS)
    return text[: min(_MOST_CHARACTERS, next(ends, _MOST_CHARACTERS))]


def _escaped(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


class CsvWriter:
    """A text file in UTF-8 with a byte order mark, which Excel needs to know it as such."""

    def __init__(self, path: Path, _title: str, _widths: Sequence[int]) -> None:
        self._path = path
        self.rows = 0
        """How many have been written, the heading too."""

    def __enter__(self) -> Self:
        self._file: TextIOWrapper = self._path.open("w", encoding="utf-8-sig", newline="")
        self._csv = csv.writer(self._file)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def heading(self, titles: Sequence[str]) -> None:
        """A row of titles."""
        self.row(titles)

    def row(self, cells: Sequence[Cell], _number: int | None = None) -> None:
        """A row."""
        self.rows += 1
        self._csv.writerow([_field(cell) for cell in cells])


def _field(cell: Cell) -> str | int | float:
    value = cell.value if isinstance(cell, Shaded) else cell
    match value:
        case None:
            return ""
        case str():
            return guarded(value)
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return value
        case Amount():
            return value.value
        case datetime():
            return value.isoformat(" ", "seconds")
    return value.isoformat()


_WRITERS: Final[dict[str, type[XlsxWriter | CsvWriter]]] = {
    "xlsx": XlsxWriter,
    "csv": CsvWriter,
}
