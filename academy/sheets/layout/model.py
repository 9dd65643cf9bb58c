"""What a teacher designs: the questions, the identifier and the shape of the sheet."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

GEOMETRY_VERSION: Final = 1
"""Raised with every change that moves a bubble: printed sheets then keep their old fingerprint."""
MAX_QUESTIONS: Final = 180
MAX_PAGES: Final = 8
ROWS: Final = 20
"""Rows of one column at most."""
NUMERIC_ACROSS: Final = 3
NUMERIC_DOWN: Final = 2
"""Numeric answers in one column: side by side, and one below the other."""
_SHORT = 8

Orientation = Literal["landscape", "portrait"]
Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]


class QuestionKind(StrEnum):
    """How a question is answered."""

    CHOICE = "choice"
    NUMERIC = "numeric"


class Section(BaseModel):
    """A run of questions of one kind. `choices` counts for choice, `digits` for numeric ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: QuestionKind = QuestionKind.CHOICE
    count: int = Field(ge=1, le=MAX_QUESTIONS)
    choices: int = Field(default=5, ge=2, le=5)
    digits: int = Field(default=3, ge=1, le=3)


@dataclass(frozen=True, slots=True)
class Question:
    """One question. Numbers run from 1 through all sections and pages."""

    number: int
    kind: QuestionKind
    choices: int
    digits: int


class Layout(BaseModel):
    """One answer sheet, of one or several A4 pages.

    Its `fingerprint` is printed on every page. The title is part of it: where one stack of
    printed sheets is to serve many examinations, the layout gets a title that fits them all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Title = ""
    orientation: Orientation = "landscape"
    columns: int = Field(default=3, ge=1, le=3)
    rows: int = Field(default=ROWS, ge=1, le=ROWS)
    identifier_digits: int = Field(default=8, ge=4, le=10)
    logo: bool = False
    sections: tuple[Section, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (total := sum(section.count for section in self.sections)) > MAX_QUESTIONS:
            raise ValueError(f"{total} questions; a sheet has at most {MAX_QUESTIONS}")
        if (pages := self.page_count) > MAX_PAGES:
            raise ValueError(f"{pages} pages; a sheet has at most {MAX_PAGES}")
        return self

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions in the order of their numbers."""
        kinds = [section for section in self.sections for _ in range(section.count)]
        return tuple(
            Question(number, section.kind, section.choices, section.digits)
            for number, section in enumerate(kinds, start=1)
        )

    @property
    def column_runs(self) -> tuple[tuple[Question, ...], ...]:
        """The questions of each column, page after page. A column holds one kind only."""
        runs: list[list[Question]] = []
        for question in self.questions:
            numeric = question.kind is QuestionKind.NUMERIC
            room = NUMERIC_ACROSS * NUMERIC_DOWN if numeric else self.rows
            if not runs or runs[-1][0].kind is not question.kind or len(runs[-1]) >= room:
                runs.append([])
            runs[-1].append(question)
        return tuple(tuple(run) for run in runs)

    @property
    def page_count(self) -> int:
        """Pages of one student's sheet."""
        return -(-len(self.column_runs) // self.columns)

    @property
    def canonical(self) -> str:
        """The same text for the same sheet, whatever wrote it: what the fingerprint covers."""
        content = self.model_dump(mode="json") | {"geometry": GEOMETRY_VERSION}
        return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        """The first 32 bits of the hash in hexadecimal: what a page can carry."""
        return self.sha256[:_SHORT]
