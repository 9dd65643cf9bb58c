"""Scanners and telephones: what arrives of a sheet of paper."""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from academy.sheets.layout.geometry import MARGIN, MARKER
from academy.sheets.synthetic.prints import Picture

_TURNS = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
_COARSE = 4
"""Light and geometry change slowly: they are worked out on every so many pixels."""
_FULL_LIGHT = 150
"""Light is a picture of 8 bits, in which this is as bright as the paper under a lamp."""


class Capture(StrEnum):
    """How a sheet became a picture."""

    CLEAN_SCAN = "clean_scan"
    NOISY_SCAN = "noisy_scan"
    PHOTO = "photo"
    HARD_PHOTO = "hard_photo"


def capture(
    paper: Picture, how: Capture, rng: np.random.Generator, *, hide_marker: int | None = None
) -> bytes:
    """The JPEG of a sheet. `hide_marker` covers the marker of that number with a finger."""
    scan = how in {Capture.CLEAN_SCAN, Capture.NOISY_SCAN}
    if hide_marker is not None:
        paper = _finger(paper, hide_marker, rng)
    picture = (
        _scan(paper, how is Capture.NOISY_SCAN, rng)
        if scan
        else _photo(paper, how is Capture.HARD_PHOTO, rng)
    )
    turns = int(rng.integers(4)) if how is not Capture.CLEAN_SCAN else int(rng.integers(2)) * 2
    if turns:
        picture = np.asarray(cv2.rotate(picture, _TURNS[turns - 1]), np.uint8)
    quality = {
        Capture.CLEAN_SCAN: rng.integers(85, 96),
        Capture.NOISY_SCAN: rng.integers(45, 85),
        Capture.PHOTO: rng.integers(80, 95),
        Capture.HARD_PHOTO: rng.integers(50, 88),
    }[how]
    if scan and rng.random() < 0.5:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    done, out = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    if not done:
        raise RuntimeError("OpenCV could not write a JPEG")
    return out.tobytes()


def _scan(paper: Picture, noisy: bool, rng: np.random.Generator) -> Picture:
    height, width = paper.shape[:2]
    degrees = rng.uniform(-3, 3) if noisy else rng.uniform(-0.8, 0.8)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, rng.uniform(0.985, 1.005))
    turn[:, 2] += rng.uniform(-0.006, 0.006, 2) * width
    out = cv2.warpAffine(paper, turn, (width, height), borderValue=(250, 250, 250))
    if not noisy:
        return _noise(np.asarray(out, np.uint8), rng.uniform(0, 2.5), rng)
    out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.3))
    out = _curve(np.asarray(out, np.uint8), rng.uniform(0.75, 1.35), rng.uniform(0.8, 1.05))
    for _ in range(int(rng.integers(4))):
        x = int(rng.integers(width))
        cv2.line(out, (x, 0), (x, height), (200, 200, 200), 1)
    return _noise(out, rng.uniform(3, 14), rng)


def _photo(paper: Picture, hard: bool, rng: np.random.Generator) -> Picture:
    height, width = paper.shape[:2]
    long = int(rng.integers(1900, 2700))
    size = (long, long * 3 // 4) if width > height else (long * 3 // 4, long)
    desk = _desk(*size, rng)
    grid, inside = _seen_from(paper, size, hard, rng)
    seen = cv2.remap(paper, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    cv2.copyTo(seen, inside, desk)
    light = _light(*size, hard, rng)
    warmth = np.array([rng.uniform(0.8, 1.0), rng.uniform(0.92, 1.0), 1.0], np.float32)
    if hard and rng.random() < 0.3:
        light = _lit(light, _moire(*size, rng), 1 / _FULL_LIGHT)
    tinted = cv2.merge([cv2.convertScaleAbs(light, alpha=float(part)) for part in warmth])
    out = _lit(desk, np.asarray(tinted, np.uint8), 1 / _FULL_LIGHT)
    sigma = rng.uniform(0.5, 1.6 if hard else 0.9)
    out = np.asarray(cv2.GaussianBlur(out, (0, 0), sigma), np.uint8)
    if hard and rng.random() < 0.3:
        out = _shake(out, rng)
    return _noise(out, rng.uniform(2, 11) if hard else rng.uniform(0.5, 4), rng)


def _lit(picture: Picture, light: Picture, scale: float) -> Picture:
    return np.asarray(cv2.multiply(picture, light, scale=scale), np.uint8)


def _seen_from(
    paper: Picture, size: tuple[int, int], hard: bool, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """For each pixel of the photo where on the paper it looks, and whether (1) that is on it.

    Perspective from four moved corners; then a bend of the paper, largest halfway.
    """
    height, width = paper.shape[:2]
    across, down = size
    away = 0.09 if hard else 0.05
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    inset = rng.uniform(0.015, away, (4, 2)).astype(np.float32)
    target = np.abs(corners - inset) * np.array(size, np.float32)
    # A4 in a frame of 4:3 leaves room above and below.
    aspect = (across * height / width) / down if width > height else 1.0
    target[:, 1] = (target[:, 1] - down / 2) * min(1.0, aspect) + down / 2
    source = corners * np.array([width - 1, height - 1], np.float32)
    back = cv2.getPerspectiveTransform(target.astype(np.float32), source)
    x, y = _coarse_grid(size)
    w = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    u = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / w
    v = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / w
    bend = rng.uniform(-1, 1, 2) * (0.006 if hard else 0.002) * height
    s, t = 2 * u / width - 1, 2 * v / height - 1
    bent = np.stack([u + bend[0] * (1 - t**2), v + bend[1] * (1 - s**2)], axis=-1)
    grid = np.asarray(cv2.resize(bent.astype(np.float32), size), np.float32)
    inside = cv2.inRange(grid, (0.0, 0.0), (width - 1.0, height - 1.0))
    return grid, np.asarray(inside, np.uint8)


def _coarse_grid(
    size: tuple[int, int],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Pixel coordinates of the nodes that `cv2.resize` spreads over a picture of this size."""
    columns, rows = (length // _COARSE for length in size)
    x = (np.arange(columns) + 0.5) * (size[0] / columns) - 0.5
    y = (np.arange(rows) + 0.5) * (size[1] / rows) - 0.5
    across, down = np.meshgrid(x, y)
    return across, down


def _desk(width: int, height: int, rng: np.random.Generator) -> Picture:
    """A table top: a colour and a coarse grain."""
    color = rng.integers(40, 190, 3)
    grain = rng.normal(0, 12, (height // 40, width // 10))[..., None]
    texture = np.clip(color + grain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(texture, (width, height)), np.uint8)


def _light(width: int, height: int, hard: bool, rng: np.random.Generator) -> Picture:
    """Brightness over the frame: a gradient, and under hard light a shadow with an edge."""
    across, down = _coarse_grid((width, height))
    x, y = 2 * across / width - 1, 2 * down / height - 1
    slope = rng.uniform(-0.2, 0.2, 2) * (1.3 if hard else 0.7)
    level = rng.uniform(0.4, 1.0) if hard else rng.uniform(0.8, 1.02)
    light = level * (1 + slope[0] * x + slope[1] * y)
    if hard and rng.random() < 0.65:
        turn = rng.uniform(0, np.pi)
        edge = np.cos(turn) * x + np.sin(turn) * y - rng.uniform(-0.6, 0.6)
        soft = rng.uniform(0.004, 0.08)
        light = light * (1 - rng.uniform(0.25, 0.55) / (1 + np.exp(-edge / soft)))
    small = np.clip(light * _FULL_LIGHT, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def _moire(width: int, height: int, rng: np.random.Generator) -> Picture:
    """Stripes of a screen or a scanner, as brightness of `_FULL_LIGHT` on average."""
    turn, period = rng.uniform(0, np.pi), rng.uniform(3, 9)
    phase = 2 * np.pi / period
    x = np.exp(1j * np.cos(turn) * phase * np.arange(width)).astype(np.complex64)
    y = np.exp(1j * np.sin(turn) * phase * np.arange(height)).astype(np.complex64)
    wave = (y[:, None] * x[None, :]).imag * np.float32(rng.uniform(0.02, 0.07))
    return np.asarray(_FULL_LIGHT * (1 + wave), np.uint8)


def _shake(picture: Picture, rng: np.random.Generator) -> Picture:
    length = int(rng.integers(3, 6))
    kernel = np.zeros((length, length), np.float32)
    turn = rng.uniform(0, np.pi)
    for step in np.linspace(-1, 1, 4 * length):
        middle = (length - 1) / 2
        row, column = middle + step * middle * np.sin(turn), middle + step * middle * np.cos(turn)
        kernel[round(row), round(column)] = 1
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def _finger(paper: Picture, marker: int, rng: np.random.Generator) -> Picture:
    height, width = paper.shape[:2]
    per_mm = max(width, height) / 297
    at = (MARGIN + MARKER / 2) * per_mm
    x = at if marker in {0, 3} else width - at
    y = at if marker in {0, 1} else height - at
    out = paper.copy()
    axes = (round(per_mm * rng.uniform(8, 11)), round(per_mm * rng.uniform(10, 14)))
    cv2.ellipse(out, (round(x), round(y)), axes, rng.uniform(0, 180), 0, 360, (120, 150, 205), -1)
    return out


def _curve(picture: Picture, gamma: float, gain: float) -> Picture:
    levels = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, levels), np.uint8)


def _noise(picture: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    if sigma <= 0:
        return picture
    tile = np.round(rng.normal(0, sigma, (256, 256, picture.shape[2]))).astype(np.int16)
    rows, columns = -(-picture.shape[0] // 256), -(-picture.shape[1] // 256)
    noise = np.tile(tile, (rows, columns, 1))[: picture.shape[0], : picture.shape[1]]
    return np.asarray(cv2.add(picture, noise, dtype=cv2.CV_8U), np.uint8)
