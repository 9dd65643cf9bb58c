"""Printed tests drawn with known questions, and how a scanner or a telephone sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from academy.ai.segmentation.numbers.fonts import OURS, Face, faces
from academy.documents.opening import Box, Gray

WORDS = (
    "다음", "글을", "읽고", "물음에", "답하시오", "함수의", "그래프에", "대한", "설명으로", "옳은",
    "것만을", "있는", "대로", "고른", "값은", "자연수", "수열", "공차가", "등차수열", "실험",
    "결과", "물체의", "운동", "밑줄", "친", "부분", "빈칸에", "들어갈", "말로", "가장", "적절한",
)  # fmt: skip
_DPI = 200
_POINTS = (595.0, 842.0)
WIDTH, HEIGHT = 1653, 2338
"""Pixels of A4 at 200 dpi."""
_TOP, _BOTTOM = 190, 2180
_COLUMNS = ((110, 790), (870, 1550))


class Capture(StrEnum):
    """How the paper came into the file."""

    CLEAN = "clean"
    SCAN = "scan"
    ROUGH = "rough"


@dataclass(frozen=True)
class Truth:
    """Where a question stands: its number, its page from 0, its box."""

    number: int
    page: int
    box: Box


@dataclass
class Drawn:
    """Pages, and the truth about them."""

    pages: list[Gray] = field(default_factory=list)
    questions: list[Truth] = field(default_factory=list)
    groups: list[tuple[int, int]] = field(default_factory=list)


class Printer:
    """Draws a test of two columns; the same seed draws the same test."""

    def __init__(self, seed: int, fonts: Sequence[Face] | None = None) -> None:
        self.random = np.random.default_rng([7_301, seed])
        among = faces(["NanumGothic"]) if fonts is None else fonts
        korean = [font for font in among if font.hangul]
        self.text = korean[int(self.random.integers(len(korean)))]
        self.number = among[int(self.random.integers(len(among)))]
        self.style = str(self.random.choice(["{}.", "{}.", "{}.", "{})", "{:02d}", "{}번"]))
        self.size = int(self.random.integers(24, 32))
        self.grown = float(self.random.choice([1.0, 1.0, 1.3]))
        self.hanging = bool(self.random.random() < 0.5)

    def draw(self, last: int) -> Drawn:
        """Pages with questions 1 to ``last``."""
        drawn = Drawn()
        number = 1
        while number <= last:
            page = Image.new("L", (WIDTH, HEIGHT), 255)
            pen = ImageDraw.Draw(page)
            at = len(drawn.pages)
            title = f"2026학년도 {at + 1}회 모의고사 수학 영역"
            pen.text((WIDTH / 2, 110), title, 0, self.text.at(36), anchor="ms")
            pen.text((WIDTH / 2, 2270), f"- {at + 1} -", 0, self.text.at(26), anchor="ms")
            pen.line((WIDTH / 2, 160, WIDTH / 2, 2200), 0, 2)
            for left, right in _COLUMNS:
                y = float(_TOP)
                while number <= last:
                    shared = 2.6 * self.size if number % 7 == 5 else 0.0
                    tall = self._tall(number)
                    if y + shared + tall > _BOTTOM:
                        break
                    if shared:
                        self._group(pen, number, left, y)
                        drawn.groups.append((number, number + 1))
                        y += shared + self.size
                    box = self._question(pen, number, left, right, y)
                    drawn.questions.append(Truth(number, at, box))
                    y = box[3] + float(self.random.uniform(2.0, 4.5)) * self.size
                    number += 1
            drawn.pages.append(np.asarray(page, np.uint8))
        return drawn

    def _lines(self, number: int) -> int:
        return 2 + (number * 7 + self.size) % 4

    def _tall(self, number: int) -> float:
        figure = 6.5 if number % 4 == 0 else 0.0
        return (self._lines(number) + 5 + figure) * 1.7 * self.size

    def _group(self, pen: ImageDraw.ImageDraw, number: int, left: int, y: float) -> None:
        text = f"[{number}~{number + 1}] 다음 글을 읽고 물음에 답하시오."
        pen.text((left, y), text, 0, self.text.at(self.size))

    def _question(
        self, pen: ImageDraw.ImageDraw, number: int, left: int, right: int, y: float
    ) -> Box:
        """Draw one; the box of its ink."""
        font = self.text.at(self.size)
        head = self.number.at(round(self.size * self.grown))
        label = self.style.format(number)
        base = y + 1.1 * self.size * self.grown
        boxes = [pen.textbbox((left, base), label, head, anchor="ls")]
        pen.text((left, base), label, 0, head, anchor="ls")
        indent = head.getlength(label) + 0.4 * self.size
        for row in range(self._lines(number)):
            start = left + (indent if row == 0 or self.hanging else 0)
            boxes.append(self._text(pen, (start, base), self._fitting(font, right - start)))
            base += 1.7 * self.size
        if number % 6 == 3:
            boxes.append(self._text(pen, (left + indent, base), "2. 다음 값"))
            base += 1.7 * self.size
        if number % 4 == 0:
            figure = (left + 120, base - 10, left + 420, base + 5.2 * self.size)
            pen.rectangle(figure, outline=0, width=3)
            pen.ellipse((left + 180, base, left + 330, base + 4 * self.size), outline=0, width=3)
            boxes.append(figure)
            base += 7.2 * self.size
        for column in range(5):
            choice = f"{chr(0x2460 + column)} {int(self.random.integers(1, 90))}"
            boxes.append(self._text(pen, (left + 132 * column, base), choice))
        edges = np.array(boxes)
        low, high = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _text(self, pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str) -> Any:
        font = self.text.at(self.size)
        pen.text(at, text, 0, font, anchor="ls")
        return pen.textbbox(at, text, font, anchor="ls")

    def _fitting(self, font: Any, width: float) -> str:
        words = ""
        while True:
            more = f"{words} {self.random.choice(WORDS)}".strip()
            if font.getlength(more) > width:
                return words
            words = more


def captured(drawn: Drawn, how: Capture, seed: int) -> Drawn:
    """The test as it arrives: pictures, and where the questions then stand."""
    random = np.random.default_rng([9_176, seed])
    out = Drawn(groups=drawn.groups)
    for at, page in enumerate(drawn.pages):
        matrix = _moved(how, random)
        out.pages.append(_seen(page, matrix, how, random))
        out.questions += [
            Truth(one.number, at, _through(matrix, one.box))
            for one in drawn.questions
            if one.page == at
        ]
    return out


def _moved(how: Capture, random: np.random.Generator) -> Any:
    """From the paper to the picture."""
    if how is Capture.CLEAN:
        return np.eye(3)
    most = 1.5 if how is Capture.SCAN else 3.5
    turn = cv2.getRotationMatrix2D(
        (WIDTH / 2, HEIGHT / 2), float(random.uniform(-most, most)), float(random.uniform(0.95, 1))
    )
    matrix = np.vstack([turn, [0, 0, 1]])
    if how is Capture.ROUGH:
        corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
        inward = random.uniform(-0.018, 0.018, (4, 2)) * (WIDTH, HEIGHT)
        moved = (corners + inward).astype(np.float32)
        matrix = np.asarray(cv2.getPerspectiveTransform(corners, moved)) @ matrix
    return matrix


def _seen(page: Gray, matrix: Any, how: Capture, random: np.random.Generator) -> Gray:
    if how is Capture.CLEAN:
        return page
    gray = np.asarray(
        cv2.warpPerspective(page, matrix, (WIDTH, HEIGHT), borderValue=255.0), np.float32
    )
    rough = how is Capture.ROUGH
    gray = cv2.GaussianBlur(gray, (0, 0), float(random.uniform(0.6, 1.7 if rough else 1.1)))
    paper = float(random.uniform(0.72, 0.95))
    gray = (255 - (255 - gray) * float(random.uniform(0.7, 0.95))) * paper
    if rough:
        x = np.linspace(-1, 1, WIDTH)[None, :] * float(random.uniform(-0.3, 0.3))
        y = np.linspace(-1, 1, HEIGHT)[:, None] * float(random.uniform(-0.3, 0.3))
        gray = gray * (0.75 + x + y).clip(0.35, 1.0)
    gray += random.normal(0, 9 if rough else 5, gray.shape)
    seen = gray.clip(0, 255).astype(np.uint8)
    for _ in range(120 if rough else 60):
        at = (int(random.integers(WIDTH)), int(random.integers(HEIGHT)))
        cv2.circle(seen, at, int(random.integers(1, 3)), int(random.integers(0, 120)), -1)
    return seen


def _through(matrix: Any, box: Box) -> Box:
    left, top, right, bottom = box
    corners = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], np.float64)
    moved = cv2.perspectiveTransform(corners, matrix)[0]
    low, high = moved.min(axis=0), moved.max(axis=0)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def saved(path: Path, pages: Sequence[Gray], quality: int = 80) -> Path:
    """The pages as a TIFF (JPEG within), or a single one in the format of the suffix."""
    images = [Image.fromarray(page) for page in pages]
    if path.suffix == ".tif":
        images[0].save(
            path, save_all=True, append_images=images[1:], compression="jpeg", quality=quality
        )
    elif path.suffix == ".pdf":
        images[0].save(path, save_all=True, append_images=images[1:], resolution=200)
    else:
        images[0].save(path, quality=quality)
    return path


def iou(one: Sequence[float], other: Sequence[float]) -> float:
    """How far two boxes are the same, 0 to 1."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return wide * tall / (sum(areas) - wide * tall)


@dataclass
class Score:
    """Questions that were there, that were found, whose box is right, whose number is too."""

    wanted: int = 0
    found: int = 0
    placed: int = 0
    numbered: int = 0
    silent: int = 0
    """Wrong and yet confident."""

    def add(self, truth: Sequence[Truth], questions: Sequence[dict[str, Any]]) -> None:
        """Count one test; ``questions`` as the result has them."""
        self.wanted += len(truth)
        self.found += len(questions)
        for one in questions:
            best = max(
                (t for t in truth if t.page == one["page"] - 1),
                key=lambda t: iou(t.box, one["bbox"]),
                default=None,
            )
            placed = best is not None and iou(best.box, one["bbox"]) >= 0.8
            right = placed and best is not None and best.number == one["n"]
            self.placed += placed
            self.numbered += right
            sure = min(one["confidence"], one["number_confidence"]) >= 0.75
            self.silent += sure and not right

    @property
    def precision(self) -> float:
        """Of what was found."""
        return self.placed / max(1, self.found)

    @property
    def recall(self) -> float:
        """Of what was there."""
        return self.placed / max(1, self.wanted)

    def to_json(self) -> dict[str, Any]:
        """The figures."""
        return {
            "questions": self.wanted, "precision": round(self.precision, 4),
            "recall": round(self.recall, 4),
            "numbers_right": round(self.numbered / max(1, self.placed), 4),
            "silent_errors": round(self.silent / max(1, self.found), 4),
        }  # fmt: skip


class _TextTest:
    """A test of two columns with a text layer, and where each question stands."""

    def __init__(self, seed: int, last: int) -> None:
        self.random = np.random.default_rng([3_407, seed])
        self.truth: list[Truth] = []
        self.next, self.last, self.page = 1, last, 0

    def draw(self, canvas: Canvas) -> None:
        """The next page."""
        canvas.drawString(150, 805, f"2026학년도 수학 영역 {self.page + 1}")
        canvas.drawString(290, 25, f"- {self.page + 1} -")
        canvas.line(297, 60, 297, 780)
        for left in (40, 310):
            y = 770.0
            while self.next <= self.last and y > 240:
                if self.next % 9 == 5:
                    heading = f"[{self.next}~{self.next + 1}] 다음을 읽으시오."
                    canvas.drawString(left, y, heading)
                    canvas.drawString(left, y - 16, self._text())
                    y -= 46
                y = self._question(canvas, left, y)
        self.page += 1

    def _text(self) -> str:
        return " ".join(self.random.choice(WORDS, 6))[:24]

    def _question(self, canvas: Canvas, left: float, y: float) -> float:
        top, right = y + 9, 0.0
        lines = [f"{self.next}. {self._text()}", self._text(), self._text()]
        if self.next % 7 == 3:
            lines.append(f"2. {self._text()}")
        for line in lines:
            canvas.drawString(left, y, line)
            right = max(right, left + canvas.stringWidth(line))
            y -= 16
        if self.next % 4 == 0:
            canvas.rect(left + 30, y - 20, 80, 30)
            y -= 36
        box = (left, _POINTS[1] - top, right, _POINTS[1] - y - 14)
        pixels = [round(value * _DPI / 72) for value in box]
        self.truth.append(Truth(self.next, self.page, (pixels[0], pixels[1], pixels[2], pixels[3])))
        self.next += 1
        return y - 26


def text_pdf(path: Path, seed: int, last: int) -> list[Truth]:
    """Write a test of questions 1 to ``last`` with a text layer; where they stand at 200 dpi."""
    test = _TextTest(seed, last)
    (font,) = faces(["NanumGothic"], [OURS])
    pdfmetrics.registerFont(TTFont("printed", font.path))
    canvas = Canvas(str(path), pagesize=_POINTS)
    while test.next <= last:
        canvas.setFont("printed", 11)
        test.draw(canvas)
        canvas.showPage()
    canvas.save()
    return test.truth
