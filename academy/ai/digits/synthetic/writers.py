"""A writer: the shapes, slant, joins and pen of one hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.ai.digits.synthetic.strokes import FORMS, LETTERS, Form, Points, smooth

Ink = npt.NDArray[np.float32]
"""0 is paper, 1 the darkest ink."""
_FINE: Final = 8
"""cv2 draws at fractions of a pixel: three bits."""


@dataclass(frozen=True)
class Glyph:
    """One drawn symbol: its ink at its place in a box."""

    symbol: str
    ink: Ink


@dataclass(frozen=True)
class Writer:
    """One hand; lengths are shares of a digit's height."""

    slant: float
    aspect: float
    pen: float
    wobble: float
    gap: float
    darkness: float
    habits: dict[str, int]

    @staticmethod
    def of(rng: np.random.Generator) -> Writer:
        """A hand drawn at random."""
        return Writer(
            slant=float(np.clip(rng.normal(0.1, 0.12), -0.15, 0.34)),
            aspect=float(rng.uniform(0.42, 0.8)),
            pen=float(rng.uniform(0.05, 0.13)),
            wobble=float(rng.uniform(0.012, 0.04)),
            gap=float(rng.uniform(0.02, 0.4)),
            darkness=float(rng.uniform(0.45, 1.0)),
            habits={key: int(rng.integers(len(forms))) for key, forms in FORMS.items()},
        )

    def form(self, rng: np.random.Generator, symbol: str) -> Form:
        """How this hand writes a symbol, as a rule."""
        if symbol in LETTERS:
            return LETTERS[symbol]
        forms = FORMS[symbol]
        return forms[self.habits[symbol] if rng.random() < 0.8 else int(rng.integers(len(forms)))]

    def strokes(self, rng: np.random.Generator, symbol: str, height: float) -> list[Points]:
        """The curves of a symbol in pixels, its top left at the origin."""
        width, tall, down, slant = self._extent(rng, symbol)
        bend = rng.normal(0, self.wobble * 0.8, 4)
        turn = rng.normal(0, 0.035)
        curves = []
        for stroke in self.form(rng, symbol):
            control = np.array(stroke) + rng.normal(0, self.wobble, (len(stroke), 2))
            for at in range(1, len(stroke)):
                if stroke[at] == stroke[at - 1]:
                    control[at] = control[at - 1]
            curve = smooth(control)
            x, y = curve[:, 0], curve[:, 1]
            curve = np.stack(
                [
                    x + bend[0] * np.sin(np.pi * y) + bend[1] * np.sin(2 * np.pi * y),
                    y + bend[2] * np.sin(np.pi * x) + bend[3] * np.sin(2 * np.pi * x),
                ],
                axis=1,
            )
            x = curve[:, 0] * width
            y = down + curve[:, 1] * tall
            x = x + slant * (1 - y) + turn * (y - 0.5)
            curves.append(np.stack([x, y - turn * (x - width / 2)], axis=1) * height)
        return curves

    def _extent(self, rng: np.random.Generator, symbol: str) -> tuple[float, float, float, float]:
        """Width, height, top and slant of a symbol."""
        if symbol == "-":
            return float(rng.uniform(0.35, 0.7)), 0.2, float(rng.uniform(0.35, 0.55)), 0.0
        if symbol == "/":
            return float(rng.uniform(0.55, 0.9)), 1.1, -0.05, 0.0
        width = self.aspect * float(rng.uniform(0.85, 1.15))
        return (width * 0.55 if symbol == "1" else width), 1.0, 0.0, self.slant

    def draw(
        self, rng: np.random.Generator, text: str, height: float, size: tuple[int, int]
    ) -> list[Glyph]:
        """The symbols of a text in a picture of so many rows and columns; centred as people do."""
        rows, columns = size
        placed: list[tuple[str, list[Points]]] = []
        at = 0.0
        for symbol in text:
            high = height * float(rng.uniform(0.88, 1.1))
            if symbol == ".":
                placed.append((symbol, [self._dot(rng, at, height)]))
                at += height * (0.22 + self.pen * 2)
                continue
            curves = self.strokes(rng, symbol, high)
            left = min(curve[:, 0].min() for curve in curves)
            right = max(curve[:, 0].max() for curve in curves)
            down = rng.normal(0, 0.04) * height + (height - high) / 2
            placed.append((symbol, [curve + np.array([at - left, down]) for curve in curves]))
            gap = self.gap * float(rng.uniform(0.4, 1.5)) - (0.07 if rng.random() < 0.12 else 0)
            at += right - left + height * (self.pen * 0.8 + gap)
        shift = np.array(
            [
                max(2.0, (columns - at) / 2 + rng.normal(0, columns * 0.03)),
                (rows - height) / 2 + rng.normal(0, rows * 0.02),
            ]
        )
        pen = max(1.2, self.pen * height)
        return [
            Glyph(symbol, self._inked(rng, [curve + shift for curve in curves], pen, size))
            for symbol, curves in placed
        ]

    def _dot(self, rng: np.random.Generator, at: float, height: float) -> Points:
        start = np.array(
            [at + height * (0.04 + self.pen / 2), height * float(rng.uniform(0.92, 1.02))]
        )
        return np.stack([start, start + rng.uniform(0, 0.05, 2) * height])

    def _inked(
        self, rng: np.random.Generator, curves: list[Points], pen: float, size: tuple[int, int]
    ) -> Ink:
        rows, columns = size
        canvas = np.zeros((rows * 2, columns * 2), np.uint8)
        for curve in curves:
            points = np.round(curve * 2 * _FINE).astype(np.int32)
            widths = pen * 2 * (1 + 0.15 * np.sin(np.linspace(0, 3, len(points)) + rng.random()))
            for start, end, width in zip(points, points[1:], widths, strict=False):
                cv2.line(
                    canvas, start.tolist(), end.tolist(), 255, max(1, round(float(width))),
                    cv2.LINE_AA, 3,
                )  # fmt: skip
        small = cv2.resize(canvas, (columns, rows), interpolation=cv2.INTER_AREA)
        return np.asarray(small.astype(np.float32) / 255 * np.float32(self.darkness), np.float32)
