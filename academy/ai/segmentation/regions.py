"""The reading order of a page: its columns, and what spans them, each with its lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from academy.ai.pages.document import Box, Size
from academy.ai.pages.text import Line

_MIDDLE: Final = (0.3, 0.7)
_CROSSING: Final = (0.0, 0.03, 0.06, 0.12)
"""Shares of lines that may cross a gutter, such as headings over both columns, in turn."""
_NARROWEST: Final = 0.01
"""Of the width: the gap between two columns."""
MARGIN: Final = 0.09
"""Of the height, at the top and the bottom: where running heads and page numbers stand."""
_PAGE_NUMBER: Final = re.compile(r"[-\u2013\u2014\s/|]*\d{1,3}(?:[-\u2013\u2014\s/|]+\d{0,3})*")
_DIGITS: Final = re.compile(r"\d+")
_QUESTION: Final = re.compile(r"\d{1,3}(?:[.)]|번)(?=\D)")


@dataclass(frozen=True)
class Page:
    """A page's lines; ``number`` from 1. ``running``: known to be no part of the text."""

    number: int
    size: Size
    lines: tuple[Line, ...]
    running: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Region:
    """A part of a page that is read from top to bottom; ``spans`` lies over several columns."""

    page: int
    box: Box
    lines: tuple[Line, ...]
    spans: bool = False


def without_running_heads(pages: Sequence[Page]) -> list[Page]:
    """The pages of a text layer with running heads and page numbers told from the text."""
    running = _running(pages)
    return [
        Page(
            page.number,
            page.size,
            tuple(line for line in page.lines if not _is_running(line, page, running)),
            tuple(line for line in page.lines if _is_running(line, page, running)),
        )
        for page in pages
    ]


def _running(pages: Sequence[Page]) -> set[tuple[str, bool]]:
    """Texts (digits apart) that stand in a margin of more than one page.

    The number of a question is no page number: where it differs, "12. Which is right?" at the top
    of a page is another question than "16. Which is right?".
    """
    seen: Counter[tuple[str, bool]] = Counter()
    for page in pages:
        seen.update({_key(line, page) for line in page.lines if _in_margin(line, page)})
    return {key for key, count in seen.items() if count > 1}


def _key(line: Line, page: Page) -> tuple[str, bool]:
    text = "".join(line.text.split())
    question = _QUESTION.match(text)
    begin = 0 if question is None else question.end()
    return text[:begin] + _DIGITS.sub("#", text[begin:]), line.box[1] * 2 < page.size.height


def _in_margin(line: Line, page: Page) -> bool:
    height = page.size.height
    return line.box[3] < height * MARGIN or line.box[1] > height * (1 - MARGIN)


def _is_running(line: Line, page: Page, running: set[tuple[str, bool]]) -> bool:
    if not _in_margin(line, page):
        return False
    return _key(line, page) in running or bool(_PAGE_NUMBER.fullmatch(line.text))


def regions_of(page: Page) -> list[Region]:
    """Every region of a page in reading order."""
    lines = page.lines
    if not lines:
        return []
    width = page.size.width
    top = min(line.box[1] for line in lines)
    # What is below the last line may be a figure; below a page's number there is nothing.
    bottom = _floor(page)
    gutter = _gutter(lines, width)
    if gutter is None:
        return [Region(page.number, (0, top, width, bottom), _sorted(lines))]
    regions: list[Region] = []
    spanning = _sorted([line for line in lines if line.box[0] < gutter < line.box[2]])
    rest = [line for line in lines if not line.box[0] < gutter < line.box[2]]
    start = top
    for at in range(len(spanning) + 1):
        span = spanning[at] if at < len(spanning) else None
        end = bottom if span is None else span.box[1]
        for x0, x1 in ((0, gutter), (gutter, width)):
            own = _sorted([
                line for line in rest if start <= _middle(line) < end and x0 <= line.box[0] < x1
            ])  # fmt: skip
            if own:
                regions.append(Region(page.number, (x0, start, x1, end), own))
        if span is not None:
            start = max(start, span.box[3])
            regions.append(Region(page.number, (0, span.box[1], width, start), (span,), spans=True))
    return regions


def _floor(page: Page) -> int:
    height = page.size.height
    below = [line.box[1] for line in page.running if line.box[1] * 2 > height]
    return max(min([*below, height]), *(line.box[3] for line in page.lines))


def _middle(line: Line) -> float:
    return (line.box[1] + line.box[3]) / 2


def _sorted(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: (line.box[1], line.box[0])))


def _gutter(lines: Sequence[Line], width: int) -> int | None:
    """The middle of the widest strip that hardly any line crosses; None for one column.

    Strips that fewer lines cross come first: where a column is nearly empty, hardly any crosses it.
    """
    crossing = [0] * (width + 2)
    for line in lines:
        crossing[max(0, min(width, line.box[0]))] += 1
        crossing[max(0, min(width + 1, line.box[2] + 1))] -= 1
    crossed = list(accumulate(crossing))
    for share in _CROSSING:
        middle = _strip(crossed, int(share * len(lines)), width)
        if middle is None:
            continue
        left = sum(line.box[2] <= middle for line in lines)
        right = sum(line.box[0] >= middle for line in lines)
        if min(left, right) >= max(2, len(lines) // 20):
            return middle
    return None


def _strip(crossed: Sequence[int], most: int, width: int) -> int | None:
    """The middle of the widest strip, near the page's, that so many lines cross at most."""
    low, high = int(width * _MIDDLE[0]), int(width * _MIDDLE[1])
    best, start = (0, 0), None
    for x in range(width + 1):
        free = crossed[x] <= most and low <= x < high
        if free and start is None:
            start = x
        elif not free and start is not None:
            best = max(best, (start, x), key=lambda strip: strip[1] - strip[0])
            start = None
    return None if best[1] - best[0] < width * _NARROWEST else sum(best) // 2
