"""The contact sheet: all pages at a glance, with when they were shown and how full they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from academy.ai.homework.page import Picture

_COLUMNS: Final = 4
_WIDTH, _HEIGHT = 360, 480
_LABEL: Final = 44
_GAP: Final = 16
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


def contact_sheet(pages: Sequence[tuple[Picture, float, float]]) -> Picture:
    """One picture of pages, each with its seconds and its ink ratio; four in a row."""
    columns = min(_COLUMNS, max(1, len(pages)))
    rows = max(1, -(-len(pages) // columns))
    size = (
        _GAP + rows * (_HEIGHT + _LABEL + _GAP), _GAP + columns * (_WIDTH + _GAP), 3,
    )  # fmt: skip
    sheet = np.full(size, 235, np.uint8)
    for at, (picture, seconds, ratio) in enumerate(pages):
        left = _GAP + (at % columns) * (_WIDTH + _GAP)
        top = _GAP + (at // columns) * (_HEIGHT + _LABEL + _GAP)
        scale = min(_WIDTH / picture.shape[1], _HEIGHT / picture.shape[0])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        tall, wide = small.shape[:2]
        sheet[top : top + tall, left : left + wide] = small
        minutes, rest = divmod(int(seconds), 60)
        text = f"{at + 1}   {minutes}:{rest:02d}   ink {ratio:.0%}"
        cv2.putText(
            sheet, text, (left, top + _HEIGHT + 30), _FONT, 0.7, (40, 40, 40), 1, cv2.LINE_AA
        )
    return sheet
