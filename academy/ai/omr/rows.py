"""Labels of marks as examples for training.

A label is the answer of one choice question that the reading doubted and a person settled. People
err too: labels that a network contradicts with near certainty are left out, and where there are
many of those, nothing is learnt from any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from academy.sheets.layout import Bubble, Group, GroupKind
from academy.sheets.layout.geometry import Box
from academy.sheets.network.examples import Examples
from academy.sheets.network.model import BubbleNetwork
from academy.sheets.reading.align import Floats
from academy.sheets.reading.results import GroupReading
from academy.sheets.reading.threshold import decide

NOISE: Final = 0.15
"""Where more of the labels than this are contradicted, something other than the marks was told."""
_CONTRADICTED: Final = 0.995
_HELD_OUT: Final = 5


@dataclass(frozen=True)
class Rows:
    """Labelled groups of bubbles, cut out: what `reading.review.cut` left of them."""

    groups: list[dict[str, Any]]
    meant: list[tuple[int, ...]]
    planes: npt.NDArray[np.float16]
    scalars: Floats

    def where(self, chosen: Sequence[bool]) -> Rows:
        """Some of the groups."""
        bubbles = np.repeat(chosen, [len(group["values"]) for group in self.groups])
        return Rows(
            [group for group, keep in zip(self.groups, chosen, strict=True) if keep],
            [values for values, keep in zip(self.meant, chosen, strict=True) if keep],
            self.planes[bubbles],
            self.scalars[bubbles],
        )

    def split(self) -> tuple[Rows, Rows]:
        """To learn from, and to judge by: every fifth."""
        held = [number % _HELD_OUT == 0 for number in range(len(self.groups))]
        return self.where([not one for one in held]), self.where(held)

    def readings(self, network: BubbleNetwork) -> list[GroupReading]:
        """The network's word on the groups."""
        if not self.groups:
            return []
        shares = network.shares(self.planes.astype(np.float32), self.scalars)
        return decide(shares, [_group(group) for group in self.groups])

    def credible(self, network: BubbleNetwork) -> Rows:
        """Without the labels that the network contradicts with near certainty."""
        readings = self.readings(network)
        return self.where(
            [
                reading.values == values or reading.confidence < _CONTRADICTED
                for reading, values in zip(readings, self.meant, strict=True)
            ]
        )

    def report(self, network: BubbleNetwork) -> dict[str, Any]:
        """The figures of `synthetic.judge.Report.to_json` that a promotion goes by."""
        wrong = silent = review = 0
        for reading, values in zip(self.readings(network), self.meant, strict=True):
            missed = reading.values != values
            wrong += missed
            silent += missed and not reading.needs_review
            review += reading.needs_review
        count = len(self.groups)
        return {
            "groups": count,
            "silent_errors": silent,
            "review_rate": review / count if count else 0.0,
            "wrong_by_mark": {"settled": wrong} if wrong else {},
        }

    def examples(self) -> Examples:
        """As the training wants them."""
        sizes = [len(group["values"]) for group in self.groups]
        meant = [
            value in values
            for group, values in zip(self.groups, self.meant, strict=True)
            for value in group["values"]
        ]
        owner = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
        return Examples(self.planes, self.scalars, np.array(meant, np.uint8), owner)


def _group(group: Mapping[str, Any]) -> Group:
    """What `decide` needs to know of a choice: its values."""
    bubbles = tuple(Bubble(0.0, 0.0, int(value)) for value in group["values"])
    return Group(GroupKind.CHOICE, int(group["key"][1:]), 0, bubbles, Box(0, 0, 0, 0))
