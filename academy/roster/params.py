"""Parameters of the roster's kinds, as clients submit them."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator

from academy.jobs.kinds import Params
from academy.roster.fields import BY_NAME, CLASS_CHARS, GRADE_CHARS, SCHOOL_CHARS, Enrolment
from academy.roster.headings import HEADING_ROWS

_Filter = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class ImportParams(Params):
    """Add the students of a spreadsheet, or (`dry_run`) say what that would do."""

    upload: UUID = Field(description="A complete upload with the purpose `spreadsheet`.")
    dry_run: bool = Field(
        default=True, strict=True,
        description="Change nothing: say which column is taken for what, and what would change.",
    )  # fmt: skip
    mapping: dict[str, Annotated[str, StringConstraints(min_length=1, max_length=100)]] | None = (
        Field(
            default=None,
            description="Field to column letters or column title; only these columns are read. "
            "Without it columns are found by their titles.",
            examples=[{"name": "B", "parent_phone": "학부모 연락처"}],
        )
    )
    sheet: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="Name of a visible sheet; null: the first one."
    )
    header_row: int | None = Field(
        default=None, ge=0, le=HEADING_ROWS, strict=True,
        description="Row of the titles; 0: there is none (give `mapping`); null: it is found.",
    )  # fmt: skip

    @field_validator("mapping")
    @classmethod
    def _known(cls, mapping: dict[str, str] | None) -> dict[str, str] | None:
        """Refuse fields that no student has."""
        unknown = sorted(set(mapping or {}) - set(BY_NAME))
        if unknown:
            raise ValueError(f"unknown fields; the fields are: {', '.join(BY_NAME)}")
        return mapping


class ExportParams(Params):
    """Write the students into a file that `roster.import` reads back exactly."""

    format: Literal["xlsx", "csv"] = Field(default="xlsx")
    state: Enrolment | None = Field(default=None, description="Only those; null: all.")
    school: Annotated[_Filter, StringConstraints(max_length=SCHOOL_CHARS)] | None = None
    grade: Annotated[_Filter, StringConstraints(max_length=GRADE_CHARS)] | None = None
    class_name: Annotated[_Filter, StringConstraints(max_length=CLASS_CHARS)] | None = None
