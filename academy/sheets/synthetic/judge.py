"""How well a reader reads: against what is true of made-up sheets, by capture and mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import process_time
from typing import Any, Protocol

from academy.sheets.reading.align import Pixels
from academy.sheets.reading.decode import picture_of
from academy.sheets.reading.page import Located, PageGroups, locate
from academy.sheets.reading.results import SheetError
from academy.sheets.synthetic.sheets import Sample


class Reads(Protocol):
    """A reader: one stage or several."""

    def read(self, pixels: Pixels, located: Located) -> PageGroups:
        """Every group of the page."""
        ...


@dataclass
class Report:
    """Counts over groups (questions, and digits of identifiers) of any number of sheets.

    `silent` are wrong readings that no person would be shown: the one figure that must be 0.
    """

    sheets: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    groups: int = 0
    wrong: int = 0
    silent: int = 0
    review: int = 0
    by_mark: Counter[str] = field(default_factory=Counter)
    wrong_by_mark: Counter[str] = field(default_factory=Counter)
    silent_by_mark: Counter[str] = field(default_factory=Counter)
    review_by_mark: Counter[str] = field(default_factory=Counter)
    escaped: list[str] = field(default_factory=list)
    """Each silent error in words: what was read, and what was meant."""
    cpu_seconds: float = 0.0

    @property
    def accuracy(self) -> float:
        """Share of groups read as they were meant, before anybody looks."""
        return 1 - self.wrong / self.groups if self.groups else 0.0

    @property
    def review_rate(self) -> float:
        """Share of groups that a person has to look at."""
        return self.review / self.groups if self.groups else 0.0

    @property
    def sheets_per_second(self) -> float:
        """Of one core: decoding, finding and reading."""
        return self.sheets / self.cpu_seconds if self.cpu_seconds else 0.0

    def add(self, sample: Sample, reader: Reads) -> None:
        """Read one sheet and count."""
        self.sheets += 1
        started = process_time()
        try:
            picture = picture_of(sample.jpeg)
            located = locate(picture, {sample.layout.fingerprint: sample.layout})
            readings = reader.read(picture, located).readings
        except SheetError as error:
            self.unread[error.code] += 1
            return
        finally:
            self.cpu_seconds += process_time() - started
        for reading in readings:
            kind = sample.filled.kinds[reading.key]
            wrong = reading.values != sample.filled.truth[reading.key]
            self.groups += 1
            self.by_mark[kind] += 1
            self.review += reading.needs_review
            self.review_by_mark[kind] += reading.needs_review
            if wrong:
                self.wrong += 1
                self.wrong_by_mark[kind] += 1
            if wrong and not reading.needs_review:
                self.silent += 1
                self.silent_by_mark[kind] += 1
                self.escaped.append(
                    f"{sample.name} {reading.key} ({kind}): {reading.values} for "
                    f"{sample.filled.truth[reading.key]}, confidence {reading.confidence}"
                )

    def to_json(self) -> dict[str, Any]:
        """The figures, rounded as they are published."""
        return {
            "sheets": self.sheets,
            "unread": dict(self.unread),
            "groups": self.groups,
            "accuracy": round(self.accuracy, 5),
            "review_rate": round(self.review_rate, 5),
            "silent_errors": self.silent,
            "wrong_by_mark": dict(self.wrong_by_mark),
            "silent_by_mark": dict(self.silent_by_mark),
            "sheets_per_core_second": round(self.sheets_per_second, 1),
        }


def judge(samples: Iterable[Sample], reader: Reads) -> Report:
    """Read all samples."""
    report = Report()
    for sample in samples:
        report.add(sample, reader)
    return report
