"""Runs of ink with known meaning, cut from made-up boxes by the reader's own hand.

A run that is all of one symbol and nothing else is an example of it; halves, pairs, letters,
scribbles and crossed-out digits are examples of what is no digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.ai.digits.network import OTHER, SYMBOLS
from academy.ai.digits.reading.ink import ink_of
from academy.ai.digits.reading.pieces import Line, Run, line_of, patch_of
from academy.ai.digits.synthetic.boxes import Sample, Written, sample
from academy.ai.digits.synthetic.streams import Stream
from academy.ai.pages.paper import evened

PEOPLE: Final = Path(__file__).with_name("optdigits.npz")
"""1,797 digits of 13 people, 8 x 8 pixels of 0 to 16 (``images``), and what they are (``digits``).

The test set of E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (1998), UCI
Machine Learning Repository, doi.org/10.24432/C50P49, licensed CC BY 4.0.
"""
_WHOLE: Final = 0.85
_BROKEN: Final = 0.72
_MIX: Final = (
    *([Written.NUMBER] * 8), *([Written.LETTERS] * 3), *([Written.CROSSED_OUT] * 3),
    Written.SCRIBBLE,
)  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """Patches (n x 28 x 28) and their classes."""

    patches: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.int64]

    @staticmethod
    def of(pairs: Iterable[tuple[npt.NDArray[np.uint8], int]]) -> Examples:
        """Collected."""
        patches, classes = zip(*pairs, strict=True)
        return Examples(np.stack(patches), np.array(classes, np.int64))

    def and_also(self, other: Examples) -> Examples:
        """Both."""
        return Examples(
            np.concatenate([self.patches, other.patches]),
            np.concatenate([self.classes, other.classes]),
        )


def examples_of(stream: Stream, writers: int, boxes: int) -> Examples:
    """What so many writers give in so many boxes each."""
    return Examples.of(
        pair
        for writer in range(writers)
        for box in range(boxes)
        for pair in _of_box(sample(stream, writer, box, what=_MIX[(writer + box) % len(_MIX)]))
    )


def balanced(examples: Examples, seed: int) -> Examples:
    """With no more of what is no digit than of what is."""
    rng = np.random.default_rng(seed)
    others = np.flatnonzero(examples.classes == OTHER)
    digits = np.flatnonzero(examples.classes != OTHER)
    chosen = rng.choice(others, min(len(others), len(digits)), replace=False)
    kept = np.concatenate([digits, chosen])
    return Examples(examples.patches[kept], examples.classes[kept])


def real_digits(first: int, last: int) -> Examples:
    """Digits ``first`` to ``last`` of `PEOPLE`."""
    with np.load(PEOPLE) as found:
        images, digits = found["images"][first:last], found["digits"][first:last]
    pairs = []
    for image, digit in zip(images, digits, strict=True):
        gray = real_gray(image)
        box = ink_of(gray)
        line = line_of(box)
        if line is None or not line.pieces:
            continue
        rects = [piece.rect for piece in line.pieces]
        whole = (
            min(rect[0] for rect in rects), min(rect[1] for rect in rects),
            max(rect[2] for rect in rects), max(rect[3] for rect in rects),
        )  # fmt: skip
        run = Run(0, len(line.pieces), whole, dot=False)
        pairs.append((patch_of(box.dark, line, run), int(digit)))
    return Examples.of(pairs)


def real_gray(image: npt.NDArray[np.uint8], scale: int = 5) -> npt.NDArray[np.uint8]:
    """One of these pictures (8 x 8, 0 to 16) as a box of an evened page."""
    ink = (image.astype(np.float32) * (255 / 16)).astype(np.uint8)
    large = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(255 - np.pad(large, 2 * scale), np.uint8)


def _of_box(one: Sample) -> Iterator[tuple[npt.NDArray[np.uint8], int]]:
    box = ink_of(evened(one.gray))
    line = line_of(box)
    if line is None:
        return
    symbols = [glyph.symbol for glyph in one.glyphs]
    masks = [glyph.ink > 0.55 * glyph.ink.max() for glyph in one.glyphs]
    for run in line.runs:
        if run.dot:
            continue
        kind = OTHER if one.what is not Written.NUMBER else _class_of(line, run, symbols, masks)
        if kind is not None:
            yield patch_of(box.dark, line, run), kind


def _class_of(
    line: Line, run: Run, symbols: list[str], masks: list[npt.NDArray[np.bool_]]
) -> int | None:
    """The symbol of which a run is all; OTHER for parts and pairs; None where it is unclear."""
    shares = np.zeros(len(masks))
    total = 0
    for piece in line.pieces[run.first : run.last]:
        left, top, right, bottom = piece.rect
        total += piece.area
        for at, mask in enumerate(masks):
            shares[at] += np.count_nonzero(mask[top:bottom, left:right] & piece.mask)
    if not total or not len(shares):
        return None
    at = int(shares.argmax())
    of_run = shares[at] / max(1, shares.sum())
    held = shares / np.array([max(1, np.count_nonzero(mask)) for mask in masks])
    of_symbol = held[at]
    if np.delete(held, at).max(initial=0) > 1 - _WHOLE * _BROKEN:
        return OTHER
    if min(of_run, of_symbol) >= _WHOLE:
        return SYMBOLS.find(symbols[at]) if symbols[at] in SYMBOLS else OTHER
    return OTHER if min(of_run, of_symbol) < _BROKEN else None
