"""Bubbles with known answers, cut from made-up sheets by the reader's own alignment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from academy.sheets.layout import Layout, QuestionKind, Section
from academy.sheets.network.inputs import planes_of, scalars_of
from academy.sheets.reading.align import Floats
from academy.sheets.reading.decode import picture_of
from academy.sheets.reading.page import locate
from academy.sheets.reading.patches import features_of, ink_of
from academy.sheets.reading.results import SheetError
from academy.sheets.reading.threshold import decide, marked_shares, measure
from academy.sheets.synthetic.captures import Capture
from academy.sheets.synthetic.sheets import Sample, sample
from academy.sheets.synthetic.streams import Stream, rng_of
from academy.sheets.synthetic.students import Hand

LAYOUTS: Final = (
    Layout(title="모의고사", sections=(Section(count=45),)),
    Layout(title="단원평가", identifier_digits=10, sections=(Section(count=60, choices=4),)),
    Layout(
        title="주간평가", orientation="portrait", columns=2, identifier_digits=6,
        sections=(Section(count=20), Section(kind=QuestionKind.NUMERIC, count=6)),
    ),
)  # fmt: skip
_ARRAYS: Final = ("planes", "scalars", "meant", "group")
_CERTAIN_SHARE = 0.12
"""Of the groups that darkness alone settles: the network must know those too."""


@dataclass(frozen=True)
class Examples:
    """Inputs of the network and whether each bubble was meant (0 or 1).

    `group` numbers the groups from 0 without gaps; the bubbles of one stand side by side.
    """

    planes: npt.NDArray[np.float16]
    scalars: Floats
    meant: npt.NDArray[np.uint8]
    group: npt.NDArray[np.int32]

    def save(self, path: Path) -> None:
        """Write them; `load` reads them."""
        np.savez(path, **{name: getattr(self, name) for name in _ARRAYS})

    @staticmethod
    def load(paths: Iterable[Path]) -> Examples:
        """All examples of several files."""
        parts = []
        for path in paths:
            with np.load(path) as stored:
                parts.append(Examples(*(stored[name] for name in _ARRAYS)))
        return joined(parts)


def joined(parts: list[Examples]) -> Examples:
    """Several sets as one."""
    counts = [int(part.group[-1]) + 1 if len(part.group) else 0 for part in parts]
    firsts = np.cumsum([0, *counts])[:-1]
    return Examples(
        np.concatenate([part.planes for part in parts]),
        np.concatenate([part.scalars for part in parts]),
        np.concatenate([part.meant for part in parts]),
        np.concatenate(
            [part.group + np.int32(first) for part, first in zip(parts, firsts, strict=True)]
        ),
    )


def training_samples(stream: Stream, first: int, count: int) -> Iterator[Sample]:
    """Sheets of every layout, capture and hand in turn; hard ones four times of five."""
    captures = list(Capture)
    for seed in range(first, first + count):
        yield sample(
            LAYOUTS[seed % len(LAYOUTS)], stream, seed,
            hand=Hand.CLEAN if seed % 5 == 4 else Hand.HARD,
            how=captures[(seed // len(LAYOUTS)) % len(captures)],
        )  # fmt: skip


def examples_of(samples: Iterable[Sample], seed: int) -> Examples:
    """The bubbles of these sheets that the network would be asked about, and some others."""
    rng = rng_of(Stream.TRAINING, seed)
    return joined([part for one in samples for part in _of_sheet(one, rng)])


def _of_sheet(one: Sample, rng: np.random.Generator) -> Iterator[Examples]:
    picture = picture_of(one.jpeg)
    try:
        located = locate(picture, {one.layout.fingerprint: one.layout})
    except SheetError:
        return
    page = located.page
    patches = ink_of(picture, located.alignment, page).patches
    features = features_of(patches, page)
    sheet = measure(features, page.groups)
    readings = decide(marked_shares(features, sheet, page.groups), page.groups)
    sizes = [len(group.bubbles) for group in page.groups]
    wanted = [
        r.needs_review or len(r.values) > 1 or rng.random() < _CERTAIN_SHARE for r in readings
    ]
    chosen = np.repeat(wanted, sizes)
    meant = np.array(
        [
            bubble.value in one.filled.truth[group.key]
            for group in page.groups
            for bubble in group.bubbles
        ],
        np.uint8,
    )
    yield Examples(
        planes_of(patches[chosen], sheet).astype(np.float16),
        scalars_of(features, sheet, page.groups)[chosen],
        meant[chosen],
        np.repeat(
            np.arange(sum(wanted)), [n for n, w in zip(sizes, wanted, strict=True) if w]
        ).astype(np.int32),
    )
