"""Sheets of short answers written by hand into printed boxes, made from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from academy.ai.digits.synthetic.streams import Stream, rng_of
from academy.ai.digits.synthetic.strokes import smooth
from academy.ai.digits.synthetic.writers import Writer

PAGE = (1754, 1240)
"""A4 at 150 dots an inch."""
BOX = (96, 300)
SCRIBBLE = "~"
_COLUMNS = 3


def place(n: int) -> tuple[int, int]:
    """Left and top of box ``n`` (from 0)."""
    return 90 + 370 * (n % _COLUMNS), 260 + 190 * (n // _COLUMNS)


def fractions_of(count: int, page: int = 1) -> list[dict[str, float | int]]:
    """The boxes as a client states them, a little within their frames."""
    rows, columns = PAGE
    return [
        {"page": page, "x": (left + 5) / columns, "y": (top + 5) / rows,
         "w": (BOX[1] - 10) / columns, "h": (BOX[0] - 10) / rows}
        for left, top in map(place, range(count))
    ]  # fmt: skip


def sheet(
    answers: Sequence[str], *, seed: int = 1, turned: float = 0.0, cells: int = 0
) -> np.ndarray:
    """A page with one answer a box; "" leaves it empty, "~" fills it with a scribble."""
    rows, columns = PAGE
    rng = rng_of(Stream.HOLDOUT, 7_000 + seed)
    hand = Writer.of(rng)
    page = np.full(PAGE, 246, np.uint8)
    cv2.putText(page, "Short answers 2026", (90, 130), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 30, 3)
    for n, answer in enumerate(answers):
        left, top = place(n)
        cv2.putText(page, f"{n + 1}.", (left, top - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 30, 2)
        cv2.rectangle(page, (left, top), (left + BOX[1], top + BOX[0]), 60, 2)
        for cell in range(1, cells):
            x = left + round(BOX[1] * cell / cells)
            cv2.line(page, (x, top), (x, top + BOX[0]), 60, 2)
        ink = _ink(rng, hand, answer, cells)
        part = page[top : top + BOX[0], left : left + BOX[1]]
        part[:] = (part * (1 - 0.9 * ink)).astype(np.uint8)
    if turned:
        turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), turned, 1.0)
        page = cv2.warpAffine(page, turn, (columns, rows), borderValue=246)
    shade = np.linspace(0.8, 1, columns)[None, :]
    noisy = cv2.GaussianBlur(page, (0, 0), 0.7) * shade + rng.normal(0, 3, PAGE)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _ink(rng: np.random.Generator, hand: Writer, answer: str, cells: int) -> np.ndarray:
    ink = np.zeros(BOX, np.float32)
    if answer == SCRIBBLE:
        points = smooth(np.array([150, 48]) + rng.uniform(-1, 1, (16, 2)) * [70, 30])
        canvas = np.zeros(BOX, np.uint8)
        cv2.polylines(canvas, [np.round(points).astype(np.int32)], isClosed=False, color=255,
                      thickness=4)  # fmt: skip
        return canvas.astype(np.float32) / 255
    if cells:
        wide = BOX[1] // cells
        for at, symbol in enumerate(answer):
            part = ink[:, at * wide : (at + 1) * wide]
            for glyph in hand.draw(rng, symbol, 52, part.shape):
                np.maximum(part, glyph.ink, out=part)
        return ink
    for glyph in hand.draw(rng, answer, 52, BOX):
        np.maximum(ink, glyph.ink, out=ink)
    return ink


def png(path: Path, page: np.ndarray) -> Path:
    """The page as a PNG."""
    Image.fromarray(page).save(path)
    return path


def pdf(path: Path, pages: Sequence[np.ndarray]) -> Path:
    """The pages as a PDF of scans."""
    first, *others = [Image.fromarray(page) for page in pages]
    first.save(path, save_all=True, append_images=others, resolution=150)
    return path
