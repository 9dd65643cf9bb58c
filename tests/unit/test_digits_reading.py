"""Numbers written by hand: the gates of the network that comes with the code, and what is doubt."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from academy.ai.digits.grading import is_right
from academy.ai.digits.network import OTHER, SYMBOLS, WEIGHTS
from academy.ai.digits.network.examples import balanced, examples_of, real_digits
from academy.ai.digits.params import DigitsParams
from academy.ai.digits.reading.chain import is_number, read
from academy.ai.digits.reading.ink import ink_of
from academy.ai.digits.reading.pieces import line_of
from academy.ai.digits.reading.printed import printed_boxes
from academy.ai.digits.reading.verdict import Status, Verdict, decide, joined, prepare
from academy.ai.digits.synthetic.boxes import DOUBTFUL, Written
from academy.ai.digits.synthetic.judge import Report, judge, seen
from academy.ai.digits.synthetic.sets import PLAIN, samples
from academy.ai.digits.synthetic.streams import Stream, rng_of
from academy.ai.digits.synthetic.writers import Writer

torch = pytest.importorskip("torch", reason="the network needs torch, which this host lacks")

from academy.ai.digits.network.model import DigitNetwork, WeightsError, network  # noqa: E402
from academy.ai.digits.network.training import train  # noqa: E402

UPLOAD = "01932c06-99d0-7a52-b2f7-0c9a4a6c5d11"


def report(what: Written, count: int) -> Report:
    digits = network()
    boxes = seen(samples(Stream.HOLDOUT, what, count, fractions=False))
    return judge(boxes, digits, threshold=digits.threshold, allowed=PLAIN)


def test_hands_that_were_never_seen_are_read_and_no_error_is_silent() -> None:
    found = report(Written.NUMBER, 160)
    assert found.digit_accuracy >= 0.98, found.wrong
    assert found.silent == 0, found.wrong
    assert found.review < 0.35 * found.boxes
    off = found.confusion - np.diag(np.diag(found.confusion))
    assert off.max() <= 3, found.confusion


@pytest.mark.parametrize("what", sorted(DOUBTFUL))
def test_what_is_no_number_is_never_given_as_one(what: Written) -> None:
    found = report(what, 80)
    assert found.silent == 0, found.wrong
    assert found.review >= 0.95 * found.boxes


def test_an_empty_box_is_blank_whatever_the_camera_makes_of_it() -> None:
    assert report(Written.BLANK, 80).silent == 0


def test_digits_that_people_wrote_are_read() -> None:
    real = real_digits(1_200, 1_797)
    digits = network()
    shares = digits.shares(real.patches)
    found = shares.argmax(1)
    right = found == real.classes
    assert right.mean() >= 0.92
    sure = (shares.max(1) >= digits.threshold) & (found != OTHER)
    assert (sure & ~right).mean() <= 0.01


def test_the_description_of_the_weights_is_that_of_the_file(tmp_path: Path) -> None:
    about = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert about["sha256"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert network().identity == {"name": about["name"], "sha256": about["sha256"]}
    other = tmp_path / WEIGHTS.name
    other.write_bytes(WEIGHTS.read_bytes()[:-1] + b"\0")
    other.with_suffix(".json").write_text(WEIGHTS.with_suffix(".json").read_text())
    with pytest.raises(WeightsError):
        DigitNetwork(other)


def test_training_learns_from_its_own_seeds_and_the_same_seed_gives_the_same_weights() -> None:
    examples = balanced(examples_of(Stream.TRAINING, 8, 4), 1)
    losses: list[str] = []
    first = train(examples, epochs=2, seed=5, say=losses.append)
    again = train(examples, epochs=2, seed=5, say=losses.append)
    assert losses[:2] == losses[2:]
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def written(text: str, size: tuple[int, int] = (60, 240), seed: int = 3) -> np.ndarray:
    """An evened box with a text in some hand."""
    rng = rng_of(Stream.HOLDOUT, 900, seed)
    ink = np.zeros(size, np.float32)
    for glyph in Writer.of(rng).draw(rng, text, 34, size):
        np.maximum(ink, glyph.ink, out=ink)
    return (255 - 220 * np.minimum(1, ink * 1.6)).astype(np.uint8)


def test_ink_that_leaves_the_box_is_a_doubt() -> None:
    box = written("84", (60, 120))
    ys, _ = np.nonzero(box < 128)
    assert "clipped" in ink_of(box[: (ys.min() + ys.max()) // 2]).doubts
    assert ink_of(box).doubts == ()


def test_a_printed_divider_within_a_box_is_a_doubt() -> None:
    box = written("12", (60, 160))
    box[:, 20:22] = 60
    assert "lines" in ink_of(box).doubts


def test_a_frame_along_the_edges_is_no_ink() -> None:
    box = np.full((60, 160), 250, np.uint8)
    box[:2] = box[-2:] = 40
    box[:, :2] = box[:, -2:] = 40
    assert ink_of(box).blank


def test_pencil_in_a_printed_frame_is_ink() -> None:
    box = 255 - (255 - written("300")) // 3
    box[:3] = box[-3:] = 20
    box[:, :3] = box[:, -3:] = 20
    found = ink_of(box.astype(np.uint8))
    assert found.doubts == ()
    assert found.mask.sum() > 150


def test_a_pale_point_is_read_and_doubted() -> None:
    """Without it 55.5 would be 555, and nobody would know."""
    box = np.full((60, 160), 250, np.uint8)
    for left in (30, 110):
        box[10:50, left : left + 4] = 30
    box[44:48, 70:74] = 190
    found = ink_of(box)
    assert found.doubts == ("faint",)
    line = line_of(found)
    assert line is not None
    assert [piece.dot for piece in line.pieces] == [False, True, False]


def test_a_lone_line_at_the_edge_of_an_empty_box_is_not_blank() -> None:
    box = np.full((60, 160), 250, np.uint8)
    box[8:52, 3:6] = 30
    prepared = prepare(box)
    shares = np.zeros((len(prepared.patches), OTHER + 1), np.float32)
    verdict = decide(prepared, shares, allowed="", threshold=0.9)
    assert verdict.status is Status.AMBIGUOUS


@pytest.mark.parametrize("slope", [-8, 0, 8])
def test_a_stroke_through_a_number_is_a_doubt(slope: int) -> None:
    box = written("58", (60, 200))
    xs = np.nonzero(box < 128)[1]
    cv2.line(box, (int(xs.min()) - 14, 30 - slope), (int(xs.max()) + 14, 30 + slope), 30, 3)
    assert "struck" in ink_of(box).doubts


def test_every_piece_of_ink_belongs_to_the_reading() -> None:
    """A chain that leaves a piece out would be a number that nobody wrote."""
    line = line_of(prepare(written("507")).box)
    assert line is not None
    shares = np.full((len(line.runs), OTHER + 1), 1e-4, np.float32)
    for at, run in enumerate(line.runs):
        if run.last - run.first == 1:
            shares[at, 7] = 0.99
    found = read(line, shares, "", is_number)
    assert found is not None
    assert found.text == "7" * len(line.pieces)


def test_a_reading_that_is_as_likely_as_another_is_not_sure() -> None:
    line = line_of(prepare(written("4", (60, 90))).box)
    assert line is not None
    shares = np.zeros((len(line.runs), OTHER + 1), np.float32)
    whole = next(at for at, run in enumerate(line.runs) if run.last - run.first == len(line.pieces))
    shares[whole, SYMBOLS.index("4")] = 0.52
    shares[whole, SYMBOLS.index("9")] = 0.46
    found = read(line, shares, "", is_number)
    assert found is not None
    assert (found.text, found.others) == ("4", ("9",))
    assert found.confidence < 0.6


def test_cells_make_one_number_and_a_gap_is_a_doubt() -> None:
    def cell(value: str | None) -> Verdict:
        if value is None:
            return Verdict(Status.BLANK, None, 1.0)
        return Verdict(Status.OK, value, 0.95)

    place = (0, 0, 20, 20)
    whole = joined([(cell(value), place) for value in (None, "4", "2")])
    assert (whole.status, whole.value) == (Status.OK, "42")
    assert joined([(cell(None), place)] * 3).status is Status.BLANK
    gap = joined([(cell(value), place) for value in ("4", None, "2")])
    assert (gap.status, gap.value) == (Status.AMBIGUOUS, None)


def test_printed_boxes_are_counted_by_rows_or_columns_and_other_frames_are_not() -> None:
    page = np.full((1400, 1000), 250, np.uint8)
    places = [(60 + 320 * (n % 3), 200 + 160 * (n // 3)) for n in range(9)]
    for left, top in places:
        page[top : top + 84, left : left + 3] = page[top : top + 84, left + 237 : left + 240] = 30
        page[top : top + 3, left : left + 240] = page[top + 81 : top + 84, left : left + 240] = 30
    page[40:43, 60:900] = page[120:123, 60:900] = 30
    page[40:123, 60:63] = page[40:123, 897:900] = 30
    rows = printed_boxes(page, "rows")
    assert [(round(x, -1) // 320, round(y, -1) // 160) for x, y, _, _ in rows] == [
        (n % 3, n // 3 + 1) for n in range(9)
    ]
    columns = printed_boxes(page, "columns")
    assert [rect[:2] for rect in columns[:3]] == [rows[at][:2] for at in (0, 3, 6)]
    assert all(abs((x1 - x0) - 238) < 12 and abs((y1 - y0) - 82) < 12 for x0, y0, x1, y1 in rows)


@given(st.fractions(min_value=-99, max_value=99, max_denominator=50), st.integers(1, 9))
def test_a_value_is_right_however_it_is_written(value: Fraction, factor: int) -> None:
    text = f"{value.numerator * factor}/{value.denominator * factor}"
    assert is_right(text, ["777777", str(value)], exact=False)
    assert not is_right(text, [str(value + 1)], exact=False)


def test_right_answers_may_be_several_or_only_as_they_are_written() -> None:
    assert is_right("0.50", ["1/2"], exact=False)
    assert not is_right("0.50", ["0.5"], exact=True)
    assert is_right("12", ["21", "12"], exact=True)
    assert not is_right("3/0", ["3"], exact=False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"boxes": [{"x": 0.9, "y": 0.1, "w": 0.2, "h": 0.1}]},
        {"boxes": []},
        {"boxes": [{"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.1}], "key": [["1"], ["2"]]},
        {"boxes": [{"page": 3, "x": 0.1, "y": 0.1, "w": 0.2, "h": 0.1}], "sheet_pages": 2},
        {"boxes": [{"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.1}], "answers": 1},
        {"sheet_pages": 2},
        {"key": [["x"]]},
        {"key": [["1/0"]]},
        {"key": [[]]},
        {"first_page": 4, "last_page": 2},
    ],
)
def test_parameters_that_do_not_fit_each_other_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DigitsParams.model_validate({"upload": UPLOAD, **wrong})
