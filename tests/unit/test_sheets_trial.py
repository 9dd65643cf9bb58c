"""The stack of filled sheets that people try an examination with."""

from __future__ import annotations

import json
from pathlib import Path

import pypdfium2
import pytest

from academy.sheets.layout import Layout, QuestionKind, Section
from academy.sheets.network import WEIGHTS
from academy.sheets.reading.decode import picture_of
from academy.sheets.reading.engine import Reader
from academy.sheets.reading.page import locate
from academy.sheets.synthetic.__main__ import main

LAYOUT = Layout(
    title="쪽지시험", identifier_digits=4, columns=2,
    sections=(Section(count=5), Section(kind=QuestionKind.NUMERIC, count=1, digits=2)),
)  # fmt: skip
KEY = [1, 2, 3, 4, 5, 7]


def ordered(folder: Path, numbers: str, *more: str) -> int:
    layout = folder / "layout.json"
    layout.write_text(LAYOUT.model_dump_json(), encoding="utf-8")
    return main([
        "--layout", str(layout), "--key", ",".join(map(str, KEY)), "--numbers", numbers,
        "--out", str(folder / "box.pdf"), "--truth", str(folder / "truth.json"), *more,
    ])  # fmt: skip


def test_what_careful_students_meant_is_what_is_read(tmp_path: Path) -> None:
    assert ordered(tmp_path, "0012,4711", "--hurried", "0", "--seed", "3") == 0
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert [student["number"] for student in truth] == ["0012", "4711"]
    assert [student["hurried"] for student in truth] == [False, False]
    reader = Reader(WEIGHTS)
    document = pypdfium2.PdfDocument(tmp_path / "box.pdf")
    assert len(document) == len(truth)
    for page, student in zip(document, truth, strict=True):
        jpeg = tmp_path / "page.jpg"
        page.render(scale=150 / 72).to_pil().save(jpeg)
        picture = picture_of(jpeg.read_bytes())
        located = locate(picture, {LAYOUT.fingerprint: LAYOUT})
        read = {one.key: one.values for one in reader.read(picture, located).readings}
        digits = "".join(str(*read[f"id.{place}"]) for place in range(4))
        tens, ones = (str(*read[f"q6.{place}"]) for place in range(2))
        given = [*(value for n in range(1, 6) for value in read[f"q{n}"]), int(tens + ones)]
        assert (digits, given) == (student["number"], student["answers"])
        right = sum(one == wanted for one, wanted in zip(given, KEY, strict=True))
        assert right == student["right"]
    document.close()


def test_the_same_seed_gives_the_same_answers_and_another_does_not(tmp_path: Path) -> None:
    def answers(*more: str) -> object:
        assert ordered(tmp_path, "0012,4711,9090", *more) == 0
        return json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))

    first = answers()
    assert answers() == first
    assert answers("--seed", "2") != first


@pytest.mark.parametrize(
    ("numbers", "key", "sentence"),
    [
        ("001", "1,2,3,4,5,7", "has not 4 digits"),
        ("0012", "1,2,3", "3 right answers for 6"),
        ("0012", "1,2,3,4,6,7", "question 5 has no answer 6"),
        ("0012", "1,2,3,4,5,100", "question 6 has no answer 100"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], numbers: str, key: str, sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        ordered(tmp_path, numbers, "--key", key)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "box.pdf").exists()


def test_a_layout_that_is_not_there_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        ordered(tmp_path, "0012", "--layout", str(tmp_path / "missing.json"))
    assert ended.value.code == 2
    assert "missing.json" in capsys.readouterr().err
