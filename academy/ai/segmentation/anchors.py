"""Where questions begin: marks at the left edges of columns whose numbers form a chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from academy.ai.pages.document import Box
from academy.ai.segmentation.marks import Mark
from academy.ai.segmentation.regions import Region

_BACK: Final = 400
_GAP_COST: Final = 0.25
_MOST_GAP: Final = 12
_RESTART_COST: Final = 2.5
_LEAST_SURE: Final = 0.25
"""Below it the heading of a group in a picture is none."""
_LEAST_WEIGHT: Final = 0.02
_FILLS: Final = 0.6
"""So sure must it be that a mark is a number, to take the one that its neighbours leave."""
_CERTAIN: Final = 0.9
"""A number read so surely is not another one."""
_GUESSED: Final = 0.1
_FIT: Final = (0.55, 0.8, 1.0)
"""Confidence where so many neighbours are the numbers before and after."""
_ALONE: Final = 0.5


@dataclass(frozen=True)
class Anchor:
    """The first line of a question, or of what several share (then ``last`` is their last).

    ``number_confidence``: that the number is this one; ``confidence``: that a question begins
    here and is whole.
    """

    number: int
    region: int
    box: Box
    last: int | None = None
    confidence: float = 1.0
    number_confidence: float = 1.0


@dataclass(frozen=True)
class _Link:
    """A mark taken as one of the numbers that it may be."""

    mark: int
    number: int
    weight: float
    opens_page: bool


def anchors_of(regions: Sequence[Region], marks: Sequence[Mark]) -> list[Anchor]:
    """The anchors of a document in reading order; ``marks`` are in that order too."""
    numbers = [mark for mark in marks if not mark.is_group and not mark.circled]
    chain = _anchored(numbers, regions)
    if len(chain) < 2:
        # Circled numbers are choices, unless a test has no other numbers.
        circled = _anchored([mark for mark in marks if mark.circled], regions)
        chain = max(chain, circled, key=len)
    return sorted([*chain, *_groups(marks, chain)], key=lambda one: (one.region, one.box[1]))


def _anchored(marks: Sequence[Mark], regions: Sequence[Region]) -> list[Anchor]:
    links = _links(marks, regions)
    chain = _filled(chained(links), marks)
    return [_anchor(chain, at, marks[link.mark]) for at, link in enumerate(chain)]


def _links(marks: Sequence[Mark], regions: Sequence[Region]) -> list[_Link]:
    links = []
    page = 0
    for at, mark in enumerate(marks):
        opens = regions[mark.region].page != page
        page = regions[mark.region].page
        # Hardly a number, and yet the one that is missing just there: the chain may need it.
        links += [
            _Link(at, value, mark.sure * share, opens)
            for value, share in mark.values
            if mark.sure * share >= _LEAST_WEIGHT
        ]
    return links


def chained(links: Sequence[_Link]) -> list[_Link]:
    """The best chain of growing numbers.

    Numbers of a list within a question are left out because they break the chain. The chain may
    begin anew at 1 with the first number of a page: the next paper of a bundle.
    """
    scores: list[float] = []
    before: list[int | None] = []
    for at, one in enumerate(links):
        # A paper begins at 1 rather than anywhere.
        best, link = -0.05 * min(one.number - 1, 10), None
        for earlier in range(max(0, at - _BACK), at):
            cost = _cost(links[earlier], one)
            if cost is not None and scores[earlier] - cost > best:
                best, link = scores[earlier] - cost, earlier
        scores.append(best + one.weight)
        before.append(link)
    if not scores:
        return []
    picked: list[int] = []
    at_end: int | None = max(range(len(scores)), key=lambda index: scores[index])
    while at_end is not None:
        picked.append(at_end)
        at_end = before[at_end]
    return [links[index] for index in reversed(picked)]


def _cost(earlier: _Link, later: _Link) -> float | None:
    """What it costs to go on from one number to the other; None: impossible."""
    if earlier.mark == later.mark:
        return None
    gap = later.number - earlier.number
    if gap == 1:
        return 0.0
    if 1 < gap <= _MOST_GAP:
        return _GAP_COST * (gap - 1)
    return _RESTART_COST if later.number == 1 and later.opens_page else None


def _filled(chain: Sequence[_Link], marks: Sequence[Mark]) -> list[_Link]:
    """The chain with its gaps filled by marks whose numbers could not be read.

    Only where there are as many of them as numbers are missing: which is which is then certain.
    """
    filled = list(chain[:1])
    for earlier, later in pairwise(chain):
        missing = range(earlier.number + 1, later.number)
        unread = [
            at
            for at in range(earlier.mark + 1, later.mark)
            if marks[at].sure >= _FILLS and _best(marks[at]) < _CERTAIN
        ]
        if missing and len(missing) == len(unread):
            filled += [
                _Link(at, number, _GUESSED, opens_page=False)
                for at, number in zip(unread, missing, strict=True)
            ]
        filled.append(later)
    return filled


def _best(mark: Mark) -> float:
    return mark.values[0][1] if mark.values else 0.0


def _anchor(chain: Sequence[_Link], at: int, mark: Mark) -> Anchor:
    link = chain[at]
    fit = _fit(chain, at)
    # What was hardly read is believed where both neighbours leave no other number.
    read = dict(mark.values).get(link.number, _GUESSED)
    number = fit * (1 - (1 - read) * (0.3 if fit == _FIT[2] else 1.0))
    whole = fit * (1 - (1 - mark.sure) * 0.5)
    return Anchor(
        link.number, mark.region, mark.box,
        confidence=round(min(whole, (1 + number) / 2), 3), number_confidence=round(number, 3),
    )  # fmt: skip


def _fit(chain: Sequence[_Link], at: int) -> float:
    """1 where both neighbours fit, less where numbers are missing, least for one alone."""
    if len(chain) == 1:
        return _ALONE
    number = chain[at].number
    fits = [number == 1 if at == 0 else chain[at - 1].number == number - 1 or number == 1]
    fits.append(at == len(chain) - 1 or chain[at + 1].number in {number + 1, 1})
    return _FIT[sum(fits)]


def _groups(marks: Sequence[Mark], chain: Sequence[Anchor]) -> list[Anchor]:
    """The headings of groups that fit the questions around them."""
    groups = []
    for mark in marks:
        if not mark.is_group or mark.sure < _LEAST_SURE:
            continue
        following = [one for one in chain if _place(one) > (mark.region, mark.box[1])][:1]
        anchor = _group(mark, {one.number for one in chain}, following)
        if anchor is not None:
            groups.append(anchor)
    return groups


def _place(anchor: Anchor) -> tuple[int, int]:
    return anchor.region, anchor.box[1]


def _group(mark: Mark, numbers: set[int], following: Sequence[Anchor]) -> Anchor | None:
    pairs = sorted(
        (
            (share * other * mark.sure, first, last)
            for first, share in mark.values
            for last, other in mark.lasts
            if first < last
        ),
        reverse=True,
    )
    fitting = [pair for pair in pairs if {pair[1], pair[2]} & numbers]
    # Of what may stand there, the group that begins with the question below it.
    below = [pair for pair in fitting if following and pair[1] == following[0].number]
    for share, first, last in (*below, *fitting):
        sure = round(share, 3)
        return Anchor(first, mark.region, mark.box, last, sure, sure)
    return None


def weakened(anchor: Anchor, most: float) -> Anchor:
    """The anchor with a confidence of at most so much."""
    return replace(anchor, confidence=min(anchor.confidence, most))
