"""Rows of a text file, whatever its encoding and its delimiter.

The encoding is the one that the file's first bytes name (UTF-8 or UTF-16 with a byte order mark);
else UTF-16 where every other byte is zero; else UTF-8 if the whole file is valid UTF-8; else
CP949, the Korean code page, if the whole file is valid there; else the file is refused. Korean
text in CP949 is never valid UTF-8 by chance.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader, TextIOWrapper
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from academy.documents.tables.cells import Cell, Note, Row, column_name
from academy.documents.tables.limits import MIB, TableLimits
from academy.sandbox.child import Refused

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE: Final = 1 << 20
_HEAD: Final = 4_096
_DELIMITERS: Final = ",\t;|"
_SAMPLE_ROWS: Final = 30
_SEPARATOR_LINE: Final = re.compile(r"sep=([,;\t|])\r?\n?", re.IGNORECASE)
_FORMULA_TEXT: Final = re.compile(r'="([^"]*)"')
GUARDED: Final = "=+-@\t\r'"
"""A text that begins with one of these is written with an apostrophe before it."""


def encoding_of(path: Path, limits: TableLimits) -> str:
    """The encoding, by the rule above. Raises Refused."""
    if path.stat().st_size > limits.text_bytes:
        raise Refused("table_too_large_inside", limit_mb=limits.text_bytes // MIB)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            candidates: tuple[str, ...] = (encoding,)
            break
    else:
        candidates = ("utf-8", "cp949")
        if head[1::2].count(0) > len(head) // 5:
            candidates = ("utf-16-le",)
        elif head[::2].count(0) > len(head) // 5:
            candidates = ("utf-16-be",)
    for encoding in candidates:
        if _decodes(path, encoding):
            return encoding
    raise Refused("table_encoding_unknown")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                if "\0" in decoder.decode(piece):
                    return False
            decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


@dataclass
class TextReader:
    """Parses one text file; ``notes`` says afterwards what was left out."""

    path: Path
    limits: TableLimits
    encoding: str = field(init=False)
    delimiter: str = field(init=False)
    notes: list[Note] = field(default_factory=list)
    _raw: BufferedReader | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.encoding = encoding_of(self.path, self.limits)
        # A cell may be long, but not as long as the file: a quote that is never closed.
        csv.field_size_limit(4 * self.limits.cell_characters)
        named, self._skip = self._separator_line()
        self.delimiter = named or self._guess()

    def rows(self) -> Iterator[Row]:
        """Every row that is not empty; a row is a record, as a spreadsheet would number it."""
        limits, count, last, beyond = self.limits, 0, 0, False
        for number, record in enumerate(self._records(self.delimiter), 1 + self._skip):
            if not any(record):
                continue
            if number - last > limits.empty_rows and last:
                self.notes.append(Note("table_rows_left_out", {"row": last}))
                break
            last, count = number, count + 1
            if count > limits.rows:
                raise Refused("table_too_many_rows", limit=limits.rows)
            beyond = beyond or any(record[limits.columns :])
            yield Row(number, [plain(text) for text in record[: limits.columns]])
        if beyond:
            self.notes.append(
                Note("table_columns_left_out", {"last": column_name(limits.columns - 1)})
            )

    def place(self) -> int:
        """How many bytes of the file have been read."""
        return self._raw.tell() if self._raw is not None and not self._raw.closed else 0

    def _separator_line(self) -> tuple[str, int]:
        """What Excel's own first line `sep=;` says, and how many lines to pass over for it."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            found = _SEPARATOR_LINE.fullmatch(file.readline(_HEAD))
        return (found[1], 1) if found else ("", 0)

    def _records(self, delimiter: str) -> Iterator[list[str]]:
        with (
            self.path.open("rb") as self._raw,
            TextIOWrapper(self._raw, encoding=self.encoding, newline="") as file,
        ):
            if self._skip:
                file.readline(_HEAD)
            try:
                yield from csv.reader(file, delimiter=delimiter)
            except csv.Error:
                raise Refused("table_damaged") from None

    def _guess(self) -> str:
        """The delimiter that cuts most rows into the same number of cells, and into many."""

        def score(delimiter: str) -> tuple[float, float]:
            try:
                sample = list(islice(self._records(delimiter), _SAMPLE_ROWS))
            except Refused:
                return (0.0, 0.0)
            widths = [len(record) for record in sample if any(record)]
            if not widths or max(widths) < 2:
                return (0.0, 0.0)
            usual = median(widths)
            return (sum(width == usual for width in widths) / len(widths), usual)

        best = max(_DELIMITERS, key=score)
        return best if score(best) > (0.0, 0.0) else ","


def plain(text: str) -> Cell:
    """The text that a field stands for: without what protects it from being read as a formula."""
    if text.startswith("'") and text[1:2] and text[1] in GUARDED:
        return text[1:]
    protected = _FORMULA_TEXT.fullmatch(text)
    return (protected[1] if protected else text) or None


def guarded(text: str) -> str:
    """The text as a field of a file that a spreadsheet will not take for a formula."""
    return "'" + text if text[:1] and text[0] in GUARDED else text
