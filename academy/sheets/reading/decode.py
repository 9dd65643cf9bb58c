"""Uploaded files to pictures of pages: the red channel, in which the pink print is nearly white."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from academy.documents.opening import Channel, Limits, opened, opened_picture
from academy.sandbox.child import Refused
from academy.sheets.reading.align import Gray
from academy.sheets.reading.results import SheetError

LIMITS: Final = Limits(
    size=512 << 20,
    pages=300,
    pixels=60_000_000,
    short_side=600,
    # 200 dpi of A4, and a little.
    long_side=2400,
    dpi=None,
    channel=Channel.RED,
)


@dataclass(frozen=True)
class FilePage:
    """One page of a file: its index from 1, and its picture or why there is none."""

    index: int
    picture: Gray | None
    error: SheetError | None = None


def page_count(path: Path) -> int:
    """Pages of the file. Raises Refused: what `documents.opening.opened` raises."""
    with opened(path, LIMITS) as document:
        return document.pages


def pages(path: Path, first: int, last: int) -> Iterator[FilePage]:
    """Pages `first` to `last` of a file, counted from 1; a broken one is a page with an error.

    Raises Refused: the file itself cannot be opened.
    """
    with opened(path, LIMITS) as document:
        for index in range(first, min(last, document.pages) + 1):
            try:
                yield FilePage(index, document.gray(index))
            except Refused as refused:
                yield FilePage(index, None, SheetError(refused.code, **refused.params))


def picture_of(data: bytes) -> Gray:
    """The reader's channel of one encoded picture in memory. Raises Refused."""
    with opened_picture(io.BytesIO(data), LIMITS) as document:
        return document.gray(1)
