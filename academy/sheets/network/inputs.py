"""What the network sees of a bubble: the same in training and in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from academy.sheets.layout import Group
from academy.sheets.reading.align import Floats
from academy.sheets.reading.patches import Features
from academy.sheets.reading.threshold import Sheet

PLANES: Final = 2
SCALARS: Final = 5


def planes_of(patches: Floats, sheet: Sheet) -> Floats:
    """N x 2 x rows x columns: the ink, and the ink relative to this sheet's marks."""
    relative = np.minimum(patches / np.float32(sheet.typical), 1.5)
    return np.stack([patches, relative], axis=1).astype(np.float32)


def scalars_of(features: Features, sheet: Sheet, groups: Sequence[Group]) -> Floats:
    """N x 5: what the picture of one bubble cannot show.

    How dark marks are on this sheet, where its cut lies, this bubble's ink relative to them, and
    the ink of the darkest other bubble in its group: an erasure has as a rule a mark beside it.
    """
    typical = np.float32(sheet.typical)
    count = len(features.core)
    other = _darkest_other(features.core, groups)
    return np.stack(
        [
            np.full(count, sheet.typical, np.float32),
            np.full(count, sheet.cut / sheet.typical, np.float32),
            features.core / typical,
            features.peak / typical,
            other / typical,
        ],
        axis=1,
    ).astype(np.float32)


def _darkest_other(values: Floats, groups: Sequence[Group]) -> Floats:
    """For each bubble the largest value among the others of its group."""
    out = np.empty_like(values)
    start = 0
    for group in groups:
        end = start + len(group.bubbles)
        part = values[start:end]
        first, second = np.argsort(part)[-1], np.sort(part)[-2]
        out[start:end] = part[first]
        out[start + first] = second
        start = end
    return out
