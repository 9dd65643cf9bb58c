"""Parameters of the tables' kind, as clients submit them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StringConstraints, model_validator

from academy.jobs.kinds import Params
from academy.tables.columns import (
    TITLE_CHARS,
    Holds,
    Preset,
    TableColumn,
    preset_columns,
)

INLINE_ROWS: Final = 5_000
MAX_COLUMNS: Final = 100

Scalar = StrictInt | StrictFloat | StrictBool | Annotated[str, Field(max_length=2_000)] | None
Title = Annotated[str, StringConstraints(min_length=1, max_length=TITLE_CHARS)]


class ExportParams(Params):
    """Write rows into a table: a preset, or columns of your own.

    Rows are given here, or in an upload: a CSV or xlsx whose first row has the columns' titles, or
    JSON lines, each an array in the order of the columns. A phone needs an upload: parameters are
    kept with the job, uploads are not.
    """

    format: Literal["xlsx", "csv"] = Field(default="xlsx")
    preset: Preset | None = None
    extra: Annotated[list[Title], Field(max_length=MAX_COLUMNS - 10)] = Field(
        default_factory=list,
        description="Titles of the preset's own columns: examinations, sessions, allowances.",
        examples=[["3월 2일", "3월 4일"]],
    )
    columns: Annotated[list[TableColumn], Field(min_length=1, max_length=MAX_COLUMNS)] | None = None
    rows: (
        Annotated[list[Annotated[list[Scalar], Field(max_length=MAX_COLUMNS)]],
                  Field(max_length=INLINE_ROWS)] | None
    ) = None  # fmt: skip
    upload: UUID | None = Field(
        default=None, description="A complete upload with the purpose `spreadsheet`."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.preset is None) == (self.columns is None):
            raise ValueError("give either preset or columns")
        if self.extra and self.preset is None:
            raise ValueError("extra belongs to a preset")
        if (self.rows is None) == (self.upload is None):
            raise ValueError("give either rows or upload")
        self._sound_columns()
        for number, row in enumerate(self.rows or (), 1):
            if len(row) != len(self.table):
                width = len(self.table)
                raise ValueError(f"row {number} has {len(row)} values for {width} columns")
        return self

    def _sound_columns(self) -> None:
        table = self.table
        twice = [title for title, n in Counter(one.title for one in table).items() if n > 1]
        if twice:
            raise ValueError(f"columns with the same title: {', '.join(twice)}")
        for one in table:
            if one.colours and one.holds is not Holds.MARK:
                raise ValueError(f"colours belong to a mark: {one.title}")
            if one.total and one.holds not in {Holds.NUMBER, Holds.MONEY}:
                raise ValueError(f"only numbers and money are added up: {one.title}")
            if one.holds is Holds.PHONE and self.rows is not None:
                raise ValueError(f"phones need an upload: {one.title}")

    @property
    def table(self) -> tuple[TableColumn, ...]:
        """The columns."""
        if self.preset is not None:
            return preset_columns(self.preset, self.extra)
        return tuple(self.columns or ())
