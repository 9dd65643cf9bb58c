"""Questions cut out of their pages: boxes fitted to what is printed there, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from academy.ai.pages.document import Box, Document, Gray
from academy.ai.pages.paper import Straight, straightened
from academy.ai.segmentation.planning import PAD, Part
from academy.ai.segmentation.scanned import seen

_INK: Final = 200
_RULE: Final = 4
"""A line as tall as this part (1/4) of the page is the rule between columns."""
_HELD: Final = 2
"""Pages kept: one is asked for by a few parts, one after the other."""


@dataclass(frozen=True)
class _Shown:
    """A page to cut from, without the rules between columns.

    Of a page without text also how it was straightened, and the boxes of what is printed there.
    """

    gray: Gray
    straight: Straight | None
    printed: list[Box]

    def fitted(self, box: Box) -> Box | None:
        """The box around what is printed within a box; None where nothing is."""
        if self.straight is None:
            return fitted(self.gray, box)
        # Lines are never quite level, and cut at a height one would lose its end to the next.
        return padded(around(self.printed, box), self.gray)


class Cutter:
    """Fits and cuts parts of a document's pages.

    ``angles`` has the degrees by which each page without a text layer was straightened; their
    parts are on the straightened page.
    """

    def __init__(self, document: Document, angles: dict[int, float]) -> None:
        self._document = document
        self._angles = angles
        self._shown = lru_cache(maxsize=_HELD)(self._show)

    def _show(self, number: int) -> _Shown:
        gray = self._document.gray(number)
        if number not in self._angles:
            plain = without_column_rules(gray)
            return _Shown(plain, None, [])
        straight = straightened(gray, self._angles[number])
        page = seen(straight.gray, number)
        return _Shown(without_column_rules(straight.gray), straight, page.printed)

    def fitted(self, parts: Sequence[Part]) -> list[Part]:
        """The parts around their ink; those without any are left out."""
        boxes = ((part, self._shown(part.page).fitted(part.box)) for part in parts)
        return [Part(part.page, box) for part, box in boxes if box is not None]

    def given(self, part: Part) -> Part:
        """A part on its page as it was given."""
        straight = self._shown(part.page).straight
        return part if straight is None else Part(part.page, straight.box_back(part.box))

    def write(self, path: Path, parts: Sequence[Part]) -> None:
        """A PNG of the parts below each other."""
        write(path, [self._cut(part) for part in parts])

    def _cut(self, part: Part) -> Gray:
        left, top, right, bottom = part.box
        return self._shown(part.page).gray[top:bottom, left:right]


def write(path: Path, cuts: Sequence[Gray]) -> None:
    """A PNG of pictures below each other on white paper."""
    width = max(cut.shape[1] for cut in cuts)
    stacked = np.vstack([
        np.pad(cut, ((0, PAD), (0, width - cut.shape[1])), constant_values=255) for cut in cuts
    ])  # fmt: skip
    done, encoded = cv2.imencode(".png", stacked)
    if not done:
        raise ValueError("the crop cannot be encoded")
    path.write_bytes(encoded.tobytes())


def around(printed: Sequence[Box], box: Box) -> Box | None:
    """The box around what has its middle within a box; None where nothing has."""
    left, top, right, bottom = box
    own = [
        one
        for one in printed
        if top <= (one[1] + one[3]) / 2 < bottom and left <= (one[0] + one[2]) / 2 < right
    ]
    if not own:
        return None
    lefts, tops, rights, bottoms = zip(*own, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def fitted(gray: Gray, box: Box) -> Box | None:
    """The box around the ink within a box; None where there is none."""
    left, top, right, bottom = box
    ink = gray[top:bottom, left:right] < _INK
    if ink.shape[0] < 4 or ink.shape[1] < 4:
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows) == 0:
        return None
    found = (
        left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]), top + int(rows[-1]),
    )  # fmt: skip
    return padded(found, gray)


def padded(box: Box | None, gray: Gray) -> Box | None:
    """The box with some paper around it, within the page."""
    if box is None:
        return None
    height, width = gray.shape
    left, top, right, bottom = box
    return (
        max(0, left - PAD), max(0, top - PAD), min(width, right + PAD), min(height, bottom + PAD),
    )  # fmt: skip


def without_column_rules(gray: Gray) -> Gray:
    """The page without its tall vertical lines, which belong to no question."""
    ink = (gray < _INK).astype(np.uint8)
    tall = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((gray.shape[0] // _RULE, 1), np.uint8))
    if not tall.any():
        return gray
    return np.asarray(
        np.where(cv2.dilate(tall, np.ones((1, 5), np.uint8)) > 0, 255, gray), np.uint8
    )
