"""A box as a camera sees it: what a writer wrote, on paper, within a printed frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from academy.ai.digits.reading.ink import Gray
from academy.ai.digits.synthetic.streams import Stream, rng_of
from academy.ai.digits.synthetic.strokes import LETTERS, smooth
from academy.ai.digits.synthetic.writers import Glyph, Ink, Writer


class Written(StrEnum):
    """What stands in a box."""

    NUMBER = "number"
    LETTERS = "letters"
    SCRIBBLE = "scribble"
    CROSSED_OUT = "crossed_out"
    BLANK = "blank"


DOUBTFUL = frozenset({Written.LETTERS, Written.SCRIBBLE, Written.CROSSED_OUT})


@dataclass(frozen=True)
class Sample:
    """A box and what was meant; ``text`` is empty unless it is a number."""

    gray: Gray
    text: str
    what: Written
    glyphs: tuple[Glyph, ...] = ()


def number(rng: np.random.Generator, *, signs: bool = True, fractions: bool = True) -> str:
    """A short answer: one to six digits, with a sign, a decimal point or a slash now and then."""
    digits = [str(rng.integers(10)) for _ in range(int(rng.choice(6, p=_LENGTHS)) + 1)]
    text = "".join(digits)
    how = rng.random()
    if len(text) > 1 and how < 0.14:
        at = int(rng.integers(1, len(text)))
        text = f"{text[:at]}.{text[at:]}"
    elif fractions and len(text) > 1 and how < 0.26:
        at = int(rng.integers(1, len(text)))
        text = f"{text[:at]}/{text[at:]}"
    return f"-{text}" if signs and rng.random() < 0.15 else text


_LENGTHS = (0.22, 0.32, 0.24, 0.12, 0.06, 0.04)


def sample(
    stream: Stream, writer: int, box: int, *, what: Written = Written.NUMBER, fractions: bool = True
) -> Sample:
    """One box of a writer."""
    hand = Writer.of(rng_of(stream, writer))
    rng = rng_of(stream, writer, box, 1)
    text = number(rng, fractions=fractions)
    height = float(rng.uniform(26, 58))
    rows = round(height * float(rng.uniform(1.45, 2.0)))
    columns = round(height * (1.2 + 0.95 * len(text)) + rows)
    glyphs: list[Glyph] = []
    if what is Written.LETTERS:
        text = "".join(str(one) for one in rng.choice(list(LETTERS), int(rng.integers(1, 4))))
    if what in {Written.NUMBER, Written.LETTERS, Written.CROSSED_OUT}:
        glyphs = hand.draw(rng, text, height, (rows, columns))
    ink = np.zeros((rows, columns), np.float32)
    for glyph in glyphs:
        np.maximum(ink, glyph.ink, out=ink)
    if what is Written.CROSSED_OUT:
        np.maximum(ink, _crossing(rng, hand, ink), out=ink)
    if what is Written.SCRIBBLE:
        np.maximum(ink, _scribble(rng, hand, (rows, columns), height), out=ink)
    field = _field(rng, (rows, columns))
    glyphs = [Glyph(one.symbol, _warped(one.ink, field)) for one in glyphs]
    gray = _captured(rng, _warped(ink, field))
    return Sample(gray, text if what is Written.NUMBER else "", what, tuple(glyphs))


def _field(rng: np.random.Generator, size: tuple[int, int]) -> Ink:
    """An elastic distortion: where each pixel comes from."""
    rows, columns = size
    coarse = rng.normal(0, 1, (max(2, rows // 14), max(2, columns // 14), 2)).astype(np.float32)
    fine = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    strength = np.float32(rng.uniform(0, 0.022) * rows)
    return np.asarray(np.stack([x, y], axis=2) + fine * strength, np.float32)


def _warped(ink: Ink, field: Ink) -> Ink:
    return np.asarray(cv2.remap(ink, field[..., 0], field[..., 1], cv2.INTER_LINEAR), np.float32)


def _crossing(rng: np.random.Generator, hand: Writer, ink: Ink) -> Ink:
    """One to three strokes through what is written, or a cross over it."""
    ys, xs = np.nonzero(ink > 0.2)
    top, bottom = ys.min(), ys.max()
    beyond = rng.uniform(0.08, 0.4, 2) * (bottom - top)
    left, right = xs.min() - beyond[0], xs.max() + beyond[1]
    canvas = np.zeros(ink.shape, np.uint8)
    pen = max(1, round(hand.pen * (bottom - top)))
    slopes = [(0.2, 0.8), (0.8, 0.2)] if rng.random() < 0.4 else [
        (at, at + rng.normal(0, 0.1)) for at in rng.uniform(0.25, 0.75, int(rng.integers(1, 4)))
    ]  # fmt: skip
    for start, end in slopes:
        down = top + np.array([start, end]) * (bottom - top) + rng.normal(0, 1, 2)
        cv2.line(canvas, (int(left), int(down[0])), (int(right), int(down[1])), 255, pen, 16)
    return np.asarray(canvas.astype(np.float32) / 255 * np.float32(hand.darkness), np.float32)


def _scribble(rng: np.random.Generator, hand: Writer, size: tuple[int, int], height: float) -> Ink:
    rows, columns = size
    canvas = np.zeros(size, np.uint8)
    middle = np.array([columns / 2, rows / 2]) + rng.normal(0, 3, 2)
    spread = np.array([height * float(rng.uniform(0.4, 1.2)), height * 0.42])
    points = smooth(middle + rng.uniform(-1, 1, (int(rng.integers(8, 24)), 2)) * spread)
    pen = max(1, round(hand.pen * height))
    cv2.polylines(canvas, [np.round(points).astype(np.int32)], isClosed=False, color=255,
                  thickness=pen, lineType=16)  # fmt: skip
    return np.asarray(canvas.astype(np.float32) / 255 * np.float32(hand.darkness), np.float32)


def _captured(rng: np.random.Generator, ink: Ink) -> Gray:
    """Paper and ink through a camera: uneven light, a frame, blur, noise and JPEG."""
    rows, columns = ink.shape
    margin = round(rows * 0.25)
    page = np.pad(ink, margin)
    if rng.random() < 0.6:
        frame = np.float32(rng.uniform(0.3, 0.9))
        inset = margin + int(rng.integers(-4, 4))
        cv2.rectangle(
            page, (inset, inset), (columns + 2 * margin - inset, rows + 2 * margin - inset),
            float(frame), int(rng.integers(1, 3)),
        )  # fmt: skip
    dark, bright = (float(one) for one in rng.uniform(0.75, 1.0, 2))
    light = np.linspace(dark, bright, page.shape[1])[None, :]
    paper = float(rng.uniform(190, 250)) * light
    gray = paper * (1 - np.float32(rng.uniform(0.75, 0.95)) * page)
    gray = cv2.GaussianBlur(gray, (0, 0), float(rng.uniform(0.3, 1.0)))
    gray = gray + rng.normal(0, float(rng.uniform(1, 7)), gray.shape)
    shot = np.clip(gray, 0, 255).astype(np.uint8)
    quality = int(rng.integers(55, 96))
    encoded = cv2.imencode(".jpg", shot, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    again = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return np.asarray(again[margin : margin + rows, margin : margin + columns], np.uint8)
