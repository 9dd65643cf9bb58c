"""Answer boxes that are printed on a page: cells of straight lines, in the order they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import cv2
import numpy as np

from academy.ai.digits.reading.ink import Gray

Rect = tuple[int, int, int, int]

_DARK: Final = 175
_LINE: Final = 0.011
"""Of the page's longer side: what is straight for so long is a line, and no letter."""
_LOWEST, _HIGHEST = 0.012, 0.12
_NARROWEST, _WIDEST = 0.7, 14.0
_SOLID: Final = 0.85
_ALIKE: Final = 0.3
_BORDER: Final = 2


def printed_boxes(even: Gray, order: Literal["rows", "columns"]) -> list[Rect]:
    """The inside of every answer box of a straight, evened page.

    Of several sizes of box the one that takes up most of the page counts: the numbers of the
    questions stand in smaller ones, and headings in larger ones that are few.
    """
    found = _cells(even)
    groups: list[list[Rect]] = []
    for rect in sorted(found, key=lambda rect: -_area(rect)):
        for group in groups:
            if _alike(rect, group[0]):
                group.append(rect)
                break
        else:
            groups.append([rect])
    best = max(groups, key=lambda group: sum(map(_area, group)) * len(group), default=[])
    return _ordered(best, order)


def _cells(even: Gray) -> list[Rect]:
    """Everything that lines enclose and that may be a box."""
    long_side = max(even.shape)
    length = max(12, round(long_side * _LINE))
    ink = (even < _DARK).astype(np.uint8)
    # A printed line may be broken where it is thin, or a little askew.
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    level = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    upright = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    lines = cv2.dilate(np.maximum(level, upright), np.ones((5, 5), np.uint8))
    contours, hierarchy = cv2.findContours(lines, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return []
    rects = []
    for contour, links in zip(contours, hierarchy[0], strict=True):
        if links[3] < 0:
            continue
        x, y, wide, tall = cv2.boundingRect(contour)
        if not _LOWEST * long_side <= tall <= _HIGHEST * long_side:
            continue
        if not _NARROWEST <= wide / tall <= _WIDEST:
            continue
        hull = cv2.contourArea(cv2.convexHull(contour))
        if hull >= _SOLID * wide * tall:
            rects.append((x - _BORDER, y - _BORDER, x + wide + _BORDER, y + tall + _BORDER))
    return rects


def _area(rect: Rect) -> int:
    return (rect[2] - rect[0]) * (rect[3] - rect[1])


def _alike(a: Rect, b: Rect) -> bool:
    return all(
        abs((a[at + 2] - a[at]) - (b[at + 2] - b[at])) <= _ALIKE * (b[at + 2] - b[at])
        for at in (0, 1)
    )


def _ordered(rects: Sequence[Rect], order: Literal["rows", "columns"]) -> list[Rect]:
    """Row by row from the left, or column by column from the top."""
    across = 0 if order == "rows" else 1
    down = 1 - across
    remaining = sorted(rects, key=lambda rect: rect[down] + rect[down + 2])
    out: list[Rect] = []
    while remaining:
        first = remaining[0]
        middle = (first[down] + first[down + 2]) / 2
        half = (first[down + 2] - first[down]) / 2
        band = [r for r in remaining if abs((r[down] + r[down + 2]) / 2 - middle) <= half]
        out += sorted(band, key=lambda rect: rect[across])
        remaining = [rect for rect in remaining if rect not in band]
    return out
