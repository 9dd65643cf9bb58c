"""The pieces of a box's ink, and every run of them that may be one digit.

Components come first; a wide one is also cut where it is thin. Too many cuts do no harm: the
network says which runs of pieces are digits, and the best chain of them is the number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.ai.digits.reading.ink import Box, Gray, Mask

SIDE: Final = 28
_INNER: Final = 20
MOST_PIECES: Final = 28
_LONGEST_RUN: Final = 4
_SPECK: Final = 0.06
"""Of the height of the line: smaller in both directions is dirt."""
_DOT: Final = 0.3
_WIDE: Final = 0.5
_WIDEST: Final = 1.45
_CUTS: Final = 6
_SPACING: Final = 0.14

Rect = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the box."""


@dataclass(frozen=True)
class Piece:
    """A component, or a part of one between two cuts."""

    rect: Rect
    mask: Mask
    dot: bool = False
    area: int = 0

    @property
    def middle(self) -> float:
        """Across."""
        return (self.rect[0] + self.rect[2]) / 2


@dataclass(frozen=True)
class Run:
    """Pieces ``first`` to ``last`` (behind the last) taken as one symbol."""

    first: int
    last: int
    rect: Rect
    dot: bool


@dataclass(frozen=True)
class Line:
    """The pieces of a number from left to right; its top and bottom; the runs to be judged."""

    pieces: tuple[Piece, ...]
    top: int
    bottom: int
    runs: tuple[Run, ...]

    @property
    def height(self) -> int:
        """Of the line, in pixels."""
        return self.bottom - self.top


def line_of(box: Box) -> Line | None:
    """The pieces of a box with ink; None where they are too many to be a number."""
    parts = _components(box.mask)
    if not parts:
        return Line((), 0, 1, ())
    tallest = max(rect[3] - rect[1] for rect, _ in parts)
    # A lone minus or dot has no height to speak of; a box does.
    height = max(tallest, box.mask.shape[0] // 5)
    kept = [
        (rect, mask) for rect, mask in parts
        if max(rect[2] - rect[0], rect[3] - rect[1]) > max(2.0, _SPECK * height)
    ]  # fmt: skip
    tall = [rect for rect, _ in kept if rect[3] - rect[1] > 0.5 * height]
    top = min((rect[1] for rect in tall), default=0)
    bottom = max((rect[3] for rect in tall), default=box.mask.shape[0])
    pieces: list[Piece] = []
    for rect, mask in kept:
        if _is_dot(rect, top, bottom, height):
            pieces.append(Piece(rect, mask, dot=True, area=int(mask.sum())))
        else:
            pieces += _cut(box.dark, rect, mask, height)
    if len(pieces) > MOST_PIECES:
        return None
    pieces.sort(key=lambda piece: (piece.middle, piece.rect[0]))
    return Line(tuple(pieces), top, bottom, tuple(_runs(pieces, height)))


def _components(mask: Mask) -> list[tuple[Rect, Mask]]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    found = []
    for number in range(1, count):
        left, top, width, height, _area = (int(value) for value in stats[number])
        part = labels[top : top + height, left : left + width] == number
        found.append(((left, top, left + width, top + height), part))
    return found


def _is_dot(rect: Rect, top: int, bottom: int, height: float) -> bool:
    left, upper, right, lower = rect
    small = right - left < _DOT * height and lower - upper < _DOT * height
    compact = max(right - left, lower - upper) < 2.4 * max(1, min(right - left, lower - upper))
    return small and compact and (upper + lower) / 2 > top + 0.7 * (bottom - top)


def _cut(dark: Gray, rect: Rect, mask: Mask, height: float) -> list[Piece]:
    """A component, cut at the columns where a wide one has least ink: paler counts as less."""
    left, top, right, bottom = rect
    wide = right - left
    if wide <= _WIDE * height or bottom - top < 0.4 * height:
        return [Piece(rect, mask, area=int(mask.sum()))]
    profile = np.where(mask, dark[top:bottom, left:right], 0).sum(axis=0).astype(np.float64)
    kernel = np.ones(3) / 3
    calm = np.convolve(np.pad(profile, 1, mode="edge"), kernel, mode="valid")
    spacing = max(2, round(_SPACING * height))
    columns: list[int] = []
    for at in np.argsort(calm, kind="stable"):
        column = int(at)
        if not spacing <= column <= wide - spacing or len(columns) == _CUTS:
            continue
        lowest = calm[column] <= calm[column - spacing : column + spacing + 1].min()
        if lowest and all(abs(column - other) >= spacing for other in columns):
            columns.append(column)
    edges = [0, *sorted(columns), wide]
    pieces = []
    for start, end in pairwise(edges):
        part = mask[:, start:end]
        down = np.flatnonzero(part.any(axis=1))
        upper, lower = int(down[0]), int(down[-1]) + 1
        pieces.append(
            Piece(
                (left + start, top + upper, left + end, top + lower), part[upper:lower],
                area=int(part.sum()),
            )
        )  # fmt: skip
    return pieces


def _runs(pieces: Sequence[Piece], height: float) -> list[Run]:
    runs = []
    for first in range(len(pieces)):
        rect = pieces[first].rect
        for last in range(first + 1, min(len(pieces), first + _LONGEST_RUN) + 1):
            # A dot stands alone: taken into a digit it would be a decimal point that is lost.
            if last - first > 1 and (pieces[first].dot or pieces[last - 1].dot):
                break
            other = pieces[last - 1].rect
            rect = (
                min(rect[0], other[0]), min(rect[1], other[1]),
                max(rect[2], other[2]), max(rect[3], other[3]),
            )  # fmt: skip
            if last - first > 1 and rect[2] - rect[0] > _WIDEST * height:
                break
            runs.append(Run(first, last, rect, pieces[first].dot))
    return runs


def patch_of(dark: Gray, line: Line, run: Run) -> npt.NDArray[np.uint8]:
    """What the network sees of a run: its ink alone, centred in a square; 28 x 28."""
    left, top, right, bottom = run.rect
    wide, tall = right - left, bottom - top
    ink = np.zeros((tall, wide), np.uint8)
    for piece in line.pieces[run.first : run.last]:
        x0, y0, x1, y1 = piece.rect
        part = np.where(piece.mask, dark[y0:y1, x0:x1], 0)
        place = ink[y0 - top : y1 - top, x0 - left : x1 - left]
        np.maximum(place, part, out=place)
    peak = max(1, int(np.percentile(ink[ink > 0], 90))) if ink.any() else 1
    ink = np.minimum(ink.astype(np.float32) * (255 / peak), 255).astype(np.uint8)
    scale = _INNER / max(wide, tall)
    size = max(1, round(wide * scale)), max(1, round(tall * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(ink, size, interpolation=how)
    out = np.zeros((SIDE, SIDE), np.uint8)
    x, y = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
    out[y : y + size[1], x : x + size[0]] = small
    return out
