"""The cascade: darkness for every group, the network only for those it cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from academy.sheets.layout import Group
from academy.sheets.network.inputs import planes_of, scalars_of
from academy.sheets.reading.align import Floats, Pixels
from academy.sheets.reading.page import Located, PageGroups
from academy.sheets.reading.patches import Ink, features_of, ink_of
from academy.sheets.reading.threshold import (
    agreed,
    calmed,
    caution,
    decide,
    marked_shares,
    measure,
    stands_out,
)

if TYPE_CHECKING:
    from academy.sheets.network.model import BubbleNetwork


_COLOURED_SHARE = 0.5
_UNSURE = 0.6
_MESSY = 0.1
"""Above this share of doubtful groups a page is looked at as a whole."""


def out_of_place(ink: Ink, shares: Floats, groups: Sequence[Group]) -> npt.NDArray[np.bool_]:
    """Marks in colour on a page that is filled in black, or beside a black one: whose are they?

    A teacher corrects in red. Where most of the marked groups are in colour, that is the
    student's pen.
    """
    starts = np.cumsum([0, *(len(group.bubbles) for group in groups)])[:-1]
    coloured = np.logical_or.reduceat(ink.coloured, starts)
    black = np.logical_or.reduceat((shares > 0.5) & ~ink.coloured, starts)
    theirs = coloured.sum() >= _COLOURED_SHARE * max(1, (coloured | black).sum())
    doubted = coloured & black if theirs else coloured
    return np.repeat(doubted, [len(group.bubbles) for group in groups]) & ink.coloured


def unsure(shares: Floats, odd: npt.NDArray[np.bool_]) -> Floats:
    """The same shares, but never certain where something is odd."""
    return np.where(odd, np.clip(shares, 1 - _UNSURE, _UNSURE), shares).astype(np.float32)


def never_blank(shares: Floats, seen: npt.NDArray[np.bool_], groups: Sequence[Group]) -> Floats:
    """The same shares, but no group is certainly blank in which something stands out."""
    sizes = [len(group.bubbles) for group in groups]
    starts = np.cumsum([0, *sizes])[:-1]
    blank = np.repeat(np.maximum.reduceat(shares, starts) <= 0.5, sizes)
    return np.where(seen & blank, np.maximum(shares, 1 - _UNSURE), shares).astype(np.float32)


class Reader:
    """Reads located pages; made once for a file. Without a network darkness alone decides."""

    def __init__(self, network: Path | None) -> None:
        self._network: BubbleNetwork | None = None
        if network is not None:
            # Only here: without a network there is no need for its runtime.
            from academy.sheets.network.model import BubbleNetwork  # noqa: PLC0415

            self._network = BubbleNetwork(network)

    @property
    def model(self) -> dict[str, str] | None:
        """Name and hash of the network."""
        return None if self._network is None else self._network.identity

    def read(self, pixels: Pixels, located: Located) -> PageGroups:
        """Every group of the page."""
        page = located.page
        ink = ink_of(pixels, located.alignment, page)
        patches = ink.patches
        features = features_of(patches, page)
        sheet = measure(features, page.groups)
        shares = marked_shares(features, sheet, page.groups)
        odd = out_of_place(ink, shares, page.groups)
        seen = stands_out(features, sheet, page.groups)
        shares = never_blank(unsure(shares, odd), seen, page.groups)
        readings = tuple(decide(shares, page.groups))
        # Of two dark bubbles one may be struck through.
        doubtful = [reading.needs_review or len(reading.values) > 1 for reading in readings]
        if self._network is None or not any(doubtful):
            return PageGroups(located, readings)
        # The network's word on every bubble of the uncertain groups; on a page with many of them
        # darkness alone is to be trusted in none.
        sizes = [len(group.bubbles) for group in page.groups]
        alone = np.repeat(doubtful, sizes)
        asked = alone | (np.mean(doubtful) > _MESSY)
        told = self._network.shares(
            planes_of(patches[asked], sheet), scalars_of(features, sheet, page.groups)[asked]
        )
        told = calmed(told, caution(features, sheet, page.groups)[asked])
        shares[asked] = np.where(alone[asked], told, agreed(shares[asked], told))
        shares = never_blank(unsure(shares, odd), seen, page.groups)
        readings = tuple(decide(shares, page.groups))
        return PageGroups(located, readings, engine="threshold+network")
