"""Made-up beginnings of lines: question numbers in every style, and what looks like them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from academy.ai.segmentation.numbers.fonts import Face
from academy.ai.segmentation.numbers.network import END, SLOTS, Kind
from academy.ai.segmentation.numbers.patches import COLUMNS, ROWS, Floats, Head, patches_of
from academy.documents.opening import Gray

Random = np.random.Generator

_WORDS: Final = (
    "다음", "글을", "읽고", "물음에", "답하시오", "함수", "그래프가", "옳은", "것은", "대한",
    "설명으로", "고른", "값을", "구하시오", "밑줄", "친", "빈칸에", "들어갈", "말로", "가장",
    "적절한", "자료는", "실험", "결과를", "나타낸", "그림과", "같이", "물체가", "운동한다", "두",
    "직선", "위의", "점", "이차방정식", "의", "합은", "Which", "of", "the", "following", "is",
    "x+1", "f(x)", "2x", "AB", "sin", "a,", "그", "이", "수열", "등차수열", "확률은",
)  # fmt: skip
_SIZES: Final = (15, 44)
_OTHERS: Final = (
    "①", "②", "③", "④", "⑤", "ㄱ.", "ㄴ.", "ㄷ.", "가.", "나.", "(가)", "(나)", "(1)", "(2)",
    "(3)", "※", "<보기>", "[보기]", "a)", "A.", "B.", "The", "In", "I.", "II.", "-", "*", "=",
    "x", "y=", "f(x)", "2x+", "3.14", "0.5", "1/2", "12cm", "2026년", "3월", "10명", "5개의",
    "1~3", "2의", "+1", "l", "O", "o", "s", "B", "S5", "ㅇ", "ㅣ", "이", "의", "은", "는",
)  # fmt: skip
_UNITS: Final = ("명", "개", "의", "년", "월", "cm", "x", "+3", ",", "%", "g", "배", "~")
_GROUPS: Final = ("[{}~{}]", "[{}\uff5e{}]", "[{}-{}]", "[{} ~ {}]", "[{}\u223c{}]")


@dataclass(frozen=True)
class Examples:
    """Patches and what each is: ``kinds`` (N), ``slots`` (N x 2 x SLOTS; -1: not asked)."""

    patches: Floats
    kinds: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Start:
    """What a line begins with, and what that is."""

    text: str
    kind: Kind = Kind.OTHER
    first: int | None = None
    last: int | None = None
    filled: bool = False
    grown: float = 1.0


@dataclass(frozen=True)
class _Print:
    """How a line is printed: its gray, the fonts of number and text, their size in pixels."""

    shade: int
    number: Face
    text: Face
    size: int


def examples_of(fonts: Sequence[Face], count: int, seed: int) -> Examples:
    """So many examples; the same arguments give the same ones."""
    random = np.random.default_rng(seed)
    patches = np.zeros((count, 1, ROWS, COLUMNS), np.float32)
    kinds = np.zeros(count, np.int64)
    slots = np.full((count, 2, SLOTS), -1, np.int64)
    korean = [font for font in fonts if font.hangul]
    for at in range(count):
        start = _start(random)
        patches[at] = _drawn(start, random, fonts, korean)
        kinds[at] = start.kind
        for row, value in enumerate((start.first, start.last)):
            if value is not None:
                digits = [int(digit) for digit in str(value)]
                slots[at, row] = (digits + [END] * SLOTS)[:SLOTS]
    return Examples(patches, kinds, slots)


def _pick(random: Random, among: Sequence[Any]) -> Any:
    return among[int(random.integers(len(among)))]


def _number(random: Random) -> int:
    return int(
        random.integers(*_pick(random, ((1, 10), (10, 50), (10, 100), (10, 100), (100, 251))))
    )


def _start(random: Random) -> _Start:
    draw = random.random()
    if draw < 0.45:
        return _numbered(random)
    if draw < 0.57:
        first = int(random.integers(1, 100))
        last = first + int(random.integers(1, 6))
        return _Start(_pick(random, _GROUPS).format(first, last), Kind.GROUP, first, last)
    if draw < 0.64:
        value = int(random.integers(1, 16))
        return _Start(chr(0x245F + value), Kind.CIRCLED, value)
    if draw < 0.82:
        return _Start(_pick(random, _OTHERS))
    if draw < 0.9:
        # A number that counts something, or is part of a formula.
        unit = _pick(
            random, ("명", "개", "의", "년", "월", "cm", "x", "+3", ",", "%", "g", "배", "~")
        )
        return _Start(f"{_number(random)}{unit}")
    return _Start("")


def _numbered(random: Random) -> _Start:
    value = _number(random)
    style = random.random()
    if style < 0.5:
        return _Start(f"{value}.", Kind.NUMBER, value, grown=float(random.choice((1.0, 1.0, 1.25))))
    if style < 0.62:
        return _Start(f"{value})", Kind.NUMBER, value)
    if style < 0.68:
        return _Start(f"{value}번", Kind.NUMBER, value)
    if style < 0.74:
        word = _pick(random, ("문", "문제", "문항"))
        return _Start(f"{word} {value}.", Kind.NUMBER, value)
    if style < 0.8:
        return _Start(f"[{value}]", Kind.NUMBER, value)
    if style < 0.93:
        text = f"{value:02d}"
        return _Start(text, Kind.NUMBER, value, grown=float(random.uniform(1.0, 1.7)))
    return _Start(f"{value}", Kind.NUMBER, value, filled=True)


def _drawn(start: _Start, random: Random, fonts: Sequence[Face], korean: Sequence[Face]) -> Floats:
    """One line on paper with its neighbours, as a scanner or a telephone sees it."""
    size = int(random.integers(*_SIZES))
    text_face = _pick(random, korean)
    number_face = _pick(random, fonts) if random.random() < 0.6 else text_face
    if any(ord(letter) > 0x2000 for letter in start.text):
        number_face = text_face
    gap = size * float(random.uniform(1.25, 2.1))
    page = Image.new("L", (size * 8, round(gap * 2 + size * 2.2)), 255)
    pen = ImageDraw.Draw(page)
    left, base = round(size * 0.9), round(page.height / 2 + size * 0.36)
    for offset in (-gap, gap):
        if random.random() < 0.8:
            indent = float(random.choice((0.0, 0.0, 1.2))) * size
            pen.text(
                (left + indent, base + offset), _words(random), 0, text_face.at(size), anchor="ls"
            )
    shade = int(random.integers(0, 60))
    if start.text or random.random() < 0.8:
        _write(pen, start, (left, base), _Print(shade, number_face, text_face, size), random)
    else:
        _scribble(pen, random, page.size)
    gray = _captured(np.asarray(page), size, random)
    head = _head(gray, left, base, size, random)
    return np.asarray(patches_of(gray, [head], size * float(random.uniform(0.85, 1.05)))[0])


def _words(random: Random) -> str:
    return " ".join(_pick(random, _WORDS) for _ in range(5))


def _write(
    pen: ImageDraw.ImageDraw, start: _Start, at: tuple[int, int], how: _Print, random: Random
) -> None:
    left, base = at
    size, shade = how.size, how.shade
    text = how.text.at(size)
    if start.text:
        font = how.number.at(round(size * start.grown))
        if start.filled:
            side = round(size * 1.3)
            box = (left, base - round(size * 1.05), left + side, base + round(size * 0.25))
            pen.rounded_rectangle(box, radius=_pick(random, (2, side // 2)), fill=shade)
            middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            small = how.number.at(round(size * (0.95 if len(start.text) < 3 else 0.7)))
            pen.text(middle, start.text, 255, small, anchor="mm")
            left += side
        else:
            bold = int(random.random() < 0.15 and size > 26)
            pen.text((left, base), start.text, shade, font, anchor="ls", stroke_width=bold)
            left += round(font.getlength(start.text))
        joined = start.kind is Kind.OTHER and random.random() < 0.5
        # A number without a dot stands apart, or it would belong to the word behind it.
        apart = (0.35, 0.9) if start.text.isdigit() else (0.12, 0.6)
        left += 0 if joined else round(size * random.uniform(*apart))
    pen.text((left, base), _words(random), shade, text, anchor="ls")


def _scribble(pen: ImageDraw.ImageDraw, random: Random, size: tuple[int, int]) -> None:
    """A part of a figure or of handwriting."""
    for _ in range(int(random.integers(1, 6))):
        x0, x1 = sorted(random.uniform(0.05, 1.0, 2) * size[0])
        y0, y1 = sorted(random.uniform(0.25, 0.75, 2) * size[1])
        draw = _pick(random, (pen.line, pen.rectangle, pen.ellipse, pen.arc))
        more = (0, 200) if draw == pen.arc else ()
        draw((x0, y0, x1, y1), *more, width=int(random.integers(1, 4)), **(
            {"fill": 0} if draw in (pen.line, pen.arc) else {"outline": 0}
        ))  # fmt: skip


def _captured(gray: Any, size: int, random: Random) -> Gray:
    """Turned a little, thinner or thicker, blurred, noisy, compressed, with specks."""
    seen = np.asarray(gray, np.uint8)
    height, width = seen.shape
    turn = cv2.getRotationMatrix2D((size, height / 2), float(random.normal(0, 0.5)), 1.0)
    turn[0, 1] += float(random.normal(0, 0.02))
    seen = np.asarray(cv2.warpAffine(seen, turn, (width, height), borderValue=255.0), np.uint8)
    draw = random.random()
    if draw < 0.12 and size > 20:
        seen = np.asarray(cv2.erode(seen, np.ones((2, 2), np.uint8)), np.uint8)
    elif draw < 0.2 and size > 28:
        seen = np.asarray(cv2.dilate(seen, np.ones((2, 2), np.uint8)), np.uint8)
    if random.random() < 0.75:
        seen = np.asarray(
            cv2.GaussianBlur(seen, (0, 0), random.uniform(0.3, 0.065 * size)), np.uint8
        )
    contrast = random.uniform(0.5, 1.0)
    noisy = 255 - (255 - seen.astype(np.float32)) * contrast
    noisy += random.normal(0, random.uniform(0, 14), seen.shape)
    seen = noisy.clip(0, 255).astype(np.uint8)
    for _ in range(int(random.integers(0, 5))):
        x, y = int(random.integers(width)), int(random.integers(height))
        cv2.circle(seen, (x, y), int(random.integers(1, 3)), int(random.integers(0, 120)), -1)
    if random.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(35, 92))]
        done, coded = cv2.imencode(".jpg", seen, quality)
        if done:
            seen = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return seen


def _head(gray: Gray, left: int, base: int, size: int, random: Random) -> Head:
    """The beginning as the page's own search finds it: from the ink, never quite exactly."""
    top, bottom = base - round(size * 1.15), base + round(size * 0.4)
    strip = gray[max(0, top) : bottom, max(0, left - 3) : left + round(size * 2.2)]
    # Between print and paper, however pale; specks are blacker than either.
    ink = strip < (float(np.percentile(strip, 5)) + float(np.percentile(strip, 90))) / 2
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows):
        left += int(columns[0]) - 3
        top, bottom = max(0, top) + int(rows[0]), max(0, top) + int(rows[-1]) + 1
    moved = random.normal(0, 0.04 * size, 3)
    return Head(round(left + moved[0]), round(top + moved[1]), round(bottom + moved[2]))
