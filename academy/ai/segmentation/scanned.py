"""A page without a text layer: straightened, cleaned, its lines and the numbers they begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from academy.ai.pages.document import Box, Gray, Size
from academy.ai.pages.paper import ink_of, without_rules
from academy.ai.pages.text import Line
from academy.ai.segmentation.marks import EDGE, Mark
from academy.ai.segmentation.numbers.network import Kind, NumberNetwork, Reading
from academy.ai.segmentation.numbers.patches import Head, patches_of
from academy.ai.segmentation.regions import MARGIN, Page, Region

_TEXT: Final = (8, 120)
"""Pixels: what is lower or higher is no letter."""
_WORDS: Final = 1.5
"""Of the letters' height: what joins a line, to see how tall lines are."""
_FEW: Final = 5
_SPECK: Final = 0.1
"""Of the text's height, across: dirt, where it stands alone."""
_DOT: Final = 0.45
_NEAR: Final = 0.5
"""Of the text's height: a dot no larger, with no letter so near, is dirt too."""
_THIN, _UPRIGHT = 0.3, 1.6
_FIGURE: Final = 2.5
"""Of the text's height: what is larger is no letter."""
_FRAME: Final = 0.6
"""Of the page: what is larger is a frame around more than one question."""
_JOIN: Final = 0.9
"""Of the text's height: letters nearer than that are of one line."""
_HEAD: Final = 2.2
"""Of the text's height: how much of a line says where it begins and how tall it is."""
_APART: Final = 1.0
"""Of the text's height: the white between a running head and the text is no narrower."""
_CROOKED: Final = 4.0
"""Degrees: a page so far from level was photographed in passing."""
_DARK: Final = 200
_SURE: Final = 0.9
_LEAST: Final = 0.02
"""Below it what a line begins with is certainly no number."""
_SLOPES: Final = np.arange(-0.06, 0.0601, 0.002)
"""Of a column's edge: a page photographed from one side is narrower at one end."""


@dataclass(frozen=True)
class Seen:
    """What was seen of a page: its lines, where each begins, figures, the height of its text.

    ``clean`` is the page without specks and rules.
    """

    clean: Gray
    page: Page
    heads: dict[Line, Head]
    figures: list[Box]
    text_height: float

    @property
    def printed(self) -> list[Box]:
        """The boxes of everything that is printed."""
        return [*(line.box for line in self.heads), *self.figures]


def seen(straight: Gray, number: int) -> Seen:
    """The lines and figures of a straightened page."""
    height, width = straight.shape
    size = Size(width, height, None)
    bare = without_rules(straight)
    clean, text_height = _without_specks(bare)
    heads = _heads(clean, text_height)
    lines = list(heads)
    kept, running = _without_margins(lines, height, text_height)
    page = Page(number, size, tuple(kept), tuple(running))
    return Seen(clean, page, heads, _figures(straight, text_height), text_height)


def _figures(straight: Gray, text_height: float) -> list[Box]:
    """Frames, tables and drawings: what is larger than letters and no rule of the page's own."""
    ink = ink_of(straight)
    height, width = ink.shape
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    wide, tall = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    large = (np.maximum(wide, tall) > _FIGURE * text_height) & ~_rules(stats, text_height)
    large &= (wide < _FRAME * width) & (tall < _FRAME * height)
    large &= ~_beyond_the_paper(stats, ink.shape, text_height)
    return [(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in stats[large]]


def _rules(stats: Any, text_height: float) -> Any:
    """Upright lines, also crooked ones, that stand alone: the rule between two columns."""
    wide, tall = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    thin = stats[:, cv2.CC_STAT_AREA] <= _THIN * text_height * tall
    return (thin & (wide <= 0.1 * tall) & (tall >= 4 * text_height)) | (
        (wide <= _THIN * text_height) & (tall >= _UPRIGHT * text_height)
    )


def _without_specks(gray: Gray) -> tuple[Gray, float]:
    """The page without dirt, and the height of its text in pixels."""
    ink = ink_of(gray)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    wide, tall = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    text_height = _text_height(ink, stats)
    longest = np.maximum(wide, tall)
    dirt = longest <= max(2.0, _SPECK * text_height)
    dirt |= _alone(labels, longest, text_height) | _beyond_the_paper(stats, ink.shape, text_height)
    # What is left of a rule that was too crooked to be removed whole.
    dirt |= _rules(stats, text_height)
    dirt[0] = False
    if not dirt.any():
        return gray, text_height
    # The gray around a speck goes with it.
    gone = dirt[labels]
    where = cv2.dilate(gone.astype(np.uint8), np.ones((3, 3), np.uint8))
    where[(ink > 0) & ~gone] = 0
    return np.asarray(np.where(where > 0, 255, gray), np.uint8), text_height


def _alone(labels: Any, longest: Any, text_height: float) -> Any:
    """Dots far from any letter: a full stop is never."""
    dots = longest <= _DOT * text_height
    letters = ~dots
    letters[0] = False
    reach = 2 * round(_NEAR * text_height) + 1
    near = cv2.dilate(letters[labels].astype(np.uint8), np.ones((reach, reach), np.uint8))
    beside = np.zeros(len(longest), bool)
    beside[np.unique(labels[near > 0])] = True
    return dots & ~beside


def _text_height(ink: Gray, stats: Any) -> float:
    """Of most lines, in pixels; of most letters where there are hardly any lines.

    In crisp print the parts of a Korean syllable do not touch: letters alone say too little.
    """
    wide, tall, area = (
        stats[1:, column] for column in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    letters = (tall >= _TEXT[0]) & (tall <= _TEXT[1]) & (wide <= 4 * tall)
    parts = _median(tall[letters], area[letters])
    reach = max(3, round(_WORDS * parts)) | 1
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    wide, tall = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
    lines = (tall >= _TEXT[0]) & (tall <= 3 * parts) & (wide >= 3 * tall)
    return _median(tall[lines], wide[lines]) if lines.sum() >= _FEW else parts


def _median(values: Any, weights: Any) -> float:
    """Weighted; 24 (print of 10 points at 200 dpi) of nothing."""
    if len(values) == 0:
        return 24.0
    order = np.argsort(values)
    weight = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(weight, 0.5 * weight[-1])])


def _beyond_the_paper(stats: Any, shape: tuple[int, ...], text_height: float) -> Any:
    """Large dark parts at the edge of the picture: the table below the page, a scanner's lid."""
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right = left + stats[:, cv2.CC_STAT_WIDTH]
    bottom = top + stats[:, cv2.CC_STAT_HEIGHT]
    touches = (left == 0) | (top == 0) | (right == shape[1]) | (bottom == shape[0])
    longest = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    return touches & (longest > 3 * text_height)


def _heads(clean: Gray, text_height: float) -> dict[Line, Head]:
    """Every run of ink that is a line or a part of one, and where it begins."""
    ink = ink_of(clean)
    # Closed sideways only: lines stay apart also where they are not quite level.
    reach = max(3, round(_JOIN * text_height)) | 1
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found: dict[Line, Head] = {}
    for part in range(1, count):
        left, top, wide, tall, area = (int(value) for value in stats[part])
        if tall < 0.25 * text_height or area < 0.1 * text_height**2:
            continue
        first = slice(left, left + min(wide, round(_HEAD * text_height)))
        own = (labels[top : top + tall, first] == part) & (ink[top : top + tall, first] > 0)
        rows = np.flatnonzero(own.any(axis=1))
        line = Line((left, top, left + wide, top + tall), "")
        if len(rows):
            found[line] = Head(left, top + int(rows[0]), top + int(rows[-1]) + 1)
    return found


def _without_margins(
    lines: list[Line], height: int, text_height: float
) -> tuple[list[Line], list[Line]]:
    """The text's lines, and those in the margins which white divides from them."""
    if not lines:
        return [], []
    top, bottom = height * MARGIN, height * (1 - MARGIN)
    bands: list[tuple[int, int]] = []
    for first, last in sorted((line.box[1], line.box[3]) for line in lines):
        if bands and first - bands[-1][1] < _APART * text_height:
            bands[-1] = (bands[-1][0], max(bands[-1][1], last))
        else:
            bands.append((first, last))
    outside = [band for band in bands if band[1] < top or band[0] > bottom]
    if len(outside) == len(bands):
        return lines, []
    running = [line for line in lines if any(low <= line.box[1] < high for low, high in outside)]
    return [line for line in lines if line not in set(running)], running


def marks_of_picture(region: Region, index: int, page: Seen, network: NumberNetwork) -> list[Mark]:
    """The marks of a column of a picture."""
    lines = _at_the_edge(region, page)
    heads = [page.heads[line] for line in lines]
    readings = network.read(patches_of(page.clean, heads, page.text_height))
    marks = (
        _mark(index, line, head, reading)
        for line, head, reading in zip(lines, heads, readings, strict=True)
    )
    return [mark for mark in marks if mark is not None]


def _at_the_edge(region: Region, page: Seen) -> list[Line]:
    """The lines at the left edge of the column, however it leans, from above."""
    first = [line for line in region.lines if line in page.heads and _is_first(line, region)]
    if not first:
        return []
    width = page.page.size.width
    lefts = np.array([line.box[0] for line in first], float)
    downs = np.array([page.heads[line].top for line in first], float)
    near = 0.4 * page.text_height

    def edge(slope: float) -> tuple[int, float]:
        level = np.sort(lefts - slope * downs)
        at = float(level[len(level) // 20])
        return int((np.abs(level - at) <= near).sum()), at

    # The steepest edge only where it explains more lines than the upright one.
    slope = max(_SLOPES, key=lambda one: (edge(one)[0], -abs(one))) if len(first) > 5 else 0.0
    _, at = edge(slope)
    kept = lefts - slope * downs <= at + EDGE * width
    return [line for line, keep in zip(first, kept, strict=True) if keep]


def _is_first(line: Line, region: Region) -> bool:
    """Whether nothing of the column stands left of the line."""
    left, top, _, bottom = line.box
    middle = (top + bottom) / 2
    return not any(
        other.box[0] < left and other.box[1] <= middle <= other.box[3] for other in region.lines
    )


def _mark(index: int, line: Line, head: Head, reading: Reading) -> Mark | None:
    if reading.kind is Kind.OTHER and reading.kinds[Kind.NUMBER] < _LEAST:
        return None
    left, _, right, _ = line.box
    box = (left, head.top, right, head.bottom)
    if reading.kind is Kind.GROUP:
        return Mark(index, box, reading.values, reading.lasts, reading.kinds[Kind.GROUP])
    circled = reading.kind is Kind.CIRCLED
    sure = reading.kinds[Kind.CIRCLED if circled else Kind.NUMBER]
    return Mark(index, box, reading.values, (), sure, circled)


def trust_of(angle: float, page: Seen, marks: Sequence[Mark]) -> float:
    """How far a page's boxes can be trusted, 0 to 1."""
    if abs(angle) > _CROOKED or page.clean.mean() < _DARK:
        return 0.6
    return 0.95 if any(mark.sure > _SURE for mark in marks) else 0.8
