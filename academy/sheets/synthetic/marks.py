"""One mark as a hand makes it: coverage of the paper from 0 to 1 around one bubble.

Coverage says where ink lies; how dark that is follows from the pen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.sheets.layout.geometry import BUBBLE_HEIGHT, BUBBLE_WIDTH

Coverage = npt.NDArray[np.float32]
REACH_MM: Final = 5.0
"""Half the side of the patch that a mark may touch."""
_FINE = 2
_SHIFT = 4


class Mark(StrEnum):
    """How a bubble was treated. The last two are meant as no mark."""

    FULL = "full"
    LIGHT = "light"
    PARTIAL = "partial"
    TICK = "tick"
    CROSS = "cross"
    DOT = "dot"
    CIRCLE = "circle"
    OVERFILLED = "overfilled"
    SLASH = "slash"
    SCRIBBLE = "scribble"
    ERASED = "erased"
    CROSSED_OUT = "crossed_out"

    @property
    def counts(self) -> bool:
        """Whether the student means it."""
        return self not in {Mark.ERASED, Mark.CROSSED_OUT}


@dataclass(frozen=True)
class Pen:
    """Darkness of its ink from 0 to 1, width of its line in mm, colour (BGR) and grain."""

    darkness: float
    width: float
    color: tuple[int, int, int]
    grain: float


def draw(mark: Mark, pen: Pen, pixels_per_mm: float, rng: np.random.Generator) -> Coverage:
    """Coverage of one mark on a patch of twice `REACH_MM`, centred on the bubble."""
    side = round(2 * REACH_MM * pixels_per_mm)
    sheet = _Sheet(side * _FINE, pixels_per_mm * _FINE, rng)
    _HANDS[mark](sheet, pen)
    coverage = cv2.resize(sheet.pixels, (side, side), interpolation=cv2.INTER_AREA)
    out = coverage.astype(np.float32) / 255.0
    if pen.grain:
        noise = rng.normal(0, 1, ((side + 1) // 2, (side + 1) // 2)).astype(np.float32)
        grain = cv2.resize(noise, (side, side), interpolation=cv2.INTER_LINEAR)
        out = np.clip(out * (1 - pen.grain * np.abs(grain)), 0, 1).astype(np.float32)
    if mark is Mark.LIGHT:
        out *= np.float32(rng.uniform(0.35, 0.6))
    return np.asarray(out * np.float32(pen.darkness), np.float32)


class _Sheet:
    """A patch to draw on, in millimetres from the middle of the bubble."""

    def __init__(self, side: int, scale: float, rng: np.random.Generator) -> None:
        self.pixels = np.zeros((side, side), np.uint8)
        self.scale = scale
        self.rng = rng

    def stroke(self, points: list[tuple[float, float]], width: float, ink: int = 255) -> None:
        """A line through points, with a hand's tremor."""
        wobble = self.rng.normal(0, 0.06, (len(points), 2))
        path = self._fixed(np.asarray(points) + wobble)
        thickness = max(1, round(width * self.scale))
        cv2.polylines(
            self.pixels, [path], isClosed=False, color=ink,
            thickness=thickness, lineType=cv2.LINE_AA, shift=_SHIFT,
        )  # fmt: skip

    def blob(self, x: float, y: float, width: float, height: float, ink: int = 255) -> None:
        """A filled, slightly uneven ellipse."""
        turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        uneven = 1 + np.convolve(self.rng.normal(0, 0.08, 24), [0.3, 0.4, 0.3], "same")
        points = np.stack(
            [x + width / 2 * uneven * np.cos(turns), y + height / 2 * uneven * np.sin(turns)],
            axis=1,
        )
        cv2.fillPoly(self.pixels, [self._fixed(points)], ink, cv2.LINE_AA, _SHIFT)

    def hatch(self, width: float, height: float, line: float, pitch: float) -> None:
        """A zigzag that fills an ellipse as a thin pen does."""
        lean = self.rng.uniform(-0.5, 0.5)
        levels = np.arange(-height / 2, height / 2, pitch)
        points = []
        for index, y in enumerate(levels):
            half = width / 2 * np.sqrt(max(0.05, 1 - (2 * y / height) ** 2))
            side = 1 if index % 2 else -1
            points.append((side * half, y + side * lean * 0.4))
        self.stroke(points, line)

    def _fixed(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        middle = self.pixels.shape[0] / 2
        return np.round((points * self.scale + middle) * (1 << _SHIFT)).astype(np.int32)


def _full(sheet: _Sheet, pen: Pen) -> None:
    _fill(sheet, pen, sheet.rng.uniform(0.82, 1.05))


def _fill(sheet: _Sheet, pen: Pen, share: float) -> None:
    rng = sheet.rng
    width, height = BUBBLE_WIDTH * share, BUBBLE_HEIGHT * share
    if pen.width < 0.8 and rng.random() < 0.7:
        sheet.hatch(width, height, pen.width, pen.width * rng.uniform(0.75, 1.15))
        sheet.stroke(_ring(width * 0.9, height * 0.9), pen.width)
    else:
        x, y = rng.normal(0, 0.12, 2)
        sheet.blob(x, y, width, height)


def _partial(sheet: _Sheet, _: Pen) -> None:
    rng = sheet.rng
    share = rng.uniform(0.45, 0.75)
    x, y = rng.uniform(-0.35, 0.35), rng.uniform(-0.8, 0.8)
    sheet.blob(x, y, BUBBLE_WIDTH * rng.uniform(0.6, 0.9), BUBBLE_HEIGHT * share)


def _tick(sheet: _Sheet, pen: Pen) -> None:
    rng = sheet.rng
    size = rng.uniform(0.8, 1.35)
    points = [(-1.1, -0.1), (-0.2, 1.3), (1.5, -1.9)]
    sheet.stroke([(x * size, y * size) for x, y in points], _line(pen, rng))


def _cross(sheet: _Sheet, pen: Pen) -> None:
    rng = sheet.rng
    width, height = rng.uniform(0.9, 1.5), rng.uniform(1.2, 1.9)
    line = _line(pen, rng)
    sheet.stroke([(-width, -height), (0, 0), (width, height)], line)
    sheet.stroke([(width, -height), (0, 0), (-width, height)], line)


def _dot(sheet: _Sheet, pen: Pen) -> None:
    rng = sheet.rng
    size = rng.uniform(1.1, 1.8)
    x, y = rng.normal(0, 0.25, 2)
    sheet.blob(x, y, max(size, pen.width), max(size * rng.uniform(0.9, 1.4), pen.width))


def _circle(sheet: _Sheet, pen: Pen) -> None:
    rng = sheet.rng
    width, height = BUBBLE_WIDTH * rng.uniform(1.1, 1.5), BUBBLE_HEIGHT * rng.uniform(1.0, 1.3)
    sheet.stroke(_ring(width, height), _line(pen, rng))


def _overfilled(sheet: _Sheet, pen: Pen) -> None:
    _fill(sheet, pen, sheet.rng.uniform(1.15, 1.4))


def _slash(sheet: _Sheet, pen: Pen) -> None:
    rng = sheet.rng
    lean, height = rng.uniform(0.5, 1.4), rng.uniform(1.6, 2.6)
    sheet.stroke([(-lean, height), (0, 0), (lean, -height)], _line(pen, rng))


def _scribble(sheet: _Sheet, pen: Pen) -> None:
    """A few turns of the pen, somewhere about the bubble."""
    rng = sheet.rng
    turns = np.linspace(0, 2 * np.pi * rng.uniform(1.5, 3.5), 40)
    reach = np.linspace(rng.uniform(0.1, 0.5), rng.uniform(0.8, 1.2), 40)
    x, y = rng.normal(0, 0.2, 2)
    width, height = BUBBLE_WIDTH / 2, BUBBLE_HEIGHT / 2
    sheet.stroke(
        [
            (float(x + width * r * np.cos(t)), float(y + height * r * np.sin(t)))
            for t, r in zip(turns, reach, strict=True)
        ],
        _line(pen, rng),
    )


def _erased(sheet: _Sheet, pen: Pen) -> None:
    """What a rubber leaves of a filled bubble: little of the ink, smeared."""
    rng = sheet.rng
    _fill(sheet, pen, rng.uniform(0.8, 1.0))
    left = rng.uniform(0.06, 0.26)
    blurred = cv2.GaussianBlur(sheet.pixels, (0, 0), sheet.scale * rng.uniform(0.1, 0.5))
    sheet.pixels = np.asarray(blurred * left, np.uint8)
    if rng.random() < 0.5:
        sheet.blob(rng.normal(0, 0.6), rng.normal(0, 0.9), 4.2, 3.0, int(255 * left * 0.5))


def _crossed_out(sheet: _Sheet, pen: Pen) -> None:
    """A filled bubble struck through, well beyond its outline."""
    rng = sheet.rng
    _fill(sheet, pen, rng.uniform(0.7, 1.0))
    width, height = rng.uniform(2.2, 3.0), rng.uniform(2.4, 3.4)
    line = min(_line(pen, rng), 0.8)
    sheet.stroke([(-width, -height), (0, 0), (width, height)], line)
    if rng.random() < 0.75:
        sheet.stroke([(width, -height), (0, 0), (-width, height)], line)
    else:
        sheet.stroke([(-width, 0.6), (0, 0.2), (width, -0.4)], line)


def _line(pen: Pen, rng: np.random.Generator) -> float:
    return float(pen.width * rng.uniform(0.8, 1.2))


def _ring(width: float, height: float) -> list[tuple[float, float]]:
    turns = np.linspace(-0.3, 2 * np.pi + 0.1, 22)
    return [(float(width / 2 * np.cos(t)), float(height / 2 * np.sin(t))) for t in turns]


_HANDS: dict[Mark, Callable[[_Sheet, Pen], None]] = {
    Mark.FULL: _full,
    Mark.LIGHT: _full,
    Mark.PARTIAL: _partial,
    Mark.TICK: _tick,
    Mark.CROSS: _cross,
    Mark.DOT: _dot,
    Mark.CIRCLE: _circle,
    Mark.OVERFILLED: _overfilled,
    Mark.SLASH: _slash,
    Mark.SCRIBBLE: _scribble,
    Mark.ERASED: _erased,
    Mark.CROSSED_OUT: _crossed_out,
}
