"""The network for hard marks: what it adds, how sure it may be, and when another replaces it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from academy.sheets.network import WEIGHTS
from academy.sheets.network.examples import examples_of, training_samples
from academy.sheets.network.holdout import samples
from academy.sheets.network.model import BubbleNetwork, ModelError
from academy.sheets.network.promotion import Merit, is_better
from academy.sheets.reading.engine import Reader
from academy.sheets.synthetic.captures import Capture
from academy.sheets.synthetic.judge import Report, judge
from academy.sheets.synthetic.sheets import Sample, sample
from academy.sheets.synthetic.streams import Stream
from academy.sheets.synthetic.students import Hand


@pytest.fixture(scope="module")
def hard_sheets() -> list[Sample]:
    captures = (Capture.NOISY_SCAN, Capture.HARD_PHOTO)
    return [one for how in captures for one in samples(how, Hand.HARD, 6, stream=Stream.GATE)]


@pytest.fixture(scope="module")
def hard(hard_sheets: list[Sample]) -> Report:
    return judge(hard_sheets, Reader(WEIGHTS))


def needs_torch(name: str) -> Any:
    """A module of the networks that imports torch."""
    return pytest.importorskip(
        f"academy.sheets.network.{name}", reason="torch is not installed", exc_type=ImportError
    )


def test_hard_marks_are_read_and_every_error_is_flagged(hard):
    assert not hard.unread
    assert hard.accuracy >= 0.97
    assert hard.silent == 0
    assert hard.review_rate <= 0.15


def test_bubbles_struck_through_and_thin_ticks_are_told_apart(hard):
    for mark in ("crossed_out", "tick", "cross", "circle"):
        assert hard.by_mark[mark] >= 10
        assert hard.wrong_by_mark[mark] <= 0.05 * hard.by_mark[mark]


def test_darkness_alone_reads_the_same_sheets_worse(hard):
    alone = judge(samples(Capture.HARD_PHOTO, Hand.HARD, 2, stream=Stream.GATE), Reader(None))
    assert alone.accuracy < hard.accuracy


def test_proper_sheets_do_not_need_the_network():
    report = judge(samples(Capture.CLEAN_SCAN, Hand.CLEAN, 3, stream=Stream.GATE), Reader(WEIGHTS))
    assert (report.wrong, report.review) == (0, 0)


def test_the_same_seed_makes_the_same_sheet_and_another_stream_another():
    options = {"hand": Hand.HARD, "how": Capture.HARD_PHOTO}
    (one,) = samples(options["how"], options["hand"], 1, stream=Stream.GATE)
    again = sample(one.layout, Stream.GATE, 0, **options)
    other = sample(one.layout, Stream.TRAINING, 0, **options)
    assert (again.jpeg, again.filled.truth) == (one.jpeg, one.filled.truth)
    assert other.filled.truth != one.filled.truth


def test_a_model_that_is_not_the_described_one_is_refused(tmp_path):
    copy = tmp_path / WEIGHTS.name
    copy.write_bytes(WEIGHTS.read_bytes()[:-1] + b"\0")
    copy.with_suffix(".json").write_text(WEIGHTS.with_suffix(".json").read_text())
    with pytest.raises(ModelError):
        BubbleNetwork(copy)


def test_the_model_says_how_it_was_measured():
    about = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert BubbleNetwork(WEIGHTS).identity == {"name": about["name"], "sha256": about["sha256"]}
    assert Merit.of(about["holdout"]).silent == 0
    assert about["parameters"] < 25_000


def test_the_committee_takes_back_only_what_is_certain(hard, hard_sheets):
    committee, verdict = needs_torch("committee"), needs_torch("verdict")
    reader = verdict.SecondReader(Reader(WEIGHTS), committee.Committee.load())
    report = judge(hard_sheets, reader)
    assert report.accuracy >= 0.97
    assert report.silent == 0
    assert report.review <= 0.6 * hard.review
    # A lone trace may be a faint mark or the rest of an erasure: no network settles it.
    assert report.review_by_mark["erased"] > 0


class Kept:
    """What a run saves; it is ended after so many epochs."""

    def __init__(self, epochs: int | None) -> None:
        self.state: bytes | None = None
        self._left = epochs

    def load(self) -> bytes | None:
        return self.state

    def save(self, state: bytes, epoch: int, epochs: int) -> None:
        assert epoch <= epochs
        self.state = state
        if self._left == epoch:
            self._left = None
            raise InterruptedError


def test_a_training_that_was_interrupted_ends_as_if_it_had_not_been():
    train = needs_torch("training").train
    examples = examples_of(training_samples(Stream.GATE, 0, 2), 0)
    options = {"epochs": 3, "seed": 1, "say": str}
    whole = train(examples, **options, progress=Kept(None)).state_dict()
    kept = Kept(2)
    with pytest.raises(InterruptedError):
        train(examples, **options, progress=kept)
    parts = train(examples, **options, progress=kept).state_dict()
    assert all(whole[name].equal(parts[name]) for name in whole)


def _reports(silent: int, wrong: int, review: float) -> dict:
    one = {"silent_errors": silent, "wrong_by_mark": {"tick": wrong}, "review_rate": review}
    return {"photo/hard": {**one, "groups": 1000}}


def test_a_network_is_promoted_only_when_better():
    present = _reports(1, 20, 0.1)
    assert is_better(present, None)
    assert is_better(_reports(0, 25, 0.15), present)
    assert is_better(_reports(1, 19, 0.1), present)
    assert is_better(_reports(1, 20, 0.09), present)
    assert not is_better(present, present)
    assert not is_better(_reports(2, 0, 0.0), present)
    assert not is_better(_reports(0, 200, 0.9), present)  # doubts everything
