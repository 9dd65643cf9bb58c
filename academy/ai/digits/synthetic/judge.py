"""How well boxes are read whose answer is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from academy.ai.digits.reading.verdict import Prepared, Status, Verdict, decide, prepare
from academy.ai.digits.synthetic.boxes import Sample, Written
from academy.ai.pages.paper import evened

_BATCH = 64


class Scorer(Protocol):
    """The network."""

    def shares(self, patches: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """For each patch the shares of the classes."""
        ...


@dataclass
class Report:
    """Figures of a set of boxes.

    ``silent`` are numbers read wrong, and doubtful boxes read as numbers, that nobody would see.
    """

    boxes: int = 0
    numbers: int = 0
    right: int = 0
    digits: int = 0
    digit_errors: int = 0
    review: int = 0
    silent: int = 0
    wrong: list[tuple[str, str | None, float]] = field(default_factory=list)
    confusion: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((10, 10), np.int64))

    def add(self, sample: Sample, verdict: Verdict) -> None:
        """Count one box."""
        self.boxes += 1
        expected = sample.text if sample.what is Written.NUMBER else None
        wrong = verdict.value != expected
        if sample.what is Written.BLANK:
            wrong = verdict.status is not Status.BLANK
        doubtful = verdict.status in {Status.AMBIGUOUS, Status.LOW_CONFIDENCE}
        self.review += doubtful
        if expected is not None:
            self._count(expected, verdict.value or "")
        if wrong and not doubtful:
            self.silent += 1
        if wrong and (expected is not None or not doubtful):
            self.wrong.append((sample.text or sample.what.value, verdict.value, verdict.confidence))

    def _count(self, expected: str, found: str) -> None:
        self.numbers += 1
        self.right += expected == found
        self.digits += sum(char.isdigit() for char in expected)
        self.digit_errors += _distance(expected, found)
        if len(expected) == len(found):
            for meant, seen in zip(expected, found, strict=True):
                if meant.isdigit() and seen.isdigit():
                    self.confusion[int(meant), int(seen)] += 1

    @property
    def digit_accuracy(self) -> float:
        """Of the digits, whatever the verdict; each edit from the answer to it is an error."""
        return 1 - self.digit_errors / max(1, self.digits)

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "boxes": self.boxes,
            "numbers_right": round(self.right / max(1, self.numbers), 4),
            "digit_accuracy": round(self.digit_accuracy, 4),
            "review_rate": round(self.review / max(1, self.boxes), 4),
            "silent_errors": self.silent,
            "confusion": [" ".join(map(str, row)) for row in self.confusion.tolist()],
        }


Seen = tuple[Sample, Prepared]
"""A box with what the reader makes ready of it."""


def seen(samples: Iterable[Sample]) -> Iterator[Seen]:
    """Each box as the network is to see it."""
    for one in samples:
        yield one, prepare(evened(one.gray))


def verdicts(
    boxes: Iterable[Seen], network: Scorer, *, threshold: float, allowed: str
) -> Iterator[tuple[Sample, Verdict]]:
    """Every box with what is said of it."""
    remaining = iter(boxes)
    while batch := list(islice(remaining, _BATCH)):
        shares = network.shares(np.concatenate([prepared.patches for _, prepared in batch]))
        at = 0
        for sample, prepared in batch:
            end = at + len(prepared.patches)
            yield sample, decide(prepared, shares[at:end], allowed=allowed, threshold=threshold)
            at = end


def judge(boxes: Iterable[Seen], network: Scorer, *, threshold: float, allowed: str) -> Report:
    """The figures of a set."""
    report = Report()
    for sample, verdict in verdicts(boxes, network, threshold=threshold, allowed=allowed):
        report.add(sample, verdict)
    return report


def _distance(a: str, b: str) -> int:
    """Levenshtein's."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]
