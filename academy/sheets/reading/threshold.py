"""Marks by darkness: fast, sure of ordinary marks, and honest about the others.

A bubble is judged by its ink relative to the ink of this sheet's own marks, so that a light pencil
is not taken for an erasure, nor the rest of an erasure for a mark. What a measure of darkness
cannot tell (a thin tick, a bubble struck through) is told from its shape: ink around the bubble,
or a dark line in a light one. Such groups get a low confidence and go to the network, or to a
person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from academy.sheets.layout import Group
from academy.sheets.reading.align import Floats
from academy.sheets.reading.patches import Features
from academy.sheets.reading.results import GroupReading, status_of

Bools = npt.NDArray[np.bool_]

_WEAKEST = 0.06
"""Ink below this is never a mark: noise, print, a shadow in the paper."""
_TYPICAL = (0.25, 0.9)
_CUT = (0.3, 0.6)
"""Of a typical mark: the threshold lies between these shares."""
_SOFT = 0.1
_DOUBT = 0.6
_THIN = 0.35
_BEYOND = 0.06
_FAINT = (0.1, 0.65, 0.7)
"""Ink in a bubble, of a typical mark; below the second it is faint beside a darker one, of that;
below the third it is faint where it stands alone."""
_OUT, _LEAST = 6.0, 0.025
"""Ink is noise up to so many spreads of the empty bubbles, and below this in any case."""
LONE: Final = 2.5
_BESIDE, _RIVAL = 4.0, 1.5


@dataclass(frozen=True)
class Sheet:
    """How dark marks are on this sheet, and where the cut lies; ink from 0 to 1."""

    typical: float
    cut: float
    faint: bool = False
    """Marks are so faint that a further one may be hidden in the noise of the page."""


def measure(features: Features, groups: Sequence[Group]) -> Sheet:
    """The darkness of this sheet's ordinary marks, and the cut between marks and none."""
    core = features.core
    starts = np.cumsum([0, *(len(group.bubbles) for group in groups)])[:-1]
    darkest = np.maximum.reduceat(core, starts)
    marked = darkest[darkest > _WEAKEST]
    middle = float(np.median(marked)) if marked.size >= 3 else 0.5
    typical = float(np.clip(middle, *_TYPICAL))
    cut = float(np.clip(_otsu(core), _CUT[0] * typical, _CUT[1] * typical))
    return Sheet(typical, max(cut, _WEAKEST * 1.5), faint=middle < _TYPICAL[0])


def _otsu(values: Floats) -> float:
    """The cut with the largest variance between its two sides."""
    ordered = np.sort(values)
    count = np.arange(1, len(ordered))
    total = np.cumsum(ordered)
    below = total[:-1] / count
    above = (total[-1] - total[:-1]) / (len(ordered) - count)
    between = count * (len(ordered) - count) * (above - below) ** 2
    at = int(np.argmax(between))
    return float((ordered[at] + ordered[at + 1]) / 2)


def marked_shares(features: Features, sheet: Sheet, groups: Sequence[Group]) -> Floats:
    """How likely each bubble is meant, from 0 to 1."""
    core, halo = features.core, features.halo
    width = _SOFT * sheet.cut
    likely = 1 / (1 + np.exp(-np.clip((core - sheet.cut) / width, -30, 30)))
    # Struck through, circled, ticked or overfilled: ink where no bubble is.
    beyond = halo > _BEYOND * sheet.typical
    # A thin line in a light bubble, or a ring about it.
    thin = (core < sheet.cut) & (np.maximum(features.peak, features.edge) > _THIN * sheet.typical)
    # Between the rest of an erasure and a light mark.
    faint = (core > 0.3 * sheet.cut) & (core < sheet.cut * 1.35)
    weak = (core >= sheet.cut) & (core < 0.6 * sheet.typical)
    doubtful = beyond | thin | faint | weak | stands_out(features, sheet, groups)
    unsure = np.clip(likely, 1 - _DOUBT, _DOUBT)
    return np.asarray(np.where(doubtful, unsure, likely), np.float32)


def stands_out(features: Features, sheet: Sheet, groups: Sequence[Group]) -> Bools:
    """Bubbles of a group that reads blank in which there is more than this page's noise.

    A hard pencil leaves less on the paper than a share of a typical mark. Whether it left anything
    shows only beside what the page's empty bubbles show; where all marks are that faint, not even
    there, and the darkest bubble of every such group is named.
    """
    sizes = [len(group.bubbles) for group in groups]
    starts = np.cumsum([0, *sizes])[:-1]
    blank = np.repeat(np.maximum.reduceat(features.core, starts) < sheet.cut, sizes)
    out = np.zeros(len(blank), np.bool_)
    for values in (features.core, features.peak, features.edge):
        empty = values[features.core < sheet.cut]
        middle = np.median(empty)
        spread = 1.4826 * np.median(np.abs(empty - middle))
        out |= values - middle > max(_OUT * float(spread), _LEAST)
    if sheet.faint:
        out |= features.peak >= np.repeat(np.maximum.reduceat(features.peak, starts), sizes)
    return blank & out


def caution(features: Features, sheet: Sheet, groups: Sequence[Group]) -> Floats:
    """By how much to divide the network's log odds of each bubble; 1 where it can be trusted.

    A bubble faint for its sheet is the mark of a dying pen or the rest of an erasure. Where it
    stands alone it decides the answer; where it stands beside a dark one it decides whether there
    are two. Both need more than the usual certainty to count unseen, and so do two of the same
    darkness.
    """
    own = np.maximum(features.peak, features.edge) / sheet.typical
    sizes = [len(group.bubbles) for group in groups]
    starts = np.cumsum([0, *sizes])[:-1]
    darkest = np.repeat(np.maximum.reduceat(own, starts), sizes)
    inked = features.peak / sheet.typical > _FAINT[0]
    lone = inked & (darkest < _FAINT[2])
    beside = inked & (own < _FAINT[1] * darkest)
    rivals = np.add.reduceat((inked & ~beside).astype(np.int64), starts)
    rival = inked & (np.repeat(rivals, sizes) > 1)
    divisors = [(lone, LONE), (beside, _BESIDE), (rival, _RIVAL)]
    return np.select([where for where, _ in divisors], [by for _, by in divisors], 1.0).astype(
        np.float32
    )


def agreed(first: Floats, second: Floats) -> Floats:
    """The first word where the second is the same, and a doubtful second where it is not."""
    doubted = np.clip(second, 1 - _DOUBT, _DOUBT)
    return np.where((first > 0.5) == (second > 0.5), first, doubted).astype(np.float32)


def calmed(shares: Floats, divisors: Floats) -> Floats:
    """The same shares with their log odds divided: nearer to one half."""
    odds = np.log(np.clip(shares, 1e-6, 1) / np.clip(1 - shares, 1e-6, 1))
    return np.asarray(1 / (1 + np.exp(-odds / divisors)), np.float32)


def decide(shares: Floats, groups: Sequence[Group]) -> list[GroupReading]:
    """Each group's values and confidence from how likely its bubbles are meant."""
    readings, start = [], 0
    for group in groups:
        part = shares[start : start + len(group.bubbles)]
        start += len(group.bubbles)
        values = tuple(
            bubble.value for bubble, share in zip(group.bubbles, part, strict=True) if share > 0.5
        )
        confidence = round(float(np.prod(np.maximum(part, 1 - part))), 4)
        readings.append(
            GroupReading(group.key, values, status_of(len(values), confidence), confidence)
        )
    return readings
