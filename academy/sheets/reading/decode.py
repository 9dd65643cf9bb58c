"""Uploaded files to pictures of pages.

The reader goes by the red channel, in which the pink print is nearly white.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from academy.documents.opening import Channel, Document, Limits, opened, opened_picture
from academy.sandbox.child import Refused
from academy.sheets.reading.align import Pixels
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
    picture: Pixels | None
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
                yield FilePage(index, _pixels(document, index))
            except Refused as refused:
                yield FilePage(index, None, SheetError(refused.code, **refused.params))


def _pixels(document: Document, index: int) -> Pixels:
    return Pixels(document.gray(index), document.colours(index))


def picture_of(data: bytes) -> Pixels:
    """One encoded picture in memory. Raises Refused."""
    with opened_picture(io.BytesIO(data), LIMITS) as document:
        return _pixels(document, 1)
