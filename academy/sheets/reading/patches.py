"""Every bubble of a page as a small picture of ink, with the paper's brightness divided out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.sheets.layout import Page
from academy.sheets.layout.geometry import BUBBLE_HEIGHT, BUBBLE_WIDTH
from academy.sheets.reading.align import Alignment, Floats, Gray, reduced

ROWS: Final = 32
COLUMNS: Final = 24
PIXELS_PER_MM: Final = 40 / 9
"""A patch shows 5.4 x 7.2 mm: the bubble and what a hand draws beyond it."""
_PAPER_SIDE = 600
_CLOSING_MM = 5.6
_KIND = 100
_PRINT_SPREAD, _PRINT_NOISE = 2.0, 0.02
"""Print of one value is at most so much darker than that of another; measured, 1.7 at most."""
_WITHIN_ROW = 3.2


@dataclass(frozen=True)
class Features:
    """Of every bubble, from 0 to 1: ink inside it (`core`) and well outside it (`halo`).

    `peak` is the darkest fifth of the inside, `edge` the darkest sixth of inside and
    outline. What is printed there has been taken off.
    """

    core: Floats
    halo: Floats
    edge: Floats
    peak: Floats


def patches_of(picture: Gray, alignment: Alignment, page: Page) -> Floats:
    """Ink of every bubble of the page in the order of its groups: N x ROWS x COLUMNS, 0 to 1."""
    points = np.array([(b.x, b.y) for group in page.groups for b in group.bubbles])
    middle, right, down = (part.astype(np.float32) for part in alignment.local_axes(points))
    x, y = _offsets()
    # Around a bubble the page is flat enough for two axes in place of the whole homography.
    across = middle[:, :1] + right[:, :1] * x + down[:, :1] * y - np.float32(0.5)
    along = middle[:, 1:] + right[:, 1:] * x + down[:, 1:] * y - np.float32(0.5)
    shape = (len(points) * ROWS, COLUMNS)
    across, along = across.reshape(shape), along.reshape(shape)
    seen = cv2.remap(picture, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    paper, scale = _paper(picture, alignment)
    back = cv2.remap(
        paper, (across + 0.5) * scale - 0.5, (along + 0.5) * scale - 0.5,
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    ink = 1 - seen.astype(np.float32) / np.maximum(back, 1).astype(np.float32)
    return np.clip(ink, 0, 1).reshape(len(points), ROWS, COLUMNS).astype(np.float32)


@cache
def _offsets() -> tuple[Floats, Floats]:
    """Millimetres from the middle of the bubble to each pixel of a patch."""
    x = (np.arange(COLUMNS, dtype=np.float32) - (COLUMNS - 1) / 2) / PIXELS_PER_MM
    y = (np.arange(ROWS, dtype=np.float32) - (ROWS - 1) / 2) / PIXELS_PER_MM
    across, down = np.meshgrid(x, y)
    return (
        across.ravel()[None].astype(np.float32),
        down.ravel()[None].astype(np.float32),
    )


def _paper(picture: Gray, alignment: Alignment) -> tuple[Gray, np.float32]:
    """The brightness of the bare paper everywhere, and the scale of that small picture."""
    small, factor = reduced(picture, _PAPER_SIDE)
    scale = 1 / factor
    _, right, _ = alignment.local_axes(np.array([[alignment.width / 2, alignment.height / 2]]))
    side = max(5, round(float(np.hypot(*right[0])) * scale * _CLOSING_MM) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel)
    return np.asarray(cv2.blur(closed, (3, 3)), np.uint8), np.float32(scale)


def features_of(patches: Floats, page: Page) -> Features:
    """The measures that the threshold goes by."""
    core, halo, about = _masks()
    flat = patches.reshape(len(patches), -1)
    inside = flat[:, core]
    values = np.array([b.value for group in page.groups for b in group.bubbles])
    kinds = np.array([len(group.bubbles) == 10 for group in page.groups for _ in group.bubbles])
    printed = values + _KIND * kinds
    return Features(
        core=_without_print(inside.mean(axis=1), printed),
        halo=_without_print(flat[:, halo].mean(axis=1), printed),
        edge=_without_print(_darkest(flat[:, about], 6), printed),
        peak=_without_print(_darkest(inside, 5), printed),
    )


def _darkest(pixels: Floats, part: int) -> Floats:
    """Mean of the darkest pixels of each row, of which they are one `part`-th."""
    count = max(1, pixels.shape[1] // part)
    return np.asarray(np.partition(pixels, -count, axis=1)[:, -count:].mean(axis=1), np.float32)


def _without_print(values: Floats, printed: npt.NDArray[np.int_]) -> Floats:
    """Less what the same print shows in the lighter bubbles of this page: their lower quartile.

    Where nearly all bubbles of a value are marked, as by a student who answers 3 throughout, their
    quartile is that of marks: the print of the other values says how dark print can be.
    """
    out = values.copy()
    kinds = printed // _KIND
    for kind in np.unique(kinds):
        glyphs = np.unique(printed[kinds == kind])
        quartiles = [float(np.percentile(values[printed == glyph], 25)) for glyph in glyphs]
        most = _PRINT_SPREAD * min(quartiles) + _PRINT_NOISE
        for glyph, quartile in zip(glyphs, quartiles, strict=True):
            out[printed == glyph] -= np.float32(min(quartile, most))
    return np.maximum(out, 0)


@cache
def _masks() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Pixels of a patch inside the oval, clearly outside it, and inside or on its outline.

    The first and last rows are left out: there run the lines between questions.
    """
    x, y = _offsets()
    far = np.sqrt((2 * x / BUBBLE_WIDTH) ** 2 + (2 * y / BUBBLE_HEIGHT) ** 2).ravel()
    rows = np.abs(y).ravel() < _WITHIN_ROW
    return far < 0.9, (far > 1.3) & rows, far < 1.55
