"""Parameters of the kinds that make wrong notes, as clients submit them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from academy.ai.pages.limits import LONG_SIDE, MAX_PAGES
from academy.ai.tiers import TieredParams
from academy.jobs.kinds import Params
from academy.sheets.grading import Outcome

MAX_QUESTIONS: Final = 200
MAX_UPLOADS: Final = 40
MIN_SIDE: Final = 8
"""Pixels of a page at 200 dpi: about a millimetre."""
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


_Text: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True), AfterValidator(_printable)
]
Short: TypeAlias = Annotated[_Text, StringConstraints(max_length=40)]
Title: TypeAlias = Annotated[_Text, StringConstraints(min_length=1, max_length=60)]
Number: TypeAlias = Annotated[int, Field(ge=1, le=999, strict=True)]
Pixel: TypeAlias = Annotated[int, Field(ge=0, le=LONG_SIDE, strict=True)]


class Missed(Params):
    """One question: where it stands, what the student wrote, what is right."""

    upload: UUID = Field(description="A complete upload with the purpose `pdf` or `image`.")
    page: int = Field(default=1, ge=1, le=MAX_PAGES, strict=True)
    bbox: tuple[Pixel, Pixel, Pixel, Pixel] | None = Field(
        default=None,
        description="Left, top, right, bottom on the page, as `ai.question_segmentation` gives "
        "it: pixels at 200 dpi; null: the whole page.",
    )
    number: Annotated[_Text, StringConstraints(max_length=12)] = Field(
        default="", description="The question's; empty: counted."
    )
    student_answer: Short = ""
    correct_answer: Short = ""
    note: Annotated[_Text, StringConstraints(max_length=300)] = Field(
        default="", description="Stands with the answers."
    )

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        if self.bbox is not None:
            left, top, right, bottom = self.bbox
            if right - left < MIN_SIDE or bottom - top < MIN_SIDE:
                raise ValueError(f"a bbox is at least {MIN_SIDE} pixels wide and high")
        return self


class BookletParams(TieredParams):
    """How wrong notes look."""

    columns: Literal[1, 2] = 2
    space_mm: int = Field(
        default=45, ge=0, le=120, strict=True, description="Below each question, to solve it."
    )
    answers: bool = Field(default=True, strict=True, description="On pages at the end.")


class WrongNoteParams(BookletParams):
    """Put the questions that a student missed into a PDF, in the order in which they are given.

    Give either `questions`, or `test` with `numbers`: questions of a divided test as they count
    then, corrected where somebody corrected them, with the text that they share with others.
    """

    questions: list[Missed] = Field(default_factory=list, max_length=MAX_QUESTIONS)
    test: UUID | None = Field(
        default=None, description="An `ai.question_segmentation` that succeeded."
    )
    numbers: list[Number] = Field(
        default_factory=list, max_length=MAX_QUESTIONS, description="Of the test's questions."
    )
    title: Title = "오답 노트"
    student: Short = Field(default="", description="Stands in the PDF and nowhere else.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.questions) == (self.test is not None):
            raise ValueError("give either questions or test")
        if bool(self.numbers) != (self.test is not None):
            raise ValueError("test and numbers belong together")
        if len(set(self.numbers)) != len(self.numbers):
            raise ValueError("a number is given twice")
        if len({question.upload for question in self.questions}) > MAX_UPLOADS:
            raise ValueError(f"at most {MAX_UPLOADS} uploads")
        return self


class SheetNoteParams(BookletParams):
    """Put the questions that a student missed in an examination into a PDF.

    Which they are is known from the student's graded sheet, and where they stand from the divided
    test: as both count when the job runs.
    """

    exam: UUID
    student: UUID = Field(description="Whose sheet is final; the name stands in the PDF alone.")
    test: UUID = Field(
        description="An `ai.question_segmentation` of the paper: its numbers are the sheet's."
    )
    outcomes: Annotated[list[Outcome], Field(min_length=1)] = Field(
        default_factory=lambda: [Outcome.WRONG, Outcome.PARTIAL, Outcome.BLANK],
        description="What counts as missed.",
    )
    title: Title | None = Field(default=None, description="Null: the examination's.")

    @model_validator(mode="after")
    def _missed(self) -> Self:
        if Outcome.RIGHT in self.outcomes:
            raise ValueError("what is right has not been missed")
        return self
