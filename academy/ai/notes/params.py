"""Parameters of `ai.wrong_note_pdf`, as clients submit them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from academy.ai.pages.limits import LONG_SIDE, MAX_BYTES, MAX_PAGES
from academy.ai.pages.params import PURPOSES, DocumentParams, document_check
from academy.ai.tiers import TieredParams
from academy.core.errors import AppError
from academy.jobs.kinds import Params
from academy.uploads.services import upload_ready

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


class WrongNoteParams(TieredParams):
    """Put the questions that a student missed into a PDF, in the order in which they are given."""

    questions: list[Missed] = Field(min_length=1, max_length=MAX_QUESTIONS)
    title: Annotated[_Text, StringConstraints(min_length=1, max_length=60)] = "오답 노트"
    student: Short = Field(default="", description="Stands in the PDF and nowhere else.")
    columns: Literal[1, 2] = 2
    space_mm: int = Field(
        default=45, ge=0, le=120, strict=True, description="Below each question, to solve it."
    )
    answers: bool = Field(default=True, strict=True, description="On pages at the end.")

    @model_validator(mode="after")
    def _few_uploads(self) -> Self:
        if len(self.uploads) > MAX_UPLOADS:
            raise ValueError(f"at most {MAX_UPLOADS} uploads")
        return self

    @property
    def uploads(self) -> list[UUID]:
        """The uploads, each once."""
        return list(dict.fromkeys(question.upload for question in self.questions))


def notes_check(tenant_id: UUID, params: WrongNoteParams) -> None:
    """For KindSpec: refuse a job whose uploads cannot be used. Raises what `document_check` does.

    Together they are as large as one may be.
    """
    size = 0
    for upload in params.uploads:
        document_check(tenant_id, DocumentParams(upload=upload))
        size += upload_ready(tenant=tenant_id, upload_id=upload, purposes=PURPOSES).size
    if size > MAX_BYTES:
        raise AppError("document_too_large", size=size, limit=MAX_BYTES)


def questions_asked(_tenant_id: UUID, params: WrongNoteParams) -> int:
    """For the offer: the questions are what is paid for."""
    return len(params.questions)
