"""From what was seen of the pages to questions: anchors, and where the text of each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from academy.ai.pages.document import Box
from academy.ai.segmentation.anchors import Anchor, anchors_of, weakened
from academy.ai.segmentation.marks import Mark, mark_from
from academy.ai.segmentation.regions import Region

PAD: Final = 6
"""Pixels of paper around a question."""
_MIXED: Final = 0.7
"""At most so sure is a question that is followed by missing ones: it may hold them."""


@dataclass(frozen=True)
class Part:
    """A piece of a question: one page, one box."""

    page: int
    box: Box


@dataclass(frozen=True)
class Piece:
    """An anchor and where its text may stand, before the boxes are fitted to the ink."""

    anchor: Anchor
    parts: tuple[Part, ...]

    @property
    def is_question(self) -> bool:
        """Whether it is one, rather than what several share."""
        return self.anchor.last is None


def joined(looks: Sequence[Mapping[str, Any]]) -> tuple[list[Region], list[Mark], dict[int, float]]:
    """Regions, marks and the trust in each page, of parts of a document in their order."""
    regions: list[Region] = []
    marks: list[Mark] = []
    trust: dict[int, float] = {}
    for look in looks:
        marks += [mark_from(one, len(regions)) for one in look["marks"]]
        regions += [region_from(one) for one in look["regions"]]
        trust |= {page["number"]: page["trust"] for page in look["pages"]}
    return regions, marks, trust


def region_json(region: Region) -> dict[str, Any]:
    """A region without its lines, for another process."""
    return {"page": region.page, "box": list(region.box), "spans": region.spans}


def region_from(data: Mapping[str, Any]) -> Region:
    """The region again, without its lines."""
    left, top, right, bottom = data["box"]
    return Region(data["page"], (left, top, right, bottom), (), data["spans"])


def planned(looks: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """The questions and shared texts of a document, in reading order."""
    regions, marks, trust = joined(looks)
    anchors = [
        weakened(anchor, trust[regions[anchor.region].page])
        for anchor in anchors_of(regions, marks)
    ]
    return pieces_of(regions, _doubted(anchors))


def _doubted(anchors: Sequence[Anchor]) -> list[Anchor]:
    """Less trust in a question behind which numbers are missing."""
    following: dict[int, int] = {}
    questions = [at for at, one in enumerate(anchors) if one.last is None]
    for at, after in pairwise(questions):
        following[at] = anchors[after].number
    return [
        weakened(one, _MIXED)
        if one.confidence < 1 and following.get(at, one.number) > one.number + 1
        else one
        for at, one in enumerate(anchors)
    ]


def pieces_of(regions: Sequence[Region], anchors: Sequence[Anchor]) -> list[Piece]:
    """The pieces of all anchors in reading order; more than one part where a column ends."""
    parts: list[list[Part]] = [[] for _ in anchors]
    current: int | None = None
    following = 0
    for index, region in enumerate(regions):
        if region.spans:
            # A heading over both columns ends what stood above it.
            current = None
        left, top, right, bottom = region.box
        while following < len(anchors) and anchors[following].region == index:
            at = max(top, anchors[following].box[1] - PAD // 2)
            _add(parts, current, Part(region.page, (left, top, right, at)))
            current, top = following, at
            following += 1
        _add(parts, current, Part(region.page, (left, top, right, bottom)))
    return [
        Piece(anchor, tuple(found)) for anchor, found in zip(anchors, parts, strict=True) if found
    ]


def _add(parts: list[list[Part]], owner: int | None, part: Part) -> None:
    left, top, right, bottom = part.box
    if owner is not None and bottom - top >= PAD and right - left >= PAD:
        parts[owner].append(part)


def missing(numbers: Sequence[int]) -> list[int]:
    """Numbers left out between neighbours; where numbers begin anew, nothing is."""
    return [number for before, after in pairwise(numbers) for number in range(before + 1, after)]
