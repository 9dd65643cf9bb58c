"""Cells as the values that academies mean: phones that lost their zero, dates of many forms."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import Final

from academy.documents.tables.cells import Cell, Fault
from academy.documents.tables.sheet import serial_date

PHONE: Final = re.compile(r"01[016789][0-9]{7,8}")
_MOBILE: Final = re.compile(r"010[0-9]{8}")
_NOT_A_NUMBER: Final = re.compile(r"[^0-9+()\-.·/\s\u2010-\u2015\u2212~]")
_DATE: Final = re.compile(
    r"(\d{1,4})\s*(?:[-./]|년)\s*(\d{1,2})\s*(?:[-./]|월)\s*(\d{1,4})\s*(?:일|\.)?"
    r"(?:[T\s]\s*0{1,2}:00(?::00)?)?"
)
_COMPACT: Final = re.compile(r"(19|20)\d{6}")
_SERIALS: Final = range(20_000, 80_000)
"""Numbers taken for a spreadsheet's day count: 1954 to 2119."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_SPACES: Final = re.compile(r"\s+")


class CellError(ValueError):
    """A cell that cannot be used; ``code`` is one of the catalogue."""

    def __init__(self, code: str, **params: int) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def shown(cell: Cell) -> str:
    """A cell as a person sees it."""
    match cell:
        case None:
            return ""
        case Fault():
            return cell.shown
        case bool():
            return "TRUE" if cell else "FALSE"
        case date():
            return cell.isoformat()
    return str(cell)


def masked(text: str) -> str:
    """The shape of a value without the value: punctuation, and at most two of its characters."""
    text = text[:40]
    hidden = "".join("*" if char.isalnum() else char for char in text)
    if len(text) < 3:
        return text[: len(text) - 1] + hidden[-1:]
    return text[0] + hidden[1:-1] + text[-1]


def text_of(cell: Cell, limit: int, *, lines: bool = False) -> str:
    """One line of text (or several, with ``lines``), composed and without stray blanks.

    Raises CellError: row_value_too_long, row_cell_is_date, and what is wrong with the cell.
    """
    if isinstance(cell, Fault):
        raise CellError(cell.code)
    if isinstance(cell, date):
        raise CellError("row_cell_is_date")
    return clean(shown(cell), limit, lines=lines)


def clean(text: str, limit: int, *, lines: bool = False) -> str:
    """Text in its stored form. Raises CellError row_value_too_long."""
    if len(text) > 8 * limit:
        raise CellError("row_value_too_long", limit=limit)
    if text.isalnum() and (text.isascii() or unicodedata.is_normalized("NFC", text)):
        cleaned = text
    else:
        text = _CONTROL.sub("", unicodedata.normalize("NFC", text))
        if lines:
            text = "\n".join(line.rstrip() for line in text.splitlines())
            cleaned = text.strip()
        else:
            cleaned = _SPACES.sub(" ", text).strip()
    if len(cleaned) > limit:
        raise CellError("row_value_too_long", limit=limit)
    return cleaned


def phone_of(cell: Cell, *, mobile: bool = False) -> str:
    """The digits of a Korean mobile number, or nothing for an empty cell.

    A number that lost its leading zero gets it back, eight digits become 010 and these, and the
    country code 82 becomes 0. With ``mobile`` only 010 and eight digits is one.
    Raises CellError row_phone_invalid, and what is wrong with the cell.
    """
    if isinstance(cell, Fault):
        raise CellError(cell.code)
    if isinstance(cell, bool | float | date):
        raise CellError("row_phone_invalid")
    text = unicodedata.normalize("NFKC", shown(cell)).strip()
    if not text:
        return ""
    if _NOT_A_NUMBER.search(text):
        raise CellError("row_phone_invalid")
    digits = "".join(char for char in text if char.isdigit())
    if text.startswith("+82") or (digits.startswith("82") and len(digits) in (11, 12, 13)):
        digits = "0" + digits[2:].lstrip("0")
    elif len(digits) == 8:
        digits = "010" + digits
    elif digits.startswith("1") and len(digits) in (9, 10):
        digits = "0" + digits
    if not (_MOBILE if mobile else PHONE).fullmatch(digits):
        raise CellError("row_phone_invalid")
    return digits


def date_of(cell: Cell) -> date | None:
    """The day that a cell names, or nothing for an empty cell.

    Dates and day counts of a spreadsheet; 2026.3.1, 2026-03-01, 2026/3/1, 2026년 3월 1일, 20260301;
    26-03-01, where the first number can be no month; 3/25/2026, where the order is certain.
    Raises CellError: row_date_ambiguous, row_date_invalid, and what is wrong with the cell.
    """
    match cell:
        case None:
            return None
        case Fault():
            raise CellError(cell.code)
        case datetime():
            return cell.date()
        case date():
            return cell
        case bool():
            raise CellError("row_date_invalid")
        case int() | float() if int(cell) in _SERIALS:
            found = serial_date(int(cell))
            assert isinstance(found, date)
            return found
    text = unicodedata.normalize("NFKC", shown(cell)).strip()
    if not text:
        return None
    if _COMPACT.fullmatch(text):
        return _day(int(text[:4]), int(text[4:6]), int(text[6:]))
    written = _DATE.fullmatch(text)
    if written is None:
        raise CellError("row_date_invalid")
    return _in_order(written[1], written[2], written[3])


def _in_order(first: str, second: str, third: str) -> date:
    """Three numbers in the only order in which they can be a date."""
    one, two, three = int(first), int(second), int(third)
    if len(first) == 4 and len(third) <= 2:
        return _day(one, two, three)
    if len(third) == 4 and len(first) <= 2:
        # Month first in America, day first in Europe.
        if one <= 12 and two <= 12 and one != two:
            raise CellError("row_date_ambiguous")
        return _day(three, two, one) if one > 12 else _day(three, one, two)
    if len(first) == 2 and len(third) <= 2:
        if one <= 12:
            raise CellError("row_date_ambiguous")
        return _day(2000 + one, two, three)
    raise CellError("row_date_invalid")


def _day(year: int, month: int, day: int) -> date:
    try:
        found = date(year, month, day)
    except ValueError:
        raise CellError("row_date_invalid") from None
    if not 1900 <= year <= 2100:
        raise CellError("row_date_invalid")
    return found
