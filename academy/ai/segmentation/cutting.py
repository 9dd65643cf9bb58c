"""From anchors to questions: each one's parts on the pages, fitted to what is printed there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from academy.ai.pages.document import Box, Gray
from academy.ai.segmentation.anchors import Anchor
from academy.ai.segmentation.regions import Region

PAD: Final = 6
"""Pixels of paper around a question."""
_INK: Final = 200
_RULE: Final = 4
"""A line as tall as this part (1/4) of the page is the rule between columns."""


@dataclass(frozen=True)
class Part:
    """A piece of a question: one page, one box."""

    page: int
    box: Box


@dataclass(frozen=True)
class Piece:
    """An anchor and where its text stands; more than one part where a column ends within it."""

    anchor: Anchor
    parts: tuple[Part, ...]


def pieces_of(
    regions: Sequence[Region], anchors: Sequence[Anchor], gray: Callable[[int], Gray]
) -> list[Piece]:
    """The pieces of all anchors in reading order; in the pages' own pixels.

    ``gray`` gives the picture of a page without the rules between columns.
    An anchor whose part of the page is empty has no piece.
    """
    parts: list[list[Part]] = [[] for _ in anchors]
    current: int | None = None
    following = 0
    for index, region in enumerate(regions):
        if region.spans:
            # A heading over both columns ends what stood above it.
            current = None
        left, top, right, bottom = region.box
        while following < len(anchors) and anchors[following].region == index:
            at = max(top, anchors[following].line.box[1] - PAD // 2)
            _add(parts, current, region, (left, top, right, at), gray)
            current, top = following, at
            following += 1
        _add(parts, current, region, (left, top, right, bottom), gray)
    return [
        Piece(anchor, tuple(found)) for anchor, found in zip(anchors, parts, strict=True) if found
    ]


def _add(
    parts: list[list[Part]],
    owner: int | None,
    region: Region,
    box: Box,
    gray: Callable[[int], Gray],
) -> None:
    if owner is None:
        return
    fitted = _fitted(gray(region.page), box)
    if fitted is not None:
        parts[owner].append(Part(region.page, fitted))


def _fitted(gray: Gray, box: Box) -> Box | None:
    """The box around the ink within a box; None where there is none."""
    left, top, right, bottom = box
    ink = gray[top:bottom, left:right] < _INK
    if ink.shape[0] < 4 or ink.shape[1] < 4:
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows) == 0:
        return None
    height, width = gray.shape
    return (
        max(0, left + int(columns[0]) - PAD), max(0, top + int(rows[0]) - PAD),
        min(width, left + int(columns[-1]) + PAD), min(height, top + int(rows[-1]) + PAD),
    )  # fmt: skip


def without_column_rules(gray: Gray) -> Gray:
    """The page without its tall vertical lines, which belong to no question."""
    ink = (gray < _INK).astype(np.uint8)
    tall = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((gray.shape[0] // _RULE, 1), np.uint8))
    if not tall.any():
        return gray
    return np.asarray(
        np.where(cv2.dilate(tall, np.ones((1, 5), np.uint8)) > 0, 255, gray), np.uint8
    )
