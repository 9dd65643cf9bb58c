"""A picture of a recording: how loud it is, where somebody speaks, where chapters begin."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from academy.ai.speech.chapters import Chapter
from academy.ai.speech.limits import FRAME_SECONDS
from academy.ai.speech.segments import SPEECH, Floats, Segment

_FONT: Final = Path(__file__).resolve().parents[2] / "documents" / "fonts" / "NanumGothic.ttf"
_WIDTH, _LEFT, _RIGHT, _TOP = 1200, 76, 16, 34
_ROW, _WAVE = 64, 44
_ROW_SECONDS: Final = (60.0, 300.0, 600.0, 1800.0)
_MOST_ROWS: Final = 24
_FLOOR_DB: Final = -60.0
_SPEECH, _SILENCE, _CHAPTER, _TEXT, _LINE = (
    (47, 107, 212), (176, 184, 196), (214, 69, 65), (60, 66, 78), (226, 230, 236),
)  # fmt: skip


def draw(
    path: Path,
    levels: Floats,
    segments: Sequence[Segment],
    chapters: Sequence[Chapter],
    duration: float,
) -> None:
    """Write it as PNG: rows of equal time, blue for speech, red where a chapter begins."""
    span = _row_seconds(duration)
    rows = max(1, int(np.ceil(duration / span)))
    image = Image.new("RGB", (_WIDTH, _TOP + rows * _ROW + 8), "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(_FONT), 15)
    pen.text((_LEFT, 8), "말소리 speech", fill=_SPEECH, font=font)
    pen.text((_LEFT + 140, 8), "무음 silence", fill=_SILENCE, font=font)
    pen.text((_LEFT + 270, 8), "장 시작 chapter", fill=_CHAPTER, font=font)
    width = _WIDTH - _LEFT - _RIGHT
    for row in range(rows):
        middle = _TOP + row * _ROW + _ROW // 2
        pen.text((8, middle - 9), clock_time(row * span), fill=_TEXT, font=font)
        pen.line((_LEFT, middle, _WIDTH - _RIGHT, middle), fill=_LINE)
        _wave(pen, middle, levels, segments, np.linspace(0.0, span, width + 1) + row * span)
    for number, chapter in enumerate(chapters, 1):
        whole, within = divmod(chapter.start, span)
        x = _LEFT + int(within / span * width)
        top = _TOP + int(whole) * _ROW
        pen.line((x, top + 4, x, top + _ROW - 4), fill=_CHAPTER, width=2)
        pen.text((x + 4, top), str(number), fill=_CHAPTER, font=font)
    image.save(path, optimize=True)


def clock_time(seconds: float) -> str:
    """1:02:03 or 2:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _row_seconds(duration: float) -> float:
    """The shortest rows of which there are not too many."""
    return next((one for one in _ROW_SECONDS if duration <= one * _MOST_ROWS), _ROW_SECONDS[-1])


def _wave(
    pen: ImageDraw.ImageDraw,
    middle: int,
    levels: Floats,
    segments: Sequence[Segment],
    edges: NDArray[np.float64],
) -> None:
    """One row: a column between two edges, in seconds, as high as the loudest frame in it."""
    starts = np.array([segment.start for segment in segments])
    for x, (begin, end) in enumerate(pairwise(edges.tolist())):
        first = int(begin / FRAME_SECONDS)
        if first >= len(levels):
            return
        last = max(first + 1, int(end / FRAME_SECONDS))
        share = 1.0 - float(levels[first:last].max()) / _FLOOR_DB
        high = max(1, round(_WAVE / 2 * min(1.0, max(0.0, share))))
        segment = segments[max(0, int(np.searchsorted(starts, begin, side="right")) - 1)]
        colour = _SPEECH if segment.kind == SPEECH else _SILENCE
        pen.line((_LEFT + x, middle - high, _LEFT + x, middle + high), fill=colour)
