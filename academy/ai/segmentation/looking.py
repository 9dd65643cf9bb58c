"""What stands on each page: its columns and what may begin a question, by the engine it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2

from academy.ai.pages.document import Document, Gray, Pdf
from academy.ai.pages.paper import straightened
from academy.ai.pages.text import explains, is_enough, is_readable, lines_of
from academy.ai.segmentation.marks import Mark, marks_of_text
from academy.ai.segmentation.numbers.network import NumberNetwork
from academy.ai.segmentation.planning import region_json
from academy.ai.segmentation.regions import Page, Region, regions_of, without_running_heads
from academy.ai.segmentation.scanned import marks_of_picture, seen, trust_of
from academy.sandbox.child import Refused

PREVIEW_SIDE: Final = 1_600
"""Pixels of the pages that people correct questions on."""
_QUALITY: Final = 72
TEXT, PICTURE = "text_layer", "picture"


class Looker:
    """Looks at pages of a document, one after the other; the network is loaded when needed."""

    def __init__(self, document: Document, folder: Path) -> None:
        self._document = document
        self._folder = folder
        self._network: NumberNetwork | None = None
        self._pages: list[dict[str, Any]] = []
        self._regions: list[Region] = []
        self._marks: list[Mark] = []
        self._unread: list[int] = []

    def look(self, first: int, last: int, say: Callable[[float], None]) -> dict[str, Any]:
        """Look at pages ``first`` to ``last``.

        Returns ``{"pages", "regions", "marks", "unread", "model"}``; ``unread`` are the numbers of
        pages that are damaged. Raises Refused where all of them are.
        """
        texts = self._texts(first, last)
        refusal: Refused | None = None
        for number in range(first, last + 1):
            try:
                self._one(number, texts.get(number))
            except Refused as refused:
                refusal = refused
                self._unread.append(number)
            say((number - first + 1) / (last - first + 1))
        if refusal is not None and not self._pages:
            raise refusal
        return {
            "pages": self._pages,
            "regions": [region_json(region) for region in self._regions],
            "marks": [mark.to_json() for mark in self._marks],
            "unread": self._unread,
            "model": None if self._network is None else self._network.identity,
        }

    def _texts(self, first: int, last: int) -> dict[int, Page]:
        """The pages that have a usable text layer.

        A neighbour to each side is looked at too: running heads show by their repetition.
        """
        if not isinstance(self._document, Pdf):
            return {}
        pages = [
            page
            for number in range(max(1, first - 1), min(self._document.pages, last + 1) + 1)
            if (page := _text(self._document, number)) is not None
        ]
        return {page.number: page for page in without_running_heads(pages)}

    def _one(self, number: int, text: Page | None) -> None:
        gray = self._document.gray(number)
        size = self._document.size(number)
        page = {
            "number": number, "width": size.width, "height": size.height, "dpi": size.dpi,
            "source": PICTURE if text is None else TEXT, "angle": 0.0, "trust": 1.0,
            "preview": f"page-{number:04d}.jpg",
        }  # fmt: skip
        if text is None:
            page |= self._picture(number, gray)
        else:
            for region in regions_of(text):
                self._marks += marks_of_text(region, len(self._regions), size.width)
                self._regions.append(region)
        _preview(gray, self._folder / str(page["preview"]))
        self._pages.append(page)

    def _picture(self, number: int, gray: Gray) -> dict[str, Any]:
        """Look at a page without text; how it was turned, and how far its boxes are trusted."""
        if self._network is None:
            self._network = NumberNetwork()
        straight = straightened(gray)
        page = seen(straight.gray, number)
        marks: list[Mark] = []
        for region in regions_of(page.page):
            marks += marks_of_picture(region, len(self._regions), page, self._network)
            self._regions.append(region)
        self._marks += marks
        return {"angle": straight.angle, "trust": trust_of(straight.angle, page, marks)}


def _text(document: Pdf, number: int) -> Page | None:
    """The text layer of a page, where it says what the page shows."""
    try:
        size = document.size(number)
        with document.page(number) as page:
            lines = lines_of(page, size)
        if not is_readable(lines):
            return None
        if not is_enough(lines) and not explains(lines, document.gray(number)):
            return None
    except Refused:
        return None
    return Page(number, size, tuple(lines))


def _preview(gray: Gray, path: Path) -> None:
    scale = min(1.0, PREVIEW_SIDE / max(gray.shape))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("the page cannot be encoded")
    path.write_bytes(encoded.tobytes())


def shown_pages(pages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages as the result has them."""
    kept = ("number", "width", "height", "dpi", "source", "preview")
    return [{name: page[name] for name in kept} for page in pages]
