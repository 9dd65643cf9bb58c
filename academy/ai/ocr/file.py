"""`ai.ocr_text` in the confined child: pages of a document to lines, and overlays."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import cv2

from academy.ai.ocr.engine import LANGUAGE, Recogniser
from academy.ai.pages.document import Document, Gray, Pdf, Size, opened
from academy.ai.pages.text import Line, explains, is_enough, is_readable, lines_of
from academy.sandbox.child import Refused

PAGES: Final = "pages.json"
TEXT_LAYER: Final = "pdfium-text"
_COLOUR: Final = (200, 80, 0)
_UNSURE_COLOUR: Final = (0, 0, 220)
UNSURE: Final = 0.7
"""Lines below it are marked in the overlay."""


def read(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Read pages of ``request["path"]``.

    ``first`` and ``last`` (or None) are the pages, ``data`` the folder of the language data or
    None, ``most`` the most pages that one call reads (or None): of a longer range nothing is read.
    Returns ``{"first", "last", "engine", "model", "read"}``; the pages are in the file ``PAGES``,
    overlays in ``overlay-0001.jpg``, ….
    """
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        document = stack.enter_context(opened(Path(request["path"])))
        first = request["first"]
        last = min(document.pages, request["last"] or document.pages)
        if first > last:
            raise Refused("document_page_missing", page=first, pages=document.pages)
        span = {"first": first, "last": last, "engine": None, "model": None}
        if request["most"] is not None and last - first + 1 > request["most"]:
            return {**span, "read": False}
        reader = _Reader(stack, document, request["data"], force=request["force_ocr"])
        pages = []
        for number in range(first, last + 1):
            pages.append(reader.page(number, folder if request["overlay"] else None))
            say((number - first + 1) / (last - first + 1))
        (folder / PAGES).write_text(
            json.dumps({"pages": pages}, ensure_ascii=False), encoding="utf-8"
        )
        return {**span, "engine": reader.engine, "model": reader.model, "read": True}


class _Reader:
    """Reads page by page; the recogniser is loaded for the first page that needs it."""

    def __init__(
        self, stack: ExitStack, document: Document, data: str | None, *, force: bool
    ) -> None:
        self._stack = stack
        self._document = document
        self._data = data
        self._force = force
        self._recogniser: Recogniser | None = None
        self._engines: set[str] = set()
        self.model: dict[str, str] | None = None

    @property
    def engine(self) -> str:
        """What read the pages."""
        return "+".join(sorted(self._engines))

    def page(self, number: int, overlays: Path | None) -> dict[str, Any]:
        """A page as the result has it."""
        size = self._document.size(number)
        lines = None if self._force else self._layer(number, size)
        source = "text_layer"
        if lines is None:
            source = "ocr"
            lines = self._recognised(self._document.gray(number))
        overlay = None
        if overlays is not None:
            overlay = f"overlay-{number:04d}.jpg"
            _draw(self._document.gray(number), lines, overlays / overlay)
        mean = sum(line.confidence for line in lines) / len(lines) if lines else 0.0
        return {
            "number": number, "width": size.width, "height": size.height, "dpi": size.dpi,
            "source": source, "confidence": round(mean, 3), "line_count": len(lines),
            "lines": [line.to_json() for line in lines], "overlay": overlay,
        }  # fmt: skip

    def _layer(self, number: int, size: Size) -> list[Line] | None:
        """The text layer, where the page has one that says what it shows."""
        if not isinstance(self._document, Pdf):
            return None
        with self._document.page(number) as page:
            lines = lines_of(page, size)
        if not is_readable(lines):
            return None
        if not is_enough(lines) and not explains(lines, self._document.gray(number)):
            return None
        self._engines.add(TEXT_LAYER)
        return lines

    def _recognised(self, gray: Gray) -> list[Line]:
        if self._recogniser is None:
            if self._data is None:
                raise Refused("ocr_not_installed", language=LANGUAGE)
            self._recogniser = self._stack.enter_context(Recogniser(Path(self._data)))
            self._engines.add(self._recogniser.name)
            self.model = {"name": LANGUAGE, "sha256": self._recogniser.sha256}
        return self._recogniser.lines(gray)


def _draw(gray: Gray, lines: list[Line], path: Path) -> None:
    """The page with a frame around every line; those that are unsure in another colour."""
    picture = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    for line in lines:
        left, top, right, bottom = line.box
        colour = _UNSURE_COLOUR if line.confidence < UNSURE else _COLOUR
        cv2.rectangle(picture, (left, top), (right, bottom), colour, 2)
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise ValueError("the overlay cannot be encoded")
    path.write_bytes(encoded.tobytes())
