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
SCALARS: Final = 9
_FAINTEST = 10
_NO_MARK = 0.06


def planes_of(patches: Floats, sheet: Sheet) -> Floats:
    """N x 2 x rows x columns: the ink, and the ink relative to this sheet's marks."""
    relative = np.minimum(patches / np.float32(sheet.typical), 1.5)
    return np.stack([patches, relative], axis=1).astype(np.float32)


def scalars_of(features: Features, sheet: Sheet, groups: Sequence[Group]) -> Floats:
    """N x 9: what the picture of one bubble cannot show, most of it relative to this sheet's marks.

    How dark marks are on this sheet, where its cut lies, how faint its fainter marks are; this
    bubble's ink inside, in its darkest part, with its outline and about it; and of the darkest
    other bubble of its group the ink inside and with the outline: an erasure has as a rule a mark
    beside it.
    """
    typical = np.float32(sheet.typical)
    count = len(features.core)
    return np.stack(
        [
            np.full(count, sheet.typical, np.float32),
            np.full(count, sheet.cut / sheet.typical, np.float32),
            np.full(count, _faint(features.edge, groups) / typical, np.float32),
            features.core / typical,
            features.peak / typical,
            features.edge / typical,
            features.halo / typical,
            _darkest_other(features.core, groups) / typical,
            _darkest_other(features.edge, groups) / typical,
        ],
        axis=1,
    ).astype(np.float32)


def _faint(values: Floats, groups: Sequence[Group]) -> float:
    """Below this lies a tenth of the darkest bubbles of all groups with any ink."""
    starts = np.cumsum([0, *(len(group.bubbles) for group in groups)])[:-1]
    darkest = np.maximum.reduceat(values, starts)
    inked = darkest[darkest > _NO_MARK]
    return float(np.percentile(inked, _FAINTEST)) if inked.size else 0.0


def _darkest_other(values: Floats, groups: Sequence[Group]) -> Floats:
    """For each bubble the largest value among the others of its group."""
    sizes = np.array([len(group.bubbles) for group in groups])
    starts = np.cumsum([0, *sizes])[:-1]
    first = np.repeat(np.maximum.reduceat(values, starts), sizes)
    # The first of equal ones is the darkest; the second then is as dark.
    at = np.flatnonzero(values == first)
    owner = np.repeat(np.arange(len(groups)), sizes)[at]
    darkest = at[np.unique(owner, return_index=True)[1]]
    rest = values.copy()
    rest[darkest] = -1
    out = first.copy()
    out[darkest] = np.maximum.reduceat(rest, starts)
    return np.asarray(out, np.float32)
