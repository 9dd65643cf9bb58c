"""Rules go from a page, letters stay, whatever the page's shape."""

from __future__ import annotations

import numpy as np
import pytest

from academy.ai.pages.paper import without_rules

_STROKE = 44
"""Pixels: the strokes of a large letter on a page of 150 dots an inch."""


@pytest.mark.parametrize("shape", [(1754, 1240), (1240, 1754), (400, 1240), (1754, 400)])
def test_rules_go_and_strokes_stay(shape: tuple[int, int]) -> None:
    height, width = shape
    page = np.full(shape, 255, np.uint8)
    page[100 : 100 + _STROKE, 60:66] = 0
    page[180:186, 60 : 60 + _STROKE] = 0
    page[:, width // 2 : width // 2 + 3] = 0
    page[height - 60 : height - 57, :] = 0
    clean = without_rules(page)
    assert not clean[100 : 100 + _STROKE, 60:66].any()
    assert not clean[180:186, 60 : 60 + _STROKE].any()
    clean[100 : 100 + _STROKE, 60:66] = 255
    clean[180:186, 60 : 60 + _STROKE] = 255
    assert (clean == 255).all()
