"""`ai.question_segmentation` in the confined child: a PDF to questions and their pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from academy.ai.pages.document import Gray, Pdf, opened
from academy.ai.pages.limits import DPI
from academy.ai.pages.text import explains, is_enough, is_readable, lines_of
from academy.ai.segmentation.anchors import anchors_of
from academy.ai.segmentation.cutting import PAD, Part, Piece, pieces_of, without_column_rules
from academy.ai.segmentation.regions import Page, regions_of
from academy.sandbox.child import Refused

MAX_QUESTIONS: Final = 2_000
_READ, _CUT = 0.3, 0.7


def read(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Find the questions on pages ``first`` to ``last`` (or None) of ``request["path"]``.

    Returns ``{"questions", "shared", "missing", "pages"}`` as the result has them; the crops are
    files of the folder. Refuses pages without a text layer, and a test without numbers.
    """
    cv2.setNumThreads(1)
    with opened(Path(request["path"])) as document:
        if not isinstance(document, Pdf):
            raise Refused("questions_need_text", page=1)
        last = min(document.pages, request["last"] or document.pages)
        if request["first"] > last:
            raise Refused("document_page_missing", page=request["first"], pages=document.pages)
        pages = _pages(document, request["first"], last, say)
        regions = regions_of(pages)
        anchors = anchors_of(regions, max(page.size.width for page in pages))
        # A page is asked for by a few regions, one after the other.
        clean = lru_cache(maxsize=2)(lambda number: without_column_rules(document.gray(number)))
        pieces = pieces_of(regions, anchors, clean)
        questions = [piece for piece in pieces if piece.anchor.last is None]
        if not questions:
            raise Refused("questions_not_found")
        if len(pieces) > MAX_QUESTIONS:
            raise Refused("questions_too_many", count=len(pieces), limit=MAX_QUESTIONS)
        return _result(pieces, pages, _Cutter(folder, clean, len(pieces), say))


def _pages(document: Pdf, first: int, last: int, say: Callable[[float], None]) -> list[Page]:
    pages = []
    for number in range(first, last + 1):
        size = document.size(number)
        with document.page(number) as page:
            lines = lines_of(page, size)
        readable = is_readable(lines)
        if not readable or not (is_enough(lines) or explains(lines, document.gray(number))):
            raise Refused("questions_need_text", page=number)
        pages.append(Page(number, size, tuple(lines)))
        say(_READ * (number - first + 1) / (last - first + 1))
    return pages


class _Cutter:
    """Writes the picture of one piece after the other."""

    def __init__(
        self, folder: Path, gray: Callable[[int], Gray], total: int, say: Callable[[float], None]
    ) -> None:
        self._folder = folder
        self._gray = gray
        self._total = total
        self._say = say
        self._done = 0

    def crop(self, piece: Piece) -> str:
        """Write the parts below each other; the name of the file."""
        self._done += 1
        name = f"{'question' if piece.anchor.last is None else 'shared'}-{self._done:04d}.png"
        parts = [self._cut(part) for part in piece.parts]
        width = max(part.shape[1] for part in parts)
        stacked = np.vstack([
            np.pad(part, ((0, PAD), (0, width - part.shape[1])), constant_values=255)
            for part in parts
        ])  # fmt: skip
        done, encoded = cv2.imencode(".png", stacked)
        if not done:
            raise ValueError("the crop cannot be encoded")
        (self._folder / name).write_bytes(encoded.tobytes())
        self._say(_READ + _CUT * self._done / self._total)
        return name

    def _cut(self, part: Part) -> Gray:
        left, top, right, bottom = part.box
        return self._gray(part.page)[top:bottom, left:right]


def _result(pieces: list[Piece], pages: list[Page], cutter: _Cutter) -> dict[str, Any]:
    questions: list[dict[str, Any]] = []
    shared: list[dict[str, Any]] = []
    for piece in pieces:
        parts = [{"page": part.page, "bbox": list(part.box)} for part in piece.parts]
        placed = {**parts[0], "parts": parts, "crop": cutter.crop(piece)}
        anchor = piece.anchor
        if anchor.last is None:
            questions.append({"n": anchor.number, **placed, "confidence": anchor.confidence})
        else:
            shared.append({"first": anchor.number, "last": anchor.last, **placed})
    return {
        "questions": questions,
        "shared": shared,
        "missing": _missing([question["n"] for question in questions]),
        "pages": [
            {"number": page.number, "width": page.size.width, "height": page.size.height,
             "dpi": page.size.dpi or DPI}
            for page in pages
        ],
    }  # fmt: skip


def _missing(numbers: list[int]) -> list[int]:
    """Numbers left out between neighbours; where numbers begin anew, nothing is."""
    return [number for before, after in pairwise(numbers) for number in range(before + 1, after)]
