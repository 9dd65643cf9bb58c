"""What an import of opt-outs says; see ``docs/how-to/manage-opt-outs.md``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from academy.documents.schema import Enveloped, Published


class OptOutFault(Published):
    """A row that is left out."""

    row: int = Field(description="As the spreadsheet numbers it.")
    code: str
    params: dict[str, int]
    value: str = Field(description="Its shape, not the value.")


class ImportedOptOuts(Published):
    """What a list holds, and what became of it; a dry run changes nothing."""

    dry_run: bool
    format: Literal["xlsx", "csv"]
    sheet: str | None
    column: str = Field(description="Letters of the column that was read.")
    title: str
    rows: int = Field(description="With something in that column, below its title.")
    good: int
    faulty: int
    added: int
    widened: int = Field(description="Refused advertising, and now refuse everything.")
    same: int = Field(description="Known already, or twice in the list.")
    error_counts: dict[str, int]
    errors: list[OptOutFault] = Field(description="The first 200.")


class ImportOptOutsResult(Enveloped[ImportedOptOuts]):
    """Of `messages.opt_outs.import`."""
