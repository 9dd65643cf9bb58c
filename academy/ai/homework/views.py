"""When the view is steady: from small gray pictures of the whole video. Pure.

A view is steady while a picture is the one before it, moved by the camera's shake, in whatever
light. A page that is turned, or a hand that comes in, is no such movement.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
"""Pictures x height x width."""
Floats = npt.NDArray[np.float32]

_SHORTEST: Final = 3
"""Pictures: half a second."""
_CALM: Final = 0.25
"""Change between two pictures, of their own contrast, that is still only noise and shake."""
_TIMES_CALM: Final = 2.5
_WILD: Final = 0.6
"""More than that is another picture, whatever the camera."""
_SAME: Final = 0.45
"""Correlation with the first picture of a view, below which it has become another."""
_SHAKE: Final = 0.12
"""Of the picture's side: a hand that holds a phone moves no further in a sixth of a second."""


@dataclass(frozen=True)
class View:
    """Pictures ``first`` to ``last`` (behind the last) show one thing; ``best`` most sharply."""

    first: int
    last: int
    best: tuple[int, ...]


def steady_views(frames: Frames, *, candidates: int) -> list[View]:
    """The steady views in the order of time, each with so many of its sharpest pictures."""
    if len(frames) < _SHORTEST:
        return []
    flat = [_flat(frame) for frame in frames]
    changes = np.array([_change(a, b) for a, b in pairwise(flat)])
    calm = min(_WILD, max(_CALM, _TIMES_CALM * float(np.percentile(changes, 20))))
    sharp = np.array([_sharpness(frame) for frame in frames])
    views = []
    start = 0
    for at in range(1, len(frames) + 1):
        ended = at == len(frames) or changes[at - 1] > calm
        if not ended and (at - start) % _SHORTEST == 0:
            ended = likeness(flat[start], flat[at]) < _SAME
        if ended:
            if at - start >= _SHORTEST:
                views.append(View(start, at, _sharpest(sharp, start, at, candidates)))
            start = at
    return views


def likeness(a: Floats, b: Floats) -> float:
    """Correlation of two flat pictures once the shift between them is undone; 1 is the same."""
    moved = _aligned(a, b)
    inner = _inner(a)
    x, y = a[inner].ravel(), moved[inner].ravel()
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / scale if scale > 0 else 0.0


def _flat(frame: npt.NDArray[np.uint8]) -> Floats:
    """A gray picture without its light: lines and edges only."""
    gray = cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 1.0)
    light = cv2.GaussianBlur(gray, (0, 0), max(frame.shape) / 24)
    return np.asarray(gray / (light + 8) - 1, np.float32)


def _change(a: Floats, b: Floats) -> float:
    """How much of ``a`` is another in ``b``, of its contrast, shake apart."""
    inner = _inner(a)
    contrast = float(np.abs(a[inner]).mean() + np.abs(b[inner]).mean()) / 2 + 1e-3
    return float(np.abs(a - _aligned(a, b))[inner].mean()) / contrast


def _aligned(a: Floats, b: Floats) -> Floats:
    """``b`` moved so that it lies over ``a``."""
    (x, y), _ = cv2.phaseCorrelate(a.astype(np.float64), b.astype(np.float64), _window(a.shape))
    most = max(a.shape) * _SHAKE
    if abs(x) > most or abs(y) > most:
        return b
    move = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    height, width = a.shape
    return np.asarray(
        cv2.warpAffine(b, move, (width, height), borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _window(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    return np.asarray(cv2.createHanningWindow((shape[1], shape[0]), cv2.CV_64F))


def _inner(a: Floats) -> tuple[slice, slice]:
    """All but the edges, which a shift leaves undefined."""
    rows, columns = a.shape
    down, across = rows // 12, columns // 12
    return slice(down, rows - down), slice(across, columns - across)


def _sharpness(frame: npt.NDArray[np.uint8]) -> float:
    return float(cv2.Laplacian(frame, cv2.CV_32F).var()) / (float(frame.mean()) + 1) ** 2


def _sharpest(sharp: npt.NDArray[np.float64], first: int, last: int, count: int) -> tuple[int, ...]:
    """The sharpest pictures, one of each part of the view."""
    parts = np.array_split(np.arange(first, last), min(count, last - first))
    return tuple(int(part[sharp[part].argmax()]) for part in parts)
