"""What a finished export says; see ``docs/how-to/export-tables.md``."""

from __future__ import annotations

from pydantic import Field

from academy.documents.schema import Enveloped, Published


class Exported(Published):
    """The file that was made."""

    file: str = Field(description="The artifact's name.")
    rows: int = Field(description="Without the heading and the totals.")
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="In hex.")


class TableExportResult(Enveloped[Exported]):
    """Of `tables.export`."""
