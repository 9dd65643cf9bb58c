"""A page's paper made even, its lines level, its rules gone: for whatever reads pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from academy.ai.pages.document import Box, Gray

_ANGLES: Final = 6.0
"""Degrees of skew that are looked for, to both sides; phones are held no worse than that."""
_FINE: Final = 0.1
_SKEW_SIDE: Final = 900
_PAPER: Final = 240


@dataclass(frozen=True)
class Straight:
    """A page with even paper and level lines, and the way back to the page as it was given."""

    gray: Gray
    angle: float
    back: Any

    def box_back(self, box: Box) -> Box:
        """A box on the straightened page, as the box around it on the page as it was given."""
        left, top, right, bottom = box
        corners = np.array(
            [[left, top, 1], [right, top, 1], [left, bottom, 1], [right, bottom, 1]], float
        )
        points = corners @ np.asarray(self.back, float).T
        height, width = self.gray.shape
        low, high = points.min(axis=0), points.max(axis=0)
        return (
            max(0, round(low[0])), max(0, round(low[1])),
            min(width, round(high[0])), min(height, round(high[1])),
        )  # fmt: skip


def straightened(gray: Gray, angle: float | None = None) -> Straight:
    """The page made even, and turned by ``angle`` in degrees; None: by what levels its lines."""
    even = evened(gray)
    angle = skew(even) if angle is None else angle
    height, width = even.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    if abs(angle) >= _FINE:
        even = np.asarray(
            cv2.warpAffine(even, turn, (width, height), flags=cv2.INTER_CUBIC, borderValue=255.0),
            np.uint8,
        )
    return Straight(even, angle, cv2.invertAffineTransform(turn))


def evened(gray: Gray) -> Gray:
    """Divided by the paper's own brightness: shadows and gray paper become white."""
    height, width = gray.shape
    small = cv2.resize(
        gray, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA
    )
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((11, 11), np.uint8))
    paper = cv2.GaussianBlur(cv2.medianBlur(paper, 21), (0, 0), 5)
    full = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(gray, np.maximum(full, 16), scale=255.0), np.uint8)


def ink_of(gray: Gray) -> Gray:
    """1 where there is ink."""
    threshold, _ = cv2.threshold(gray, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(gray < min(threshold + 1, _PAPER), np.uint8)


def skew(gray: Gray) -> float:
    """Degrees by which the page must be turned (counterclockwise) so that its lines lie level.

    The angle at which the ink of rows differs most: first in half degrees, then in tenths.
    """
    scale = min(1.0, _SKEW_SIDE / max(gray.shape))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ys, xs = np.nonzero(ink_of(np.asarray(small, np.uint8)))
    if len(ys) < 50:
        return 0.0

    def sharpness(angle: float) -> float:
        rows = ys * math.cos(math.radians(angle)) - xs * math.sin(math.radians(angle))
        counts = np.bincount((rows - rows.min()).astype(np.int64))
        return float(np.square(np.diff(counts.astype(float))).sum())

    coarse = max(np.arange(-_ANGLES, _ANGLES + 0.01, 0.5), key=sharpness)
    fine = max(coarse + np.arange(-0.5, 0.51, _FINE), key=sharpness)
    # Level already, or nothing that has lines.
    return 0.0 if sharpness(fine) < 1.05 * sharpness(0.0) else float(fine)


def without_rules(gray: Gray) -> Gray:
    """The page without long straight lines: table borders, the rule between two columns."""
    height, width = gray.shape
    # By the longer side: on a strip cut from a page letters are as tall as on the page.
    longest = max(height, width)
    ink = ink_of(gray)
    tall = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((max(40, longest // 18), 1), np.uint8))
    wide = cv2.morphologyEx(
        ink, cv2.MORPH_OPEN, np.ones((1, max(40, width // 12, longest // 17)), np.uint8)
    )
    rules = cv2.dilate(cv2.bitwise_or(tall, wide), np.ones((3, 3), np.uint8))
    return np.asarray(np.where(rules > 0, 255, gray), np.uint8)
