"""Every bubble of a page as a small picture of ink, with the paper's brightness divided out.

Ink is what the red channel lacks: there the pink print is nearly as bright as the paper. So is the
ink of a red pen. It is found as what green lacks and red does not, beyond what the print of the
same bubbles elsewhere on the page lacks; its bubbles are then seen through green, without print.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.sheets.layout import Page
from academy.sheets.layout.geometry import BUBBLE_HEIGHT, BUBBLE_WIDTH
from academy.sheets.reading.align import Alignment, Floats, Gray, Pixels, reduced

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
_COARSE = 2
"""Colour is looked for in every second pixel of a patch."""
_COLOUR = (0.06, 0.12, 0.1)
"""What green lacks beyond print: inside, in its darkest fifth, and with the outline.

Without colour at most .04, .09 and .07 were seen on photos in bad light; of red marks all but the
faintest are above .1, .2 and .2.
"""
_BARE = 3
_PINK = np.float32(0.5)
"""Print lacks at most so much of green."""


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


@dataclass(frozen=True)
class Ink:
    """Ink of every bubble of a page in the order of its groups.

    `patches` are N x ROWS x COLUMNS, from 0 to 1; `coloured` says in which bubbles lies ink that
    the red channel hardly shows.
    """

    patches: Floats
    coloured: npt.NDArray[np.bool_]


def ink_of(pixels: Pixels, alignment: Alignment, page: Page) -> Ink:
    """The ink of a page."""
    points = np.array([(b.x, b.y) for group in page.groups for b in group.bubbles])
    middle, right, down = (part.astype(np.float32) for part in alignment.local_axes(points))
    x, y = _offsets()
    # Around a bubble the page is flat enough for two axes in place of the whole homography.
    across = middle[:, :1] + right[:, :1] * x + down[:, :1] * y - np.float32(0.5)
    along = middle[:, 1:] + right[:, 1:] * x + down[:, 1:] * y - np.float32(0.5)
    shape = (len(points) * ROWS, COLUMNS)
    across, along = across.reshape(shape), along.reshape(shape)
    seen = _at(pixels.red, across, along)
    paper, scale = _paper(pixels.red, alignment)
    back = np.maximum(_at(paper, (across + 0.5) * scale - 0.5, (along + 0.5) * scale - 0.5), 1)
    cells = (len(points), ROWS, COLUMNS)
    red = _ink(seen, back).reshape(cells)
    nothing = np.zeros(len(points), np.bool_)
    if pixels.rgb is None:
        return Ink(red, nothing)
    coarse = (slice(None, None, _COARSE), slice(None, None, _COARSE))
    green = _green_ink(pixels.rgb, across[coarse], along[coarse], back[coarse])
    green = green.reshape(len(points), ROWS // _COARSE, COLUMNS // _COARSE)
    extra = np.maximum(green - red[:, ::_COARSE, ::_COARSE], 0)
    coloured = _coloured(extra, page)
    if not coloured.any():
        return Ink(red, nothing)
    green = _green_ink(pixels.rgb, across, along, back).reshape(cells)
    printed = _prints(page)
    for glyph in np.unique(printed[coloured]):
        chosen = coloured & (printed == glyph)
        bare = _print_of(glyph, green, printed, coloured)
        red[chosen] = np.maximum(red[chosen], green[chosen] - bare)
    return Ink(red, coloured)


def _print_of(
    glyph: int, green: Floats, printed: npt.NDArray[np.int_], coloured: npt.NDArray[np.bool_]
) -> Floats:
    """What of green the print of these bubbles takes, as those without a coloured mark show it.

    Where nearly all of them have one, as of a student who answers 3 throughout, bubbles with
    another print must do.
    """
    bare = ~coloured & (printed == glyph)
    if bare.sum() < _BARE:
        bare = ~coloured & (printed // _KIND == glyph // _KIND)
    if not bare.any():
        return np.full(green.shape[1:], _PINK, np.float32)
    return np.asarray(np.minimum(np.percentile(green[bare], 25, axis=0), _PINK), np.float32)


def _at(picture: npt.NDArray[np.uint8], across: Floats, along: Floats) -> npt.NDArray[np.uint8]:
    """Pixels of a picture at these places."""
    return np.asarray(
        cv2.remap(picture, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def _ink(seen: npt.NDArray[np.uint8], back: npt.NDArray[np.generic]) -> Floats:
    ink = 1 - seen.astype(np.float32) / back.astype(np.float32)
    return np.clip(ink, 0, 1).astype(np.float32)


def _green_ink(
    rgb: npt.NDArray[np.uint8], across: Floats, along: Floats, back: npt.NDArray[np.uint8]
) -> Floats:
    """What green lacks. The light has one colour, which most of what is seen tells: paper."""
    seen = _at(rgb, across, along)
    bright = seen[..., 1].astype(np.float32) / np.maximum(seen[..., 0], 1)
    tint = float(np.median(bright[::3]))
    return _ink(seen[..., 1], back * np.float32(max(tint, 0.05)))


def _coloured(extra: Floats, page: Page) -> npt.NDArray[np.bool_]:
    """In which bubbles green lacks more than print does; `extra` is of every second pixel."""
    core, _, about = _masks(_COARSE)
    flat = extra.reshape(len(extra), -1)
    printed = _prints(page)
    inside = _without_print(flat[:, core].mean(axis=1), printed)
    darkest = _without_print(_darkest(flat[:, core], 5), printed)
    edge = _without_print(_darkest(flat[:, about], 6), printed)
    return np.asarray(
        (inside > _COLOUR[0]) | (darkest > _COLOUR[1]) | (edge > _COLOUR[2]), np.bool_
    )


def _prints(page: Page) -> npt.NDArray[np.int_]:
    """What is printed in each bubble, as a number."""
    values = np.array([b.value for group in page.groups for b in group.bubbles])
    kinds = np.array([len(group.bubbles) == 10 for group in page.groups for _ in group.bubbles])
    return np.asarray(values + _KIND * kinds, np.int_)


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
    core, halo, about = _masks(1)
    flat = patches.reshape(len(patches), -1)
    inside = flat[:, core]
    printed = _prints(page)
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
def _masks(
    step: int,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Pixels of a patch inside the oval, clearly outside it, and inside or on its outline.

    Of every `step`-th pixel. The first and last rows are left out: there run the lines between
    questions.
    """
    x, y = (part.reshape(ROWS, COLUMNS)[::step, ::step] for part in _offsets())
    far = np.sqrt((2 * x / BUBBLE_WIDTH) ** 2 + (2 * y / BUBBLE_HEIGHT) ** 2).ravel()
    rows = np.abs(y).ravel() < _WITHIN_ROW
    return far < 0.9, (far > 1.3) & rows, far < 1.55
