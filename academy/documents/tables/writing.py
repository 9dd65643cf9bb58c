"""Our own tables, written row by row straight into the file: memory stays flat at any length.

openpyxl's streaming mode first writes a second copy of the rows into the host's temporary folder,
where a killed worker leaves it, and takes four times as long. What is written here opens in Excel,
LibreOffice and openpyxl. Text is always text: nothing in it becomes a formula, phones keep their
zero. The same rows give the same bytes.
"""

from __future__ import annotations

import csv
import math
import re
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Final, Literal, Self, TypeAlias

from academy.documents.tables import parts
from academy.documents.tables.cells import column_name
from academy.documents.tables.delimited import guarded
from academy.documents.tables.parts import Look, Shade, style_of

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE: Final = "text/csv; charset=utf-8"
CONTENT_TYPES: Final = {"xlsx": XLSX_TYPE, "csv": CSV_TYPE}
_SPECIAL: Final = re.compile(
    "[&<>\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]|_x(?=[0-9A-Fa-f]{4}_)"
)
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "_x": "_x005F_x"}
_MOST_CHARACTERS: Final = 32_767
_FLUSH: Final = 1 << 16
_EPOCH: Final = date(1899, 12, 30)
_FIRST_ZIP_DAY: Final = (1980, 1, 1, 0, 0, 0)

Format: TypeAlias = Literal["xlsx", "csv"]
Value: TypeAlias = "str | int | float | bool | date | datetime | None"


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


class XlsxWriter:
    """One sheet, as a stream. Use as a context manager; rows in ascending order."""

    def __init__(self, path: Path, title: str, widths: Sequence[int]) -> None:
        self._path, self._title, self._widths = path, title, widths
        self._stack = ExitStack()
        self._letters: list[str] = []
        self._pending: list[str] = []
        self._size = 0
        self._number = 0
        self.rows = 0
        """How many have been written, the heading too."""

    def __enter__(self) -> Self:
        archive = zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._stack.enter_context(archive)
        for name, content in parts.fixed(self._title).items():
            archive.writestr(_entry(name), content)
        # A size that is not known beforehand may pass 4 GiB.
        opened = archive.open(_entry(parts.SHEET), "w", force_zip64=True)
        self._stream: IO[bytes] = self._stack.enter_context(opened)
        self._put(parts.sheet_head(self._widths))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._put(parts.SHEET_TAIL)
            self._flush()
        self._stack.close()

    def heading(self, titles: Sequence[str], number: int | None = None) -> None:
        """A row of titles, numbered as `row` does."""
        self._write(number or self._number + 1, [_text(title, parts.HEADING) for title in titles])

    def row(self, cells: Sequence[Cell], number: int | None = None) -> None:
        """A row, as the next one or with a number of its own, which leaves empty rows before it."""
        self._write(number or self._number + 1, [_cell(cell) for cell in cells])

    def _write(self, number: int, cells: Sequence[str]) -> None:
        if number <= self._number:
            raise ValueError(f"row {number} after row {self._number}")
        self._number = number
        self.rows += 1
        while len(self._letters) < len(cells):
            self._letters.append(column_name(len(self._letters)))
        body = "".join(
            f'<c r="{letters}{number}"{cell}'
            for letters, cell in zip(self._letters, cells, strict=False)
            if cell
        )
        self._put(f'<row r="{number}">{body}</row>')

    def _put(self, text: str) -> None:
        self._pending.append(text)
        self._size += len(text)
        if self._size > _FLUSH:
            self._flush()

    def _flush(self) -> None:
        self._stream.write("".join(self._pending).encode())
        self._pending.clear()
        self._size = 0


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIRST_ZIP_DAY)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _cell(cell: Cell) -> str:
    """What follows the place of a cell in its element; nothing for an empty cell."""
    value, shade = (cell.value, cell.shade) if isinstance(cell, Shaded) else (cell, Shade.NONE)
    match value:
        case None | "":
            return f' s="{style_of(Look.TEXT, shade)}"/>' if shade is not Shade.NONE else ""
        case str():
            return _text(value, style_of(Look.TEXT, shade))
        case bool():
            return f' s="{style_of(Look.PLAIN, shade)}" t="b"><v>{int(value)}</v></c>'
        case int() | float():
            if not math.isfinite(value):
                return _text(str(value), style_of(Look.TEXT, shade))
            return f' s="{style_of(Look.PLAIN, shade)}"><v>{value!r}</v></c>'
        case datetime():
            days = value.replace(tzinfo=None) - datetime.combine(_EPOCH, datetime.min.time())
            serial = days.total_seconds() / 86_400
            return f' s="{style_of(Look.MOMENT, shade)}"><v>{serial!r}</v></c>'
    return f' s="{style_of(Look.DAY, shade)}"><v>{(value - _EPOCH).days}</v></c>'


def _text(text: str, style: int) -> str:
    text = text[:_MOST_CHARACTERS]
    if _SPECIAL.search(text):
        text = _SPECIAL.sub(_escaped, text)
    space = ' xml:space="preserve"' if text != text.strip() or "\n" in text else ""
    return f' s="{style}" t="inlineStr"><is><t{space}>{text}</t></is></c>'


def _escaped(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0]) or f"_x{ord(found[0]):04X}_"


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
        case datetime():
            return value.isoformat(" ", "seconds")
    return value.isoformat()


_WRITERS: Final[dict[str, type[XlsxWriter | CsvWriter]]] = {
    "xlsx": XlsxWriter,
    "csv": CsvWriter,
}
