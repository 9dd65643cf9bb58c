"""Pictures for people: what was read of a page, and the rows they have to judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.sheets.layout import Group, GroupKind, Page
from academy.sheets.layout.geometry import BUBBLE_HEIGHT, BUBBLE_WIDTH, Box
from academy.sheets.reading.align import Alignment, Gray, Pixels
from academy.sheets.reading.results import GroupReading

Picture = npt.NDArray[np.uint8]

_OVERLAY_SCALE = 5.0
_CROP_SCALE = 8.0
_GREEN: Final = (60, 160, 40)
_ORANGE: Final = (0, 120, 240)
_RED: Final = (40, 40, 220)


def overlay(
    pixels: Pixels, alignment: Alignment, page: Page, readings: Sequence[GroupReading]
) -> bytes:
    """The page upright as JPEG: what was read in green, what is doubtful in orange.

    A doubtful group is framed too, in red where nothing or too much was read.
    """
    whole = Box(0, 0, page.width, page.height)
    canvas = _in_colour(_lit(alignment.rectified(pixels.shown, whole, _OVERLAY_SCALE)))
    for group, reading in zip(page.groups, readings, strict=True):
        if reading.needs_review:
            _frame(canvas, group.box, _ORANGE if len(reading.values) == 1 else _RED)
        for bubble in group.bubbles:
            if bubble.value in reading.values:
                _ring(canvas, bubble.x, bubble.y, _ORANGE if reading.needs_review else _GREEN)
    return _jpeg(canvas, 80)


def _ring(canvas: Picture, x: float, y: float, color: tuple[int, int, int]) -> None:
    middle = round(x * _OVERLAY_SCALE), round(y * _OVERLAY_SCALE)
    axes = (
        round((BUBBLE_WIDTH / 2 + 0.9) * _OVERLAY_SCALE),
        round((BUBBLE_HEIGHT / 2 + 0.6) * _OVERLAY_SCALE),
    )
    cv2.ellipse(canvas, middle, axes, 0, 0, 360, color, 2, cv2.LINE_AA)


def _frame(canvas: Picture, box: Box, color: tuple[int, int, int]) -> None:
    start = round(box.x * _OVERLAY_SCALE) + 1, round(box.y * _OVERLAY_SCALE) + 1
    end = (
        round((box.x + box.width) * _OVERLAY_SCALE) - 1,
        round((box.y + box.height) * _OVERLAY_SCALE) - 1,
    )
    cv2.rectangle(canvas, start, end, color, 2)


def crop(pixels: Pixels, alignment: Alignment, groups: Sequence[Group]) -> bytes:
    """The part of the page in which these groups lie, as JPEG."""
    boxes = [group.box for group in groups]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right = max(box.x + box.width for box in boxes)
    bottom = max(box.y + box.height for box in boxes)
    box = Box(left, top, right - left, bottom - top).grown(1.5)
    return _jpeg(_in_colour(_lit(alignment.rectified(pixels.shown, box, _CROP_SCALE))), 85)


def _in_colour(picture: Gray) -> Picture:
    """What OpenCV writes and draws on: BGR."""
    code = cv2.COLOR_GRAY2BGR if picture.ndim == 2 else cv2.COLOR_RGB2BGR
    return np.asarray(cv2.cvtColor(picture, code), np.uint8)


def _lit(picture: Gray) -> Gray:
    """The same picture with its paper bright, however dark the room was."""
    paper = max(float(np.percentile(picture[::4, ::4], 90)), 1.0)
    return np.asarray(cv2.convertScaleAbs(picture, alpha=max(1.0, 235 / paper)), np.uint8)


def groups_of_question(page: Page, number: int) -> list[Group]:
    """All groups that answer one question; 0 gives those of the identifier."""
    if number == 0:
        return [group for group in page.groups if group.kind is GroupKind.IDENTIFIER]
    return [group for group in page.groups if group.number == number]


def _jpeg(picture: Picture, quality: int) -> bytes:
    done, out = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not write a JPEG")
    return out.tobytes()
