"""Parameters of the sheets' kinds."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator, model_validator

from academy.jobs.kinds import Params

MAX_UPLOADS = 100
MAX_EXAMS = 60
_ID = "01932c07-9b7e-7a40-b6a1-2f0d5c1e8a33"


class MakeParams(Params):
    """Make the PDF to print of a design."""

    design: UUID
    logo: UUID | None = Field(
        default=None,
        description="A complete upload with the purpose `image` (PNG or JPEG), for a design whose "
        "layout has room for a logo.",
    )


class ReadParams(Params):
    """Read filled sheets of an examination; pages that have been read are not read again.

    `escalate` is a rule: with `doubtful` the rows that are left in doubt are read again by
    `sheets.review`, as a job of its own within this one and at its price. Off by default.
    """

    exam: UUID
    uploads: Annotated[list[UUID], Field(min_length=1, max_length=MAX_UPLOADS)] = Field(
        description="Complete uploads with the purpose `pdf` or `image`, in the order of the "
        "paper.",
        examples=[[_ID]],
    )

    escalate: Literal["never", "doubtful"] = Field(
        default="never",
        description="`doubtful`: have `sheets.review` read again what is doubtful, at its price.",
    )

    @field_validator("uploads")
    @classmethod
    def _once(cls, uploads: list[UUID]) -> list[UUID]:
        """Refuse a file that is named twice."""
        if len(set(uploads)) != len(uploads):
            raise ValueError("an upload is named twice")
        return uploads


class PageRange(Params):
    """Pages of one file, counted from 1."""

    upload: UUID
    first: int = Field(ge=1)
    last: int = Field(ge=1)


class PagesParams(Params):
    """Some pages of a `sheets.read`."""

    exam: UUID
    parts: Annotated[list[PageRange], Field(min_length=1)]


class ExportParams(Params):
    """Write the scores of an examination into a table."""

    exam: UUID
    format: Literal["xlsx", "csv"] = Field(default="xlsx")


Word = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Words = Annotated[list[Word], Field(max_length=100)]


class GradebookParams(Params):
    """Write the scores of several examinations into one table: students by examinations.

    The examinations are named, or all of a time whose title has some words. Classes, school years
    and schools say which students are written; places and figures are among all who sat.
    """

    exams: Annotated[list[UUID], Field(min_length=1, max_length=MAX_EXAMS)] | None = Field(
        default=None,
        description="These, in this order. Null: all with a key that the filters let through, the "
        "first first.",
        examples=[[_ID]],
    )
    title: Word | None = Field(default=None, description="Only those whose title has this in it.")
    since: date | None = Field(
        default=None, description="Only those that were set up on this day (in Korea) or later."
    )
    until: date | None = Field(default=None, description="Only those of this day or before.")
    classes: Words = Field(default_factory=list, description="Only students of these classes.")
    grades: Words = Field(default_factory=list, description="Only students of these years.")
    schools: Words = Field(default_factory=list, description="Only students of these schools.")
    details: bool = Field(
        default=True,
        strict=True,
        description="In a workbook, two more sheets for each examination: its scores with every "
        "answer, and the figures of its questions.",
    )
    format: Literal["xlsx", "csv"] = Field(default="xlsx")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.exams is not None:
            if self.title is not None or self.since is not None or self.until is not None:
                raise ValueError("give either exams or title, since and until")
            if len(set(self.exams)) != len(self.exams):
                raise ValueError("an examination is named twice")
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError("until is before since")
        return self
