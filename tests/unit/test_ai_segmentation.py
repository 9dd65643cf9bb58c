"""Questions are found where they stand: two columns, groups, figures, numbers within questions."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from academy.ai.segmentation import file
from academy.sandbox.child import Refused
from tests.support.documents import pdf, picture, written

WORDS = ["다음", "함수의", "그래프에", "대한", "설명으로", "옳은", "것을", "고르시오", "문제"]
SCALE = 200 / 72


class Test:
    """Draws a test of two columns and remembers where each question stands."""

    __test__ = False

    def __init__(self, last: int) -> None:
        self.chance = random.Random(5)
        self.truth: dict[int, tuple[int, tuple[float, ...]]] = {}
        self.next, self.last, self.page = 1, last, 0

    def text(self) -> str:
        return " ".join(self.chance.choices(WORDS, k=6))[:24]

    def draw(self, canvas: Canvas) -> None:
        self.page += 1
        canvas.drawString(150, 805, f"2026학년도 수학 영역 {self.page}")
        canvas.drawString(290, 25, f"- {self.page} -")
        canvas.line(297, 60, 297, 780)
        for left in (40, 310):
            y = 770.0
            while self.next <= self.last and y > 240:
                if self.next % 9 == 5:
                    canvas.drawString(left, y, f"[{self.next}~{self.next + 1}] 다음을 읽으시오.")
                    canvas.drawString(left, y - 16, self.text())
                    y -= 46
                y = self.question(canvas, left, y)

    def question(self, canvas: Canvas, left: float, y: float) -> float:
        top, right = y + 9, 0.0
        lines = [f"{self.next}. {self.text()}", *(self.text() for _ in range(2))]
        if self.next % 7 == 3:
            lines.append(f"2. {self.text()}")
        for line in lines:
            canvas.drawString(left, y, line)
            right = max(right, left + canvas.stringWidth(line))
            y -= 16
        if self.next % 4 == 0:
            canvas.rect(left + 30, y - 20, 80, 30)
            y -= 36
        bottom = y + 14
        self.truth[self.next] = (self.page, (left, 842 - top, right, 842 - bottom))
        self.next += 1
        return y - 26


def iou(one: Any, other: Any) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(wide * tall / (sum(areas) - wide * tall))


def read(path: Path, folder: Path, **asked: Any) -> dict[str, Any]:
    request = {"path": str(path), "first": 1, "last": None, **asked}
    return file.read(request, folder, lambda _share: None)


def test_questions_of_a_two_column_test_are_found_whole_and_alone(tmp_path: Path) -> None:
    test = Test(40)
    found = read(pdf(tmp_path / "a.pdf", *[test.draw] * 4), tmp_path)
    hits = 0
    for one in found["questions"]:
        page, box = test.truth.get(one["n"], (0, ()))
        hits += one["page"] == page and iou(one["bbox"], [v * SCALE for v in box]) >= 0.8
    assert hits >= 0.98 * len(test.truth), (hits, len(test.truth))
    assert hits >= 0.98 * len(found["questions"])
    assert {(one["first"], one["last"]) for one in found["shared"]} == {
        (5, 6), (14, 15), (23, 24), (32, 33),
    }  # fmt: skip
    assert found["missing"] == []
    assert all((tmp_path / one["crop"]).stat().st_size > 100 for one in found["questions"])


def test_a_missing_number_is_named_and_its_neighbours_are_less_sure(tmp_path: Path) -> None:
    lines = [line for n in (1, 2, 4, 5) for line in (f"{n}. 다음 중 옳은 것은?", "둘째 줄입니다")]
    found = read(pdf(tmp_path / "a.pdf", written(*lines)), tmp_path)
    assert found["missing"] == [3]
    assert [one["confidence"] for one in found["questions"]] == [1.0, 0.8, 0.8, 1.0]


@pytest.mark.parametrize("kind", ["scan", "photograph"])
def test_what_has_no_text_layer_is_refused(tmp_path: Path, kind: str) -> None:
    path = picture(tmp_path / "a.png", "1. 다음 중 옳은 것은?")
    if kind == "scan":
        path = pdf(tmp_path / "a.pdf", lambda canvas: canvas.drawImage(tmp_path / "a.png", 40, 600))
    with pytest.raises(Refused) as refused:
        read(path, tmp_path)
    assert refused.value.code == "questions_need_text"


def test_a_text_without_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read(
            pdf(tmp_path / "a.pdf", written(*["번호가 없는 글입니다. 그래도 깁니다."] * 4)),
            tmp_path,
        )
    assert refused.value.code == "questions_not_found"
