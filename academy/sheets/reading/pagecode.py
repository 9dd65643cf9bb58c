"""Which sheet this is, read from the rows of black cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from academy.sheets.layout.code import PageCode, decode
from academy.sheets.layout.geometry import Box
from academy.sheets.reading.align import Alignment, Gray

_SCALE = 5.0


def read_code(
    picture: Gray, alignment: Alignment, copies: tuple[tuple[Box, ...], ...]
) -> PageCode | None:
    """The code of either copy, or of both together; None where neither passes its check."""
    cells = [_darkness(picture, alignment, copy) for copy in copies]
    for darkness in (*cells, np.mean(cells, axis=0)):
        code = decode([int(bit) for bit in darkness > 0.5])
        if code is not None:
            return code
    return None


def _darkness(
    picture: Gray, alignment: Alignment, cells: tuple[Box, ...]
) -> npt.NDArray[np.float64]:
    """Of each cell, from 0 (the lightest of this row) to 1 (the darkest)."""
    left, top = min(cell.x for cell in cells), min(cell.y for cell in cells)
    right = max(cell.x + cell.width for cell in cells)
    bottom = max(cell.y + cell.height for cell in cells)
    row = alignment.rectified(picture, Box(left, top, right - left, bottom - top), _SCALE)
    values = []
    for cell in cells:
        inset = cell.width * 0.25
        x0, x1 = (round((edge - left) * _SCALE) for edge in (cell.x + inset, cell.x + 3 * inset))
        y0, y1 = (round((edge - top) * _SCALE) for edge in (cell.y + inset, cell.y + 3 * inset))
        values.append(float(row[y0:y1, x0:x1].mean()))
    seen = np.array(values)
    low, high = seen.min(), seen.max()
    return np.asarray((high - seen) / max(high - low, 1.0), np.float64)
