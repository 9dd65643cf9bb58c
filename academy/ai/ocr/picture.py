"""A page made ready for recognition: even paper, level lines, no rules, columns apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from academy.ai.pages.document import Box, Gray
from academy.ai.pages.paper import Straight, ink_of, straightened, without_rules

_GUTTER: Final = 0.012
"""Of the width: what divides columns is not narrower."""
_CROSSING: Final = 0.15
"""Of the rows with ink: more than that across a gutter, and it is none."""


@dataclass(frozen=True)
class Prepared(Straight):
    """A straightened page without rules, and its blocks in reading order."""

    blocks: list[Box]


def prepared(gray: Gray) -> Prepared:
    """The page with even paper, upright lines and its blocks."""
    straight = straightened(gray)
    clean = without_rules(straight.gray)
    return Prepared(clean, straight.angle, straight.back, blocks_of(clean))


def blocks_of(gray: Gray) -> list[Box]:
    """Blocks in reading order: what spans both columns, the left one, the right one."""
    ink = ink_of(gray)
    height, width = gray.shape
    rows = ink.any(axis=1)
    if not rows.any():
        return []
    gutter = _gutter(ink)
    if gutter is None:
        return [(0, 0, width, height)]
    left, right = gutter
    middle = (left + right) // 2
    blocks: list[Box] = []
    for top, bottom, spans in _bands(ink, ink[:, left:right].any(axis=1)):
        if spans:
            blocks.append((0, top, width, bottom))
        else:
            blocks += [(0, top, middle, bottom), (middle, top, width, bottom)]
    return [box for box in blocks if ink[box[1] : box[3], box[0] : box[2]].any()]


def _gutter(ink: Gray) -> tuple[int, int] | None:
    """The widest strip near the middle that hardly any line crosses."""
    height, width = ink.shape
    wide = max(4, int(width * _GUTTER))
    rows = int(ink.any(axis=1).sum())
    crossing = cv2.boxFilter(
        ink.astype(np.float32), -1, (wide, 1), normalize=False, borderType=cv2.BORDER_REPLICATE
    )
    share = (crossing > 0.5).sum(axis=0) / max(1, rows)
    low, high = int(width * 0.3), int(width * 0.7)
    free = share[low:high] <= _CROSSING
    best: tuple[int, int] | None = None
    start: int | None = None
    for at, is_free in enumerate([*free, False]):
        if is_free and start is None:
            start = at
        elif not is_free and start is not None:
            if best is None or at - start > best[1] - best[0]:
                best = (start, at)
            start = None
    if best is None:
        return None
    left, right = best[0] + low - wide // 2, best[1] + low + wide // 2
    least = int(0.1 * rows)
    sides = (ink[:, :left].any(axis=1).sum(), ink[:, right:].any(axis=1).sum())
    if min(sides) < least or height < 4:
        return None
    middle = (left + right) // 2
    return middle - wide // 2, middle + wide // 2 + 1


def _bands(ink: Gray, crossed: Any) -> list[tuple[int, int, bool]]:
    """Bands of rows: (top, bottom, whether its lines span the columns), from lines of ink."""
    rows = ink.any(axis=1)
    edges: Any = np.flatnonzero(np.diff(np.concatenate([[0], rows.astype(np.int8), [0]])))
    bands: list[tuple[int, int, bool]] = []
    for top, bottom in zip(edges[0::2], edges[1::2], strict=True):
        spans = bool(crossed[top:bottom].any())
        if bands and bands[-1][2] == spans:
            bands[-1] = (bands[-1][0], int(bottom), spans)
        else:
            bands.append((int(top), int(bottom), spans))
    return [(max(0, top - 4), min(ink.shape[0], bottom + 4), spans) for top, bottom, spans in bands]
