"""One picture of one page: found, identified and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from academy.sheets.layout import Layout, Page, Section, pages_of
from academy.sheets.layout.code import PageCode
from academy.sheets.reading.align import Alignment, Pixels, align, find_markers
from academy.sheets.reading.pagecode import read_code
from academy.sheets.reading.results import GroupReading, SheetError


@dataclass(frozen=True)
class Located:
    """A page found in a picture: which one, and where it lies."""

    layout: Layout
    page: Page
    alignment: Alignment


@dataclass(frozen=True)
class PageGroups:
    """All groups of a page as read, in its order, and what read them."""

    located: Located
    readings: tuple[GroupReading, ...]
    engine: str = "threshold"


def locate(pixels: Pixels, layouts: Mapping[str, Layout]) -> Located:
    """Find the page in a picture and the layout it was printed from.

    Raises:
        SheetError: no sheet, no legible page code, or a sheet whose layout is not among these.
    """
    picture = pixels.red
    found = find_markers(picture)
    aligned = False
    wrong: SheetError | None = None
    for frame in _frames():
        try:
            alignment = align(
                picture, found, (frame.width, frame.height), frame.markers, frame.anchors
            )
        except SheetError as error:
            wrong = error
            continue
        aligned = True
        code = read_code(picture, alignment, frame.code_cells)
        if code is not None:
            layout, page = _known(code, layouts)
            return Located(layout, page, alignment)
    if wrong is not None and not aligned:
        raise wrong
    raise SheetError("sheet_code_unreadable")


@cache
def _frames() -> tuple[Page, Page]:
    """Both shapes of a page: what lies at the edges is the same for every layout of a shape."""
    sections = (Section(count=1),)
    lying = Layout(orientation="landscape", columns=1, sections=sections)
    standing = Layout(orientation="portrait", columns=1, sections=sections)
    return pages_of(lying)[0], pages_of(standing)[0]


def _known(code: PageCode, layouts: Mapping[str, Layout]) -> tuple[Layout, Page]:
    layout = layouts.get(code.fingerprint)
    if layout is None:
        raise SheetError("sheet_of_other_layout", fingerprint=code.fingerprint)
    pages = pages_of(layout)
    if code.page > len(pages):
        raise SheetError("sheet_code_unreadable")
    return layout, pages[code.page - 1]
