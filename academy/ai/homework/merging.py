"""Views of one and the same page are one page, however often it was shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.ai.homework.page import Page

_SIZE: Final = (120, 168)
"""Columns and rows of a page's signature."""
_SHIFT: Final = 9
SAME: Final = 0.78
"""Correlation of the ink of two views from which on they show the same page.

Views of one page were at .93 and more, pages of one book with the same layout up to .63.
"""
_HAND_COST: Final = 3.0
_LEAST_SEEN: Final = 0.35

Signature = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """A page as one view shows it; ``at`` in seconds."""

    at: float
    page: Page

    @property
    def worth(self) -> float:
        """The sharper and the less covered, the better."""
        return self.page.sharpness * max(0.0, 1 - _HAND_COST * self.page.covered_share)


def best_of(pictures: Sequence[Seen]) -> Seen:
    """The picture of a view that is worth most."""
    return max(pictures, key=lambda seen: seen.worth)


def grouped(views: Sequence[Seen]) -> list[list[Seen]]:
    """Views by the page that they show, in the order in which the pages were first seen."""
    groups: list[list[Seen]] = []
    signatures: list[list[tuple[Signature, npt.NDArray[np.bool_]]]] = []
    for view in views:
        mine = _signature(view.page)
        likeness = [max(_likeness(mine, other) for other in one) for one in signatures]
        best = int(np.argmax(likeness)) if likeness else -1
        if best >= 0 and likeness[best] >= SAME:
            groups[best].append(view)
            signatures[best].append(mine)
        else:
            groups.append([view])
            signatures.append([mine])
    return groups


def _signature(page: Page) -> tuple[Signature, npt.NDArray[np.bool_]]:
    """Where a page has ink, coarsely, and which of it can be seen."""
    gray = cv2.cvtColor(page.picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(gray, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    ink = np.asarray(cv2.GaussianBlur(255 - small, (0, 0), 1.2), np.float32)
    ink = ink - np.asarray(cv2.GaussianBlur(ink, (0, 0), 12), np.float32)
    covered = cv2.resize(page.covered.astype(np.uint8), _SIZE, interpolation=cv2.INTER_NEAREST)
    return ink, np.asarray(covered == 0, bool)


def _likeness(
    a: tuple[Signature, npt.NDArray[np.bool_]], b: tuple[Signature, npt.NDArray[np.bool_]]
) -> float:
    """Correlation over what both show, at the best of small shifts."""
    inner = (slice(_SHIFT, -_SHIFT), slice(_SHIFT, -_SHIFT))
    template = np.where(a[1], a[0], 0)[inner].astype(np.float32)
    other = np.where(b[1], b[0], 0).astype(np.float32)
    mask = a[1][inner].astype(np.float32)
    if mask.mean() < _LEAST_SEEN or b[1].mean() < _LEAST_SEEN:
        return 0.0
    found = cv2.matchTemplate(other, template, cv2.TM_CCORR_NORMED, mask=mask)
    return float(np.nan_to_num(found, nan=0.0, posinf=0.0).max())
