"""What a finished `ai.short_answer_digits` says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from academy.documents.schema import Enveloped, Published

BOXES = "boxes.json"
_Box = tuple[int, int, int, int]


class ReadSymbol(Published):
    """One symbol of a number: a digit, or one of `-`, `.` and `/`."""

    char: str
    confidence: float = Field(ge=0, le=1)
    bbox: _Box


class ReadBox(Published):
    """What is written in one box."""

    n: int = Field(description="Its number on the sheet, from 1.")
    sheet: int = Field(description="From 1; always 1 where the document is one sheet.")
    page: int = Field(description="Of the document.")
    bbox: _Box = Field(description="Left, top, right, bottom in pixels of the page's overlay.")
    status: Literal["ok", "blank", "ambiguous", "low_confidence"]
    value: str | None = Field(
        description="The number as it is written; where the status is not `ok`, a proposal."
    )
    confidence: float = Field(ge=0, le=1)
    digits: list[ReadSymbol]
    others: list[str] = Field(description="Other readings that are nearly as likely.")
    doubts: list[Literal["clipped", "faint", "lines", "struck", "unreadable"]] = Field(
        description="Ink leaves the box; pale ink beside it; a line crosses it; struck out; no "
        "number."
    )
    right: bool | None = Field(description="Null without a key, and where nothing is certain.")
    crop: str = Field(description="Name of the artifact: the box as it was seen.")


class ReadPage(Published):
    """A page and its picture."""

    number: int
    width: int
    height: int
    boxes: int
    overlay: str = Field(description="Name of the artifact: what was read, on the straight page.")


class Numbers(Published):
    """The numbers of a document."""

    count: int = Field(description="Of the boxes.")
    ok: int
    blank: int
    doubtful: int = Field(description="What a person must look at.")
    right: int | None = Field(description="Of those that are certain; null without a key.")
    threshold: float = Field(description="Confidence from which on a number is `ok`.")
    boxes: list[ReadBox] | None = Field(
        description="Null where they are too many: then they are in the artifact `boxes.json`."
    )
    pages: list[ReadPage]


class DigitsResult(Enveloped[Numbers]):
    """Of `ai.short_answer_digits`."""
