"""Questions are found where they stand: two columns, groups, figures, numbers within questions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from academy.ai.segmentation import file
from academy.ai.segmentation.anchors import anchors_of
from academy.ai.segmentation.marks import Mark
from academy.ai.segmentation.numbers import WEIGHTS
from academy.ai.segmentation.numbers.network import ModelError, NumberNetwork
from academy.ai.segmentation.regions import Region
from academy.sandbox.child import Refused
from tests.support.documents import A4, pdf, written
from tests.support.printed_tests import Capture, Printer, Score, captured, saved, text_pdf

GATES = {Capture.CLEAN: 0.9, Capture.SCAN: 0.9, Capture.ROUGH: 0.8}
"""Least precision and recall at an intersection over union of .8."""
UNSEEN = (9_101, 9_102)
"""Seeds of tests that nothing was tuned on."""


def read(path: Path, folder: Path, **asked: Any) -> dict[str, Any]:
    request = {"path": str(path), "first": 1, "last": None, "most": 20, **asked}
    answer = file.read(request, folder, lambda _share: None)
    assert answer["read"]
    return answer["found"]  # type: ignore[no-any-return]


def test_questions_of_a_two_column_test_are_found_whole_and_alone(tmp_path: Path) -> None:
    truth = text_pdf(tmp_path / "a.pdf", UNSEEN[0], 40)
    found = read(tmp_path / "a.pdf", tmp_path)
    score = Score()
    score.add(truth, found["questions"])
    assert min(score.precision, score.recall) >= 0.98, score.to_json()
    assert score.numbered == score.placed
    assert {(one["first"], one["last"]) for one in found["shared"]} == {
        (5, 6), (14, 15), (23, 24), (32, 33),
    }  # fmt: skip
    assert found["missing"] == []
    assert all((tmp_path / one["crop"]).stat().st_size > 100 for one in found["questions"])


def test_a_missing_number_is_named_and_its_neighbours_are_less_sure(tmp_path: Path) -> None:
    lines = [line for n in (1, 2, 4, 5) for line in (f"{n}. 다음 중 옳은 것은?", "둘째 줄입니다")]
    found = read(pdf(tmp_path / "a.pdf", written(*lines)), tmp_path)
    assert found["missing"] == [3]
    assert [one["confidence"] for one in found["questions"]] == [1.0, 0.7, 0.8, 1.0]


def test_questions_of_the_same_words_at_the_top_of_pages_are_no_running_head(
    tmp_path: Path,
) -> None:
    def page(first: int) -> Any:
        asked = [f"{n}. 다음 중 옳은 것은?" for n in (first, first + 1)]
        return written("3. 수학 영역", asked[0], "보기", asked[1], top=815)

    found = read(pdf(tmp_path / "a.pdf", page(4), page(6), page(8)), tmp_path)
    assert [one["n"] for one in found["questions"]] == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("how", Capture)
def test_questions_of_a_test_without_text_are_found_by_their_printed_numbers(
    tmp_path: Path, how: Capture
) -> None:
    """A few pages; `tests/perf/ai/segmentation.py` measures many."""
    score = Score()
    for seed in UNSEEN:
        drawn = captured(Printer(seed).draw(14), how, seed)
        found = read(saved(tmp_path / f"{seed}.tif", drawn.pages), tmp_path)
        score.add(drawn.questions, found["questions"])
        assert {page["source"] for page in found["pages"]} == {"picture"}
    assert min(score.precision, score.recall) >= GATES[how], score.to_json()
    assert score.numbered >= 0.95 * score.placed, score.to_json()


def test_a_file_of_text_and_scans_is_one_test(tmp_path: Path) -> None:
    """Each page by the engine that it needs; the numbers go on from one to the other."""
    scan = captured(Printer(UNSEEN[0]).draw(6), Capture.SCAN, 5).pages[0]
    saved(tmp_path / "page.png", [scan])
    text = [line for n in (7, 8) for line in (f"{n}. 다음 중 옳은 것은?", "둘째 줄입니다")]
    path = pdf(
        tmp_path / "a.pdf",
        lambda canvas: canvas.drawImage(tmp_path / "page.png", 0, 0, *A4),
        written(*text),
    )
    found = read(path, tmp_path)
    assert [page["source"] for page in found["pages"]] == ["picture", "text_layer"]
    assert [one["n"] for one in found["questions"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert found["model"]["name"].startswith("question-numbers@")
    with Image.open(tmp_path / found["pages"][0]["preview"]) as preview:
        assert max(preview.size) == 1600


def test_a_damaged_page_costs_its_own_questions_only(tmp_path: Path) -> None:
    frames = captured(Printer(UNSEEN[0]).draw(8), Capture.CLEAN, 1).pages[:1]
    path = saved(tmp_path / "a.tif", [*frames, np.full((20, 2000), 255, np.uint8)])
    found = read(path, tmp_path)
    assert found["unread"] == [2]
    assert len(found["questions"]) >= 4
    with pytest.raises(Refused) as refused:
        read(path, tmp_path, first=2)
    assert refused.value.code == "document_picture_too_small"


def test_a_photograph_of_something_else_has_no_questions(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (600, 800), np.uint8)
    with pytest.raises(Refused) as refused:
        read(saved(tmp_path / "a.jpg", [noise]), tmp_path)
    assert refused.value.code == "questions_not_found"


def mark(number: int, share: float = 1.0, sure: float = 1.0, at: int = 0) -> Mark:
    return Mark(0, (0, at, 20, at + 20), ((number, share),), sure=sure)


def numbers(*marks: Mark) -> list[tuple[int, float]]:
    regions = [Region(1, (0, 0, 1000, 1000), ())]
    return [(one.number, one.number_confidence) for one in anchors_of(regions, marks)]


def test_a_misread_number_gives_way_to_the_one_that_the_chain_needs() -> None:
    misread = Mark(0, (0, 60, 20, 80), ((1, 0.7), (7, 0.2)))
    (_, six), (seven, unsure), (_, eight) = numbers(mark(6, at=0), misread, mark(8, at=90))
    assert seven == 7
    assert unsure < min(six, eight)


def test_numbers_that_cannot_be_read_are_filled_where_only_one_order_is_possible() -> None:
    unread = Mark(0, (0, 60, 20, 80), ((99, 0.3),))
    filled = numbers(mark(4, at=0), unread, mark(6, at=90))
    assert [number for number, _ in filled] == [4, 5, 6]
    assert filled[1][1] < 0.75
    # Two of them for one number: which it is would be a guess.
    twice = numbers(mark(4, at=0), unread, replace(unread, box=(0, 70, 20, 90)), mark(6, at=99))
    assert [number for number, _ in twice] == [4, 6]


def test_the_network_that_is_not_the_described_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(WEIGHTS.read_bytes() + b" ")
    (tmp_path / "n.json").write_bytes(WEIGHTS.with_suffix(".json").read_bytes())
    with pytest.raises(ModelError):
        NumberNetwork(tmp_path / "n.onnx")


def test_a_text_without_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read(
            pdf(tmp_path / "a.pdf", written(*["번호가 없는 글입니다. 그래도 깁니다."] * 4)),
            tmp_path,
        )
    assert refused.value.code == "questions_not_found"
