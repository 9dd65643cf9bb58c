"""What finished jobs of the sheets say; see ``docs/how-to/grade-answer-sheets.md``."""

from __future__ import annotations

from pydantic import Field

from academy.documents.schema import Enveloped, Published


class Made(Published):
    """The file to print."""

    design: str
    fingerprint: str = Field(description="Printed on every page.")
    pages: int
    questions: int
    file: str = Field(description="The artifact's name.")
    layout: str = Field(description="The artifact with the layout as JSON.")


class Read(Published):
    """What became of the pages, those of earlier jobs over the same files too."""

    exam: str
    pages: int
    readable: int
    unreadable: int
    identified: int = Field(description="Pages of which it is certain whose they are.")
    needs_review: int
    duplicates: int
    review: str | None = Field(
        description="The `sheets.review` that the rule `escalate` had done, else null."
    )


class ReadSome(Published):
    """Of one part of the work."""

    pages: int
    unreadable: int


class Exported(Published):
    """The table that was made."""

    file: str = Field(description="The artifact's name.")
    rows: int
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="In hex.")


class SittingSaid(Published):
    """One examination of a gradebook, over the students that were asked for."""

    exam: str
    title: str
    students: int = Field(description="Who sat it.")
    needs_review: int = Field(description="Complete sheets on which something is in doubt.")
    incomplete: int = Field(description="Sheets of which a page is missing.")
    mean: float | None = Field(description="Points, over the complete sheets of everybody.")


class Gradebook(Published):
    """The workbook that was made."""

    file: str = Field(description="The artifact's name.")
    students: int = Field(description="Rows of the table over all examinations.")
    exams: list[SittingSaid]
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="In hex.")


class MakeResult(Enveloped[Made]):
    """Of `sheets.make`."""


class ReadResult(Enveloped[Read]):
    """Of `sheets.read`."""


class PagesResult(Enveloped[ReadSome]):
    """Of `sheets.pages`."""


class SheetExportResult(Enveloped[Exported]):
    """Of `sheets.export`."""


class GradebookResult(Enveloped[Gradebook]):
    """Of `sheets.gradebook`."""
