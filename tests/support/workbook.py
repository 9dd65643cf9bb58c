"""Videos of a workbook that is leafed through, made from a seed: what is shown when is known."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from academy.ai.digits.synthetic.writers import Writer
from tests.support.media import binaries, ffmpeg

RATE = 12
PAGE = (560, 400)
PENS = {"blue": (150, 70, 30), "red": (50, 40, 190), "pencil": (125, 125, 125), "black": (40,) * 3}


@dataclass(frozen=True)
class Clip:
    """A video as it is to be made; ``order`` are the pages that are shown, one after the other."""

    order: tuple[int, ...] = (0, 1, 2, 3)
    answers: tuple[int, ...] = (1, 3, 6, 11)
    pen: str = "blue"
    seed: int = 1
    size: tuple[int, int] = (360, 640)
    shake: float = 2.0
    light: float = 0.25
    tilt: float = 3.0
    resting_hand: tuple[int, ...] = ()
    hand_reach: float = 0.78
    passing_hand: tuple[int, ...] = ()
    rotated: int = 0
    steady_seconds: float = 1.25
    desk_first: bool = False


def make(path: Path, clip: Clip) -> Path:
    """Make the video."""
    width, height = clip.size
    flat = path.with_suffix(".flat.mp4") if clip.rotated else path
    turns = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 270: cv2.ROTATE_90_CLOCKWISE}
    frames = list(_frames(clip))
    if clip.rotated:
        frames = [cv2.rotate(frame, turns[clip.rotated]) for frame in frames]
    height, width = frames[0].shape[:2]
    argv = [
        binaries().ffmpeg, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24",
        "-s", f"{width}x{height}", "-r", str(RATE), "-i", "-", "-c:v", "libx264",
        "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p", str(flat),
    ]  # fmt: skip
    done = subprocess.run(
        argv, input=b"".join(frame.tobytes() for frame in frames), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-1000:]
    if clip.rotated:
        ffmpeg("-display_rotation", str(-clip.rotated), "-i", str(flat), "-c", "copy", str(path))
    return path


def page(seed: int, answers: int, pen: str) -> np.ndarray:
    """A workbook's page: printed lines and boxes, and so many answers written by hand."""
    rng = np.random.default_rng(seed)
    picture = np.full((*PAGE, 3), 250, np.uint8)
    places = []
    y = 40
    while y < PAGE[0] - 60:
        for _ in range(2):
            words = " ".join(
                "".join(chr(97 + int(c)) for c in rng.integers(0, 26, int(rng.integers(2, 8))))
                for _ in range(int(rng.integers(3, 7)))
            )
            cv2.putText(picture, words[:38], (24, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (25,) * 3, 1,
                        cv2.LINE_AA)  # fmt: skip
            y += 17
        places += [(y - 10, 40), (y - 10, 200)]
        y += 52 + int(rng.integers(0, 4))
    hand = Writer.of(np.random.default_rng(seed // 100))
    for top, left in [places[int(i)] for i in rng.permutation(len(places))[:answers]]:
        text = str(rng.integers(100, 99999))
        ink = np.zeros((40, 150), np.float32)
        for glyph in hand.draw(rng, text, 26, ink.shape):
            np.maximum(ink, glyph.ink / max(0.1, hand.darkness), out=ink)
        part = picture[top : top + 40, left : left + 150]
        ink = ink[: part.shape[0], : part.shape[1], None]
        part[:] = (part * (1 - ink) + np.array(PENS[pen]) * ink).astype(np.uint8)
    return picture


def _frames(clip: Clip) -> Iterator[np.ndarray]:
    rng = np.random.default_rng([clip.seed, 99])
    pages = [page(clip.seed * 100 + n, count, clip.pen) for n, count in enumerate(clip.answers)]
    camera = _Camera(clip, rng)
    if clip.desk_first:
        for _ in range(RATE):
            yield camera.shot(None)
    for at, shown in enumerate(clip.order):
        count = round(clip.steady_seconds * RATE)
        for n in range(count):
            hand = None
            if at in clip.resting_hand:
                hand = (clip.hand_reach, 0.8)
            if at in clip.passing_hand and 5 <= n < 10:
                hand = (0.9 - 0.09 * (n - 5), 0.6)
            yield camera.shot(pages[shown], hand=hand)
        if at + 1 < len(clip.order):
            for n in range(7):
                turned = (n + 1) / 8
                yield camera.shot(
                    _turning(pages[shown], pages[clip.order[at + 1]], turned),
                    hand=(0.95 - 0.8 * turned, 0.75), blur=9,
                )  # fmt: skip


def _turning(old: np.ndarray, new: np.ndarray, share: float) -> np.ndarray:
    """The old page folds over the new one."""
    out = new.copy()
    left = max(8, round(PAGE[1] * (1 - share)))
    folded = cv2.resize(old, (left, PAGE[0]), interpolation=cv2.INTER_AREA)
    shade = np.linspace(1.0, 0.55, left)[None, :, None]
    out[:, :left] = (folded * shade).astype(np.uint8)
    return out


class _Camera:
    """A phone held by hand over a desk."""

    def __init__(self, clip: Clip, rng: np.random.Generator) -> None:
        self._clip = clip
        self._rng = rng
        self._at = np.zeros(2)
        self._n = 0
        width, height = clip.size
        desk = rng.normal(85, 6, (height, width, 1)) + np.array([-25, -5, 15])
        self._desk = cv2.GaussianBlur(np.clip(desk, 0, 255).astype(np.uint8), (0, 0), 1)

    def shot(
        self,
        paper: np.ndarray | None,
        *,
        hand: tuple[float, float] | None = None,
        blur: int = 0,
    ) -> np.ndarray:
        """One picture; ``hand`` is where a hand's tip lies, as shares of the page."""
        clip, rng = self._clip, self._rng
        width, height = clip.size
        self._n += 1
        self._at = 0.8 * self._at + rng.normal(0, clip.shake / 2, 2)
        out = self._desk.copy()
        if paper is not None:
            matrix = self._place(width, height)
            if hand is not None:
                paper = _with_hand(paper, hand)
            out = cv2.warpPerspective(
                paper, matrix, (width, height), dst=out, borderMode=cv2.BORDER_TRANSPARENT,
                flags=cv2.INTER_AREA,
            )  # fmt: skip
        if blur:
            out = cv2.blur(out, (blur, 3))
        light = 1 - clip.light * (0.5 + 0.5 * np.sin(self._n / 9))
        shade = np.linspace(1, 1 - clip.light / 2, width)[None, :, None]
        noisy = out * light * shade + rng.normal(0, 2.5, out.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)

    def _place(self, width: int, height: int) -> np.ndarray:
        tall = height * 0.86
        wide = tall * PAGE[1] / PAGE[0]
        if wide > width * 0.9:
            wide, tall = width * 0.9, width * 0.9 * PAGE[0] / PAGE[1]
        angle = np.radians(self._clip.tilt + np.sin(self._n / 20))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = np.array([[-1, -1], [1, -1], [1.03, 1], [-1.03, 1]]) * [wide / 2, tall / 2]
        target = corners @ turn.T + [width / 2, height / 2] + self._at
        rows, columns = PAGE
        source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        return cv2.getPerspectiveTransform(source, target.astype(np.float32))


def _with_hand(paper: np.ndarray, tip: tuple[float, float]) -> np.ndarray:
    out = paper.copy()
    rows, columns = PAGE
    x, y = int(tip[0] * columns), int(tip[1] * rows)
    colour = (120, 150, 205)
    for finger in range(3):
        cv2.ellipse(out, (x + 14 * finger, y + 26 * finger), (52, 13), 200, 0, 360, colour, -1,
                    cv2.LINE_AA)  # fmt: skip
    cv2.ellipse(out, (x + 80, y + 60), (70, 60), 0, 0, 360, colour, -1, cv2.LINE_AA)
    return out
