"""What was read of a page: plain data that becomes JSON as it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from academy.sheets.layout import QuestionKind

REVIEW_BELOW: Final = 0.8
"""A reading with less confidence is shown to a person before it counts."""


class SheetError(Exception):
    """A picture or a page of it cannot be read. `code` stands in the catalogue."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class Status(StrEnum):
    """What became of a question or of a digit."""

    OK = "ok"
    BLANK = "blank"
    MULTI = "multi"
    AMBIGUOUS = "ambiguous"
    """Marks of which it is not certain how many are meant."""
    LOW_CONFIDENCE = "low_confidence"
    """One answer, but the mark is unusual."""
    ERROR = "error"


def status_of(count: int, confidence: float) -> Status:
    """The status of a group with so many marks, read with this confidence."""
    if confidence < REVIEW_BELOW:
        return Status.LOW_CONFIDENCE if count == 1 else Status.AMBIGUOUS
    return (Status.BLANK, Status.OK)[count] if count < 2 else Status.MULTI


@dataclass(frozen=True)
class GroupReading:
    """One group of bubbles: the values marked, and how sure that is (0 to 1)."""

    key: str
    values: tuple[int, ...]
    status: Status
    confidence: float

    @property
    def needs_review(self) -> bool:
        """Whether a person has to look."""
        return self.confidence < REVIEW_BELOW


@dataclass(frozen=True)
class Answer:
    """What stands for one question.

    `values` are the choices marked, from 1; of a numeric question the one number read, or nothing.
    `crop` names the picture of a doubtful row in the result's folder.
    """

    question: int
    kind: QuestionKind
    values: tuple[int, ...]
    status: Status
    confidence: float
    crop: str | None = None

    @property
    def needs_review(self) -> bool:
        """Whether a person has to look before it is graded."""
        return self.status not in {Status.OK, Status.BLANK, Status.MULTI}


@dataclass(frozen=True)
class Identifier:
    """The student's number. `digits` has ``?`` where a place is empty or not certain."""

    digits: str
    status: Status
    confidence: float
    confidences: tuple[float, ...]
    crop: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every place was read."""
        return "?" not in self.digits


@dataclass(frozen=True)
class PageReading:
    """One page of the file. With `error` set, nothing else than `index` is known for certain.

    `index` counts the pages of the file from 1, `page` those of the sheet. `overlay` names the
    picture of what was read. `markers` is 4, or 3 where one was hidden.
    """

    index: int
    fingerprint: str | None = None
    page: int | None = None
    pages: int | None = None
    identifier: Identifier | None = None
    answers: tuple[Answer, ...] = ()
    markers: int = 0
    engine: str = "threshold"
    overlay: str | None = None
    error: str | None = None
    error_params: dict[str, str | int] = field(default_factory=dict)

    @property
    def doubtful(self) -> tuple[int, ...]:
        """Numbers of the questions that a person has to look at."""
        return tuple(answer.question for answer in self.answers if answer.needs_review)

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        return asdict(self)


def failed(index: int, error: SheetError, **known: Any) -> PageReading:
    """A page that could not be read, with what is known of it."""
    return PageReading(index=index, error=error.code, error_params=dict(error.params), **known)
