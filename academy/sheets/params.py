"""Parameters of the sheets' kinds."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, field_validator

from academy.jobs.kinds import Params

MAX_UPLOADS = 100
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
