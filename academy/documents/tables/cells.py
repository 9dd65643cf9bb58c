"""What a table is made of once it is read: rows of plain values, and faults in their place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple, TypeAlias

LETTERS: Final = 26


@dataclass(frozen=True)
class Fault:
    """A cell without a value that can be used; ``code`` is one of the catalogue (``row_...``)."""

    code: str
    shown: str = ""


#: A cell: text, number, truth, date, nothing, or a fault.
Cell: TypeAlias = "str | int | float | bool | date | datetime | Fault | None"


class Row(NamedTuple):
    """A row that is not empty: its number as a spreadsheet shows it, and its cells from A on."""

    number: int
    cells: list[Cell]


@dataclass(frozen=True)
class Note:
    """Something of the file that was left out, with the parameters of its sentence."""

    code: str
    params: dict[str, int | str]


def column_name(index: int) -> str:
    """The letters of a column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_index(letters: str) -> int:
    """The number of a column: A is 0. Raises ValueError for what is no column's name."""
    if not (letters.isascii() and letters.isalpha() and len(letters) <= 3):
        raise ValueError(f"not a column: {letters!r}")
    index = 0
    for letter in letters.upper():
        index = index * LETTERS + ord(letter) - ord("A") + 1
    return index - 1
