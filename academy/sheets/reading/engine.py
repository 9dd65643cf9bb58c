"""The cascade: darkness for every group, the network only for those it cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from academy.sheets.network.inputs import planes_of, scalars_of
from academy.sheets.reading.align import Gray
from academy.sheets.reading.page import Located, PageGroups
from academy.sheets.reading.patches import features_of, patches_of
from academy.sheets.reading.threshold import calmed, caution, decide, marked_shares, measure

if TYPE_CHECKING:
    from academy.sheets.network.model import BubbleNetwork


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

    def read(self, picture: Gray, located: Located) -> PageGroups:
        """Every group of the page."""
        page = located.page
        patches = patches_of(picture, located.alignment, page)
        features = features_of(patches, page)
        sheet = measure(features, page.groups)
        shares = marked_shares(features, sheet)
        readings = tuple(decide(shares, page.groups))
        # Of two dark bubbles one may be struck through.
        doubtful = [reading.needs_review or len(reading.values) > 1 for reading in readings]
        if self._network is None or not any(doubtful):
            return PageGroups(located, readings)
        # The network's word on every bubble of the uncertain groups.
        asked = np.repeat(doubtful, [len(group.bubbles) for group in page.groups])
        shares[asked] = self._network.shares(
            planes_of(patches[asked], sheet), scalars_of(features, sheet, page.groups)[asked]
        )
        shares[asked] = calmed(shares[asked], caution(features, sheet, page.groups)[asked])
        readings = tuple(decide(shares, page.groups))
        return PageGroups(located, readings, engine="threshold+network")
