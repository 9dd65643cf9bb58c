"""What a workbook says of itself: its sheets, its shared texts, and which formats are dates."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from academy.documents.tables.archive import Archive
from academy.documents.tables.limits import TableLimits
from academy.documents.tables.markup import feed, local, parser
from academy.sandbox.child import Refused

_WORKBOOK: Final = "xl/workbook.xml"
_DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
#: What of a number format is text or a condition, and says nothing about dates.
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATE_LETTERS: Final = re.compile(r"[ymdhs]|AM/PM", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True)
class Sheet:
    """One worksheet, and the part that holds it."""

    name: str
    part: str
    visible: bool


@dataclass(frozen=True)
class Book:
    """The description of a workbook. ``dates``: whether a cell of that format is a date."""

    sheets: tuple[Sheet, ...]
    dates: tuple[bool, ...]
    from_1904: bool


def describe(archive: Archive, limits: TableLimits) -> Book:
    """Read the description. Raises Refused."""
    targets = _targets(archive)
    sheets: list[Sheet] = []
    from_1904 = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal from_1904
        name = local(name)
        if name == "workbookPr":
            from_1904 = attributes.get("date1904", "0") in {"1", "true"}
        elif name == "sheet":
            part = targets.get(_relation(attributes), "")
            if part.startswith("xl/worksheets/"):
                visible = attributes.get("state", "visible") == "visible"
                sheets.append(Sheet(attributes.get("name", ""), part, visible))
            if len(sheets) > limits.sheets:
                raise Refused("table_too_many_sheets", limit=limits.sheets)

    _parse(archive.read(_WORKBOOK), start)
    return Book(tuple(sheets), _date_formats(archive), from_1904)


def _relation(attributes: dict[str, str]) -> str:
    """The sheet's relation, whatever prefix its namespace has."""
    return next((value for name, value in attributes.items() if name.endswith(":id")), "")


def _targets(archive: Archive) -> dict[str, str]:
    found: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if local(name) == "Relationship":
            target = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))
            found[attributes.get("Id", "")] = target.lstrip("/")

    _parse(archive.read("xl/_rels/workbook.xml.rels"), start)
    return found


def _date_formats(archive: Archive) -> tuple[bool, ...]:
    if "xl/styles.xml" not in archive.names:
        return ()
    own: dict[str, bool] = {}
    formats: list[bool] = []
    inside = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        name = local(name)
        if name == "numFmt":
            own[attributes.get("numFmtId", "")] = is_date_format(attributes.get("formatCode", ""))
        elif name == "cellXfs":
            inside = True
        elif name == "xf" and inside:
            number = attributes.get("numFmtId", "0")
            formats.append(own.get(number, number.isdigit() and int(number) in _DATE_FORMATS))

    def end(name: str) -> None:
        nonlocal inside
        if local(name) == "cellXfs":
            inside = False

    _parse(archive.read("xl/styles.xml"), start, end)
    return tuple(formats)


def is_date_format(code: str) -> bool:
    """Whether a number format shows a number as a date or a time."""
    return _DATE_LETTERS.search(_QUOTED.sub("", code.partition(";")[0])) is not None


def _parse(data: bytes, start: object, end: object = None) -> None:
    for _ in feed(parser(start, end), BytesIO(data)):  # type: ignore[arg-type]
        pass


def shared_strings(archive: Archive, limits: TableLimits) -> list[str]:
    """The texts that cells refer to by number. Raises Refused where they are too many."""
    part = next((name for name in archive.names if name.lower() == "xl/sharedstrings.xml"), "")
    if not part:
        return []
    reader = _Strings(limits)
    with archive.open(part) as stream:
        for _ in feed(parser(reader.start, reader.end, reader.text), stream):
            pass
    return reader.found


class _Strings:
    """Collects `<si>`: its text or its runs, without the readings of East Asian text."""

    def __init__(self, limits: TableLimits) -> None:
        self.found: list[str] = []
        self._limits = limits
        self._pieces: list[str] = []
        self._characters = 0
        self._taking = False
        self._reading = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        name = local(name)
        if name == "t":
            self._taking = not self._reading
        elif name == "rPh":
            self._reading = True
        elif name == "si":
            self._pieces.clear()

    def end(self, name: str) -> None:
        name = local(name)
        if name == "t":
            self._taking = False
        elif name == "rPh":
            self._reading = False
        elif name == "si":
            self.found.append(unescape("".join(self._pieces)))
            if len(self.found) > self._limits.shared_strings:
                raise Refused("table_too_many_cells", limit=self._limits.shared_strings)

    def text(self, piece: str) -> None:
        if self._taking:
            self._characters += len(piece)
            if self._characters > self._limits.shared_characters:
                raise Refused(
                    "table_too_large_inside", limit_mb=self._limits.shared_characters >> 20
                )
            self._pieces.append(piece)


def unescape(text: str) -> str:
    """The characters that XML cannot hold, which office programs write as `_x000D_`."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    """Never NUL or half a pair of surrogates, which neither UTF-8 nor a database can hold."""
    number = int(found[1], 16)
    return "\ufffd" if not number or 0xD800 <= number < 0xE000 else chr(number)
