"""The ink in a box: what is written there, without the printed frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_FAINT: Final = 40
"""Gray levels below the paper: fainter than the faintest pencil."""
_LEVEL: Final = 0.5
"""Of the darkest ink: what is fainter is the blur around a stroke, or an erasure."""
_CORE: Final = 0.55
_NOISE: Final = 8
"""Times the paper's own darkness, which is the noise of the camera."""
_SPECK: Final = 6
"""Pixels."""
_DIRT: Final = 0.035
"""Of a box's height: the side of a square; what has less ink is dirt."""
_BAND: Final = 0.06
_TALL: Final = 0.25
_SMALL: Final = 0.22
_BAR: Final = 0.4
_MIDDLE: Final = 0.14
_BEYOND: Final = 0.17
_SLOPES: Final = (-0.24, -0.12, 0.0, 0.12, 0.24)
_BORDER: Final = 0.14
"""Of a box: how far inside its edges a line of the frame may lie."""


@dataclass(frozen=True)
class Box:
    """The ink of a box: 0 to 255 where there is some, and the doubts about it as a whole."""

    dark: Gray
    mask: Mask
    doubts: tuple[str, ...] = ()

    @property
    def blank(self) -> bool:
        """Whether nothing is written."""
        return not self.mask.any()


def ink_of(even: Gray) -> Box:
    """The ink of a box cut from an evened page, whose paper is white."""
    dark = np.asarray(255 - even, np.uint8)
    faint = max(_FAINT, _NOISE * float(np.median(dark)))
    frame, doubts = _frame(dark > faint)
    # The print of a frame is darker than pencil: it must not set the level for what is written.
    inside = np.where(frame, 0, dark)
    band = max(2, round(even.shape[0] * _BAND))
    middle = inside[band:-band, band:-band]
    strong = middle[middle > faint]
    if strong.size < _SPECK:
        return Box(dark, np.zeros(dark.shape, bool), doubts)
    peak = float(np.percentile(strong, 90))
    mask = _written(inside > max(faint * 0.75, _LEVEL * peak), inside > max(faint, _CORE * peak))
    points, pale = _faint(inside > faint, mask)
    if mask.any() and pale:
        # Read, but never without a person: dirt looks the same.
        mask = mask | points
        doubts = (*doubts, "faint")
    if mask.any() and (_clipped(mask) or _reaches(mask, frame)):
        doubts = (*doubts, "clipped")
    if _struck(mask):
        doubts = (*doubts, "struck")
    return Box(dark, mask, doubts)


def _frame(mask: Mask) -> tuple[Mask, tuple[str, ...]]:
    """Lines along the edges; a line within that joins top and bottom is a doubt.

    A 1 that is written over the whole box and a printed divider look the same.
    """
    rows, columns = mask.shape
    bits = mask.astype(np.uint8)
    closed = cv2.morphologyEx(bits, cv2.MORPH_CLOSE, np.ones((1, 7), np.uint8))
    wide = cv2.morphologyEx(
        closed, cv2.MORPH_OPEN, np.ones((1, max(8, columns * 3 // 4)), np.uint8)
    )
    edge = max(2, round(rows * _BORDER))
    wide[edge : rows - edge] = 0
    whole = cv2.morphologyEx(bits, cv2.MORPH_OPEN, np.ones((max(8, rows - 2), 1), np.uint8))
    edge = max(2, min(round(columns * _BORDER), round(rows * _BORDER)))
    closed = cv2.morphologyEx(bits, cv2.MORPH_CLOSE, np.ones((7, 1), np.uint8))
    sides = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((max(8, rows * 2 // 3), 1), np.uint8))
    sides[:, edge : columns - edge] = 0
    across = np.asarray(cv2.dilate(wide, np.ones((5, 1), np.uint8)), bool)
    down = np.asarray(cv2.dilate(sides, np.ones((1, 5), np.uint8)), bool)
    # A short line without the others of a frame may be a 1 at the edge.
    alone = not wide.any() and sides.any() and int(sides.sum(axis=0).max()) < rows * 9 // 10
    doubt = alone or whole[:, edge : columns - edge].any()
    return across | down, ("lines",) if doubt else ()


def _reaches(mask: Mask, frame: Mask) -> bool:
    """Whether something small lies at the frame: a point, or what the frame left of a stroke."""
    if not frame.any():
        return False
    beside = cv2.dilate(frame.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    touching = np.unique(labels[beside & mask])
    heights = stats[touching, cv2.CC_STAT_HEIGHT]
    return bool((heights < mask.shape[0] * _SMALL).any())


def _written(mask: Mask, core: Mask) -> Mask:
    """The parts of the mask that hold dark ink: no specks, no rest of a line along an edge."""
    rows, columns = mask.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    band = max(2, round(rows * _BAND))
    edge = (right <= band) | (left >= columns - band) | (bottom <= band) | (top >= rows - band)
    keep = np.zeros(count, bool)
    keep[np.unique(labels[core])] = True
    keep &= (stats[:, cv2.CC_STAT_AREA] >= max(_SPECK, (rows * _DIRT) ** 2)) & ~edge
    keep[0] = False
    return np.asarray(keep[labels], bool)


def _struck(mask: Mask) -> bool:
    """Whether a stroke goes through what is written, and beyond it on both sides.

    Of digits only the 7 has such a bar, below another that is as wide.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    for number in range(1, count):
        left, top, wide, tall, _area = (int(value) for value in stats[number])
        if tall < mask.shape[0] * _TALL or wide < _BAR * tall:
            continue
        part = labels[top : top + tall, left : left + wide] == number
        if any(_has_bar(_sheared(part, slope)) for slope in _SLOPES):
            return True
    return False


def _sheared(part: Mask, slope: float) -> Mask:
    """The picture with every column moved down by its place times the slope."""
    rows, columns = part.shape
    spare = int(abs(slope) * columns) + 1
    move = np.array([[1, 0, 0], [slope, 1, spare if slope < 0 else 0]], np.float32)
    bits = cv2.warpAffine(
        part.astype(np.uint8), move, (columns, rows + spare), flags=cv2.INTER_NEAREST
    )
    return np.asarray(bits > 0, bool)


def _has_bar(part: Mask) -> bool:
    """Whether a level line sticks out of the rest of a component to the left and to the right."""
    lines = np.flatnonzero(part.any(axis=1))
    part = part[lines[0] : lines[-1] + 1]
    rows = part.shape[0]
    length = max(6, round(_BAR * rows))
    bar = cv2.morphologyEx(part.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    bar[: round(rows * _MIDDLE)] = bar[rows - round(rows * _MIDDLE) :] = 0
    if not bar.any():
        return False
    across = np.flatnonzero(bar.any(axis=0))
    rest = part & (cv2.dilate(bar, np.ones((5, 1), np.uint8)) == 0)
    # What is left of the bar's own ends is no part of the writing.
    body = np.flatnonzero(rest.sum(axis=0) >= max(2, rows // 10))
    if not len(body):
        return False
    beyond = max(2, round(_BEYOND * rows))
    return bool(across[0] <= body[0] - beyond and across[-1] >= body[-1] + beyond)


def _faint(ink: Mask, mask: Mask) -> tuple[Mask, bool]:
    """The pale points beside what is written, and whether there is any pale ink there.

    A point is small and so the camera makes it pale; the rest of an erasure is pale too.
    """
    rows, columns = mask.shape
    near = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    wide, tall = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    band = max(3, round(rows * _BORDER))
    apart = (left >= band) & (left + wide <= columns - band)
    apart &= (top >= band) & (top + tall <= rows - 2)
    apart &= stats[:, cv2.CC_STAT_AREA] >= max(_SPECK, (rows * _DIRT) ** 2)
    apart[np.unique(labels[near])] = False
    apart[0] = False
    points = apart & (np.maximum(wide, tall) < rows * _SMALL)
    return np.asarray(points[labels], bool), bool(apart.any())


def _clipped(mask: Mask) -> bool:
    """Whether ink runs out of the box: more than the corner of a stroke lies on its edge."""
    most = max(3, min(mask.shape) // 12)
    return any(int(edge.sum()) >= most for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
