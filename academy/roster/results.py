"""What finished jobs of the roster say; see ``docs/how-to/import-students.md``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from academy.documents.schema import Enveloped, Published


class FoundColumn(Published):
    """A column that is taken for a field."""

    field: str
    column: str = Field(description="Its letters.")
    title: str
    confidence: float = Field(ge=0, le=1)
    examples: list[str] = Field(description="The shape of its first values, not the values.")


class IgnoredColumn(Published):
    """A column that is no field."""

    column: str
    title: str


class CellFault(Published):
    """What is wrong with a cell; the whole row is left out."""

    row: int = Field(description="As the spreadsheet numbers it.")
    column: str
    field: str
    title: str
    code: str
    params: dict[str, int]
    value: str = Field(description="Its shape, not the value.")


class Imported(Published):
    """What a list holds, and what became of it, or (dry run) would."""

    dry_run: bool
    format: Literal["xlsx", "csv"]
    encoding: str | None = Field(description="Of a text file.")
    delimiter: str | None = Field(description="Of a text file.")
    sheet: str | None
    sheets: list[str] = Field(description="The visible ones.")
    header_row: int = Field(description="0: there is none.")
    columns: list[FoundColumn]
    ignored_columns: list[IgnoredColumn]
    rows: int = Field(description="Students in the file.")
    good: int
    faulty: int
    created: int
    changed: int
    same: int
    error_counts: dict[str, int] = Field(description="Faults by code.")
    errors: list[CellFault] = Field(description="The first 200; the annotated copy has all.")


class Exported(Published):
    """The file that was made."""

    file: str = Field(description="The artifact's name.")
    rows: int
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="In hex.")


class ImportResult(Enveloped[Imported]):
    """Of `roster.import`."""


class ExportResult(Enveloped[Exported]):
    """Of `roster.export`."""
