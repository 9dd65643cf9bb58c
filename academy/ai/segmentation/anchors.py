"""Where questions begin: numbers at the left edge of a column that form a chain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from academy.ai.pages.text import Line
from academy.ai.segmentation.regions import Region

_NUMBER: Final = re.compile(
    r"(?:문(?:제|항)?\s*)?(?:(\d{1,3})\s*(?:[.\uff0e)](?!\d)|번(?![가-힣]))"
    r"|\[\s*(\d{1,3})\s*\]|(0\d{1,2})(?:\s|$))"
)
"""1. 1) 1번 문제 1. [1] and, alone, 01."""
_GROUP: Final = re.compile(
    r"[\[(\u3010\u3014]\s*(\d{1,3})\s*(?:[~\u223c\u301c\uff5e-]|에서)\s*(\d{1,3})\s*[\])\u3011\u3015]"
)
"""[5~6], with any of the brackets and tildes in use."""
_EDGE: Final = 0.02
"""Of the page's width: how far from the column's edge a number may stand."""
_BACK: Final = 400
_GAP_COST: Final = 0.25
_MOST_GAP: Final = 12
_RESTART_COST: Final = 2.5


@dataclass(frozen=True)
class Anchor:
    """The first line of a question, or of what several share (then ``last`` is their last)."""

    number: int
    region: int
    line: Line
    last: int | None = None
    confidence: float = 1.0
    opens_page: bool = False


def anchors_of(regions: Sequence[Region], width: int) -> list[Anchor]:
    """The anchors of a document in reading order; ``width`` of its widest page, in pixels."""
    candidates: list[Anchor] = []
    groups: list[Anchor] = []
    page = 0
    for index, region in enumerate(regions):
        edge = _edge(region)
        for line in region.lines:
            if line.box[0] > edge + width * _EDGE:
                continue
            if group := _GROUP.match(line.text):
                first, last = int(group[1]), int(group[2])
                if first < last:
                    groups.append(Anchor(first, index, line, last))
            elif number := _NUMBER.match(line.text):
                value = int(number[1] or number[2] or number[3])
                if value:
                    opens = region.page != page
                    page = region.page
                    candidates.append(Anchor(value, index, line, opens_page=opens))
    chain = chained(candidates)
    numbers = {anchor.number for anchor in chain}
    shared = [one for one in groups if {one.number, one.last} & numbers]
    return sorted([*chain, *shared], key=lambda one: (one.region, one.line.box[1]))


def _edge(region: Region) -> int:
    """Where the lines of a column begin: a stray mark further left does not count."""
    lefts = sorted(line.box[0] for line in region.lines)
    return lefts[len(lefts) // 20]


def chained(candidates: Sequence[Anchor]) -> list[Anchor]:
    """The best chain of growing numbers, with a confidence for each.

    Numbers of a list within a question are left out because they break the chain. The chain may
    begin anew at 1 with the first number of a page: the next paper of a bundle.
    """
    scores: list[float] = []
    before: list[int | None] = []
    for at, one in enumerate(candidates):
        # A paper begins at 1 rather than anywhere.
        best, link = -0.05 * min(one.number - 1, 10), None
        for earlier in range(max(0, at - _BACK), at):
            cost = _cost(candidates[earlier], one)
            if cost is not None and scores[earlier] - cost > best:
                best, link = scores[earlier] - cost, earlier
        scores.append(best + 1)
        before.append(link)
    if not scores:
        return []
    picked: list[int] = []
    at_end: int | None = max(range(len(scores)), key=lambda index: scores[index])
    while at_end is not None:
        picked.append(at_end)
        at_end = before[at_end]
    chain = [candidates[index] for index in reversed(picked)]
    return [replace(one, confidence=_confidence(chain, at)) for at, one in enumerate(chain)]


def _cost(earlier: Anchor, later: Anchor) -> float | None:
    """What it costs to go on from one number to the other; None: impossible."""
    gap = later.number - earlier.number
    if gap == 1:
        return 0.0
    if 1 < gap <= _MOST_GAP:
        return _GAP_COST * (gap - 1)
    return _RESTART_COST if later.number == 1 and later.opens_page else None


def _confidence(chain: Sequence[Anchor], at: int) -> float:
    """1 where both neighbours fit, less where numbers are missing, least for one alone."""
    if len(chain) == 1:
        return 0.5
    number = chain[at].number
    fits = [number == 1 if at == 0 else chain[at - 1].number == number - 1 or number == 1]
    fits.append(at == len(chain) - 1 or chain[at + 1].number in {number + 1, 1})
    return (0.55, 0.8, 1.0)[sum(fits)]
