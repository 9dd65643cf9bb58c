"""Scanners and telephones: what arrives of a sheet of paper."""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from academy.sheets.layout.geometry import MARGIN, MARKER
from academy.sheets.synthetic.prints import Picture


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
    picture = np.ascontiguousarray(np.rot90(picture, turns))
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
    out_width, out_height = (long, long * 3 // 4) if width > height else (long * 3 // 4, long)
    out = _desk(out_width, out_height, rng)
    grid, inside = _seen_from(paper, (out_width, out_height), hard, rng)
    seen = cv2.remap(paper, grid[..., 0], grid[..., 1], cv2.INTER_AREA, borderValue=(0, 0, 0))
    out = np.where(inside[..., None], np.asarray(seen, np.uint8), out)
    light = _light(out_width, out_height, hard, rng)
    warmth = np.array([rng.uniform(0.8, 1.0), rng.uniform(0.92, 1.0), 1.0], np.float32)
    lit = out.astype(np.float32) * light[..., None] * warmth
    if hard and rng.random() < 0.3:
        lit *= _moire(out_width, out_height, rng)[..., None]
    out = np.clip(lit, 0, 255).astype(np.uint8)
    out = np.asarray(
        cv2.GaussianBlur(out, (0, 0), rng.uniform(0.5, 1.6 if hard else 0.9)), np.uint8
    )
    if hard and rng.random() < 0.3:
        out = _shake(out, rng)
    return _noise(out, rng.uniform(2, 11) if hard else rng.uniform(0.5, 4), rng)


def _seen_from(
    paper: Picture, size: tuple[int, int], hard: bool, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """For each pixel of the photo where on the paper it looks, and whether that is on it.

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
    x, y = np.meshgrid(np.arange(across, dtype=np.float32), np.arange(down, dtype=np.float32))
    w = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    u = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / w
    v = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / w
    bend = rng.uniform(-1, 1, 2) * (0.006 if hard else 0.002) * height
    s, t = 2 * u / width - 1, 2 * v / height - 1
    u2 = u + bend[0] * (1 - t**2)
    v2 = v + bend[1] * (1 - s**2)
    inside = (u2 >= 0) & (u2 < width) & (v2 >= 0) & (v2 < height)
    return np.stack([u2, v2], axis=-1).astype(np.float32), inside


def _desk(width: int, height: int, rng: np.random.Generator) -> Picture:
    """A table top: a colour and a coarse grain."""
    color = rng.integers(40, 190, 3).astype(np.float32)
    grain = rng.normal(0, 12, (height // 40, width // 10)).astype(np.float32)
    texture = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(color + texture[..., None], 0, 255), np.uint8)


def _light(
    width: int, height: int, hard: bool, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Brightness over the frame: a gradient, and under hard light a shadow with an edge."""
    x, y = np.meshgrid(
        np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    )
    slope = rng.uniform(-0.2, 0.2, 2) * (1.3 if hard else 0.7)
    level = rng.uniform(0.4, 1.0) if hard else rng.uniform(0.8, 1.02)
    light = level * (1 + slope[0] * x + slope[1] * y)
    if hard and rng.random() < 0.65:
        turn = rng.uniform(0, np.pi)
        edge = np.cos(turn) * x + np.sin(turn) * y - rng.uniform(-0.6, 0.6)
        soft = rng.uniform(0.004, 0.08)
        light = light * (1 - rng.uniform(0.25, 0.55) / (1 + np.exp(-edge / soft)))
    return np.asarray(light, np.float32)


def _moire(width: int, height: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    turn, period = rng.uniform(0, np.pi), rng.uniform(3, 9)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    wave = np.sin((np.cos(turn) * x + np.sin(turn) * y) * np.float32(2 * np.pi / period))
    return np.asarray(1 + np.float32(rng.uniform(0.02, 0.07)) * wave, np.float32)


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
    tile = rng.normal(0, sigma, (256, 256, picture.shape[2])).astype(np.float32)
    rows, columns = -(-picture.shape[0] // 256), -(-picture.shape[1] // 256)
    noise = np.tile(tile, (rows, columns, 1))[: picture.shape[0], : picture.shape[1]]
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)
