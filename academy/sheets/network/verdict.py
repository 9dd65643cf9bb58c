"""From the committee's word to readings. Needs torch.

A person has been called already: what takes a group back from them must be sure. Every member and
the first reading name the same values, no bubble is in doubt, and there is more in the group than
one faint trace, which may be a mark or the rest of an erasure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from academy.sheets.network.committee import Committee, by_group
from academy.sheets.reading.align import Floats, Pixels
from academy.sheets.reading.engine import Reader
from academy.sheets.reading.page import Located, PageGroups
from academy.sheets.reading.results import REVIEW_BELOW, GroupReading, status_of
from academy.sheets.reading.review import groups_of

CERTAIN: Final = 0.95
"""Of the least certain bubble."""
_DOUBTED: Final = 0.5


class SecondReader:
    """A first reader, and the committee for what it doubts: both at once, to measure them."""

    def __init__(self, first: Reader, committee: Committee) -> None:
        self._first = first
        self._committee = committee

    def read(self, pixels: Pixels, located: Located) -> PageGroups:
        """Every group of the page as it counts after both."""
        read = self._first.read(pixels, located)
        doubtful = {reading.key for reading in read.readings if reading.needs_review}
        if not doubtful:
            return read
        cut = groups_of(pixels, read, lambda group: group.key in doubtful)
        again = verdicts(self._committee, cut.groups, cut.planes, cut.scalars)
        certain = {reading.key: reading for reading in again if not reading.needs_review}
        readings = tuple(certain.get(reading.key, reading) for reading in read.readings)
        return PageGroups(located, readings, engine=f"{read.engine}+committee")


def verdicts(
    committee: Committee,
    groups: Sequence[Mapping[str, Any]],
    planes: np.ndarray[Any, Any],
    scalars: Floats,
) -> list[GroupReading]:
    """The committee's reading of groups as `reading.review.cut` tells them.

    `planes` and `scalars` are of all their bubbles in turn.
    """
    if not groups:
        return []
    sizes = np.array([len(group["values"]) for group in groups], np.int64)
    owner = np.repeat(np.arange(len(groups)), sizes)
    present = by_group(np.ones(len(owner), np.bool_), owner)
    word = committee.hear(by_group(planes, owner), by_group(scalars, owner), present)
    readings = []
    for number, group in enumerate(groups):
        shares = word.shares[number, : sizes[number]]
        values = tuple(
            int(value) for value, share in zip(group["values"], shares, strict=True) if share > 0.5
        )
        sure = float(np.maximum(shares, 1 - shares).min())
        same = bool(word.agreed[number]) and values == tuple(group["first"])
        if group["unsettled"] or not same:
            sure = min(sure, _DOUBTED)
        elif sure < CERTAIN:
            sure = min(sure, REVIEW_BELOW - 0.01)
        confidence = round(sure, 4)
        readings.append(
            GroupReading(group["key"], values, status_of(len(values), confidence), confidence)
        )
    return readings
