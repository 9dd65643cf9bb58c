"""A stranger's table by what it is, not by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from academy.documents.tables.archive import Archive
from academy.documents.tables.cells import Note, Row
from academy.documents.tables.delimited import TextReader
from academy.documents.tables.limits import LIMITS, TableLimits
from academy.documents.tables.sheet import SheetReader
from academy.documents.tables.workbook import Book, Sheet, describe, shared_strings
from academy.sandbox.child import Refused

_ZIP: Final = b"PK\x03\x04"
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
_OPEN_DOCUMENT: Final = b"application/vnd.oasis.opendocument"
_OTHERS: Final = {
    b"%PDF": "PDF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "RAR",
    b"{\\rtf": "RTF",
}


class Table:
    """An opened file: its sheets, and the rows of one of them, read once."""

    def __init__(self, path: Path, sheet: str | None = None, limits: TableLimits = LIMITS) -> None:
        """Open the named sheet, or the first that is visible. Raises Refused."""
        with path.open("rb") as file:
            head = file.read(4_096)
        self._archive: Archive | None = None
        self.encoding: str | None = None
        self.delimiter: str | None = None
        self.sheets: list[str] = []
        self.sheet: str | None = None
        self._place: Callable[[], int] = int
        self._size = 1
        if not head.strip():
            raise Refused("table_empty")
        if head.startswith(_ZIP):
            self._open_book(path, head, sheet, limits)
        else:
            _refuse_others(path, head)
            self._text = TextReader(path, limits)
            self._place, self._size = self._text.place, path.stat().st_size
            self.encoding, self.delimiter = self._text.encoding, self._text.delimiter

    def _open_book(self, path: Path, head: bytes, sheet: str | None, limits: TableLimits) -> None:
        archive = self._archive = Archive(path, limits)
        if _OPEN_DOCUMENT in head or "content.xml" in archive.names:
            raise Refused("table_format", format="OpenDocument")
        if "xl/workbook.bin" in archive.names:
            raise Refused("table_format", format="xlsb")
        if "xl/workbook.xml" not in archive.names:
            raise Refused("table_format", format="zip")
        self._book = describe(archive, limits)
        visible = [one for one in self._book.sheets if one.visible]
        self.sheets = [one.name for one in visible]
        self._chosen = _choose(visible, sheet)
        self.sheet = self._chosen.name
        self._sheet = self._reader(self._book, limits)

    def _reader(self, book: Book, limits: TableLimits) -> SheetReader:
        assert self._archive is not None
        strings = shared_strings(self._archive, limits)
        return SheetReader(strings, book.dates, book.from_1904, limits)

    @property
    def format(self) -> str:
        """``xlsx`` or ``csv``."""
        return "csv" if self._archive is None else "xlsx"

    @property
    def notes(self) -> list[Note]:
        """What was left out; complete once all rows have been read."""
        return self._text.notes if self._archive is None else self._sheet.notes

    def rows(self) -> Iterator[Row]:
        """Every row that is not empty, in order. Raises Refused."""
        if self._archive is None:
            yield from self._text.rows()
        else:
            with self._archive.open(self._chosen.part) as stream:
                self._place, self._size = stream.tell, self._archive.size(self._chosen.part)
                yield from self._sheet.rows(stream)
        self._place, self._size = int, 0

    @property
    def share(self) -> float:
        """How much of the rows has been read, from 0 to 1."""
        return min(1.0, self._place() / self._size) if self._size else 1.0


def _choose(visible: list[Sheet], wanted: str | None) -> Sheet:
    if not visible:
        raise Refused("table_no_sheet")
    if wanted is None:
        return visible[0]
    for sheet in visible:
        if sheet.name == wanted:
            return sheet
    raise Refused("table_sheet_missing", sheets=[one.name for one in visible[:20]])


def _refuse_others(path: Path, head: bytes) -> None:
    """Refuse what is neither a zip nor text, by its name where it is known."""
    if head.startswith(_COMPOUND):
        # The directory of a compound file may lie anywhere in it.
        if _ENCRYPTED_PACKAGE in path.read_bytes():
            raise Refused("table_password")
        raise Refused("table_format", format="xls")
    for start, name in _OTHERS.items():
        if head.startswith(start):
            raise Refused("table_format", format=name)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<table", b"<meta", b"<?xml")):
        raise Refused("table_format", format="HTML/XML")
