"""The beginning of a line as the network sees it: a small picture of fixed size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.documents.opening import Gray

ROWS: Final = 24
COLUMNS: Final = 96
_INNER: Final = 18
"""Rows of the picture that the line's beginning is brought to."""
_SHORTEST, _TALLEST = 0.7, 2.2
"""Of the height of text: a beginning beyond it is a dot or a figure."""
_BEFORE: Final = 3
"""Columns of paper before the first ink."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    """Where a line begins: its first ink from the left, and its rows."""

    left: int
    top: int
    bottom: int


def patches_of(gray: Gray, heads: Sequence[Head], text_height: float) -> Floats:
    """Pictures (N x 1 x ROWS x COLUMNS) of line beginnings: 0 is paper, 1 is ink."""
    out = np.zeros((len(heads), 1, ROWS, COLUMNS), np.float32)
    for at, head in enumerate(heads):
        out[at, 0] = _patch(gray, head, text_height)
    return out


def _patch(gray: Gray, head: Head, text_height: float) -> Floats:
    tall = float(np.clip(head.bottom - head.top, _SHORTEST * text_height, _TALLEST * text_height))
    scale = _INNER / tall
    middle = (head.top + head.bottom) / 2
    # From the patch to the page: the centre of a pixel is at its half.
    step = 1 / scale
    matrix = np.array(
        [[step, 0, head.left - (_BEFORE - 0.5) * step - 0.5],
         [0, step, middle - (ROWS / 2 - 0.5) * step - 0.5]]
    )  # fmt: skip
    if step > 1.5:
        # Averaged first, or thin strokes fall between the samples.
        sigma = step / 2.5
        pad = int(3 * sigma) + 2
        x0, y0 = max(0, int(matrix[0, 2]) - pad), max(0, int(matrix[1, 2]) - pad)
        x1, y1 = int(matrix[0, 2] + COLUMNS * step) + pad, int(matrix[1, 2] + ROWS * step) + pad
        part = gray[y0 : max(y0 + 1, y1), x0 : max(x0 + 1, x1)]
        gray = np.asarray(cv2.GaussianBlur(part, (0, 0), sigma), np.uint8)
        matrix[:, 2] -= (x0, y0)
    seen = cv2.warpAffine(
        gray, matrix, (COLUMNS, ROWS), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT, borderValue=255.0,
    )  # fmt: skip
    ink = 1 - np.asarray(seen, np.float32) / 255
    # Pale print and bold print are one to the network.
    return np.asarray(ink / max(0.35, float(np.percentile(ink, 99))), np.float32).clip(0, 1)
