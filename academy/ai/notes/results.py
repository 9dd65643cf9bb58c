"""What a finished `ai.wrong_note_pdf` says; see ``docs/how-to/make-wrong-notes.md``."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from academy.documents.schema import Enveloped, Published

NOTES: Final = "wrong-notes.pdf"
"""The artifact."""


class WrongNote(Published):
    """The PDF that was made. Nothing of the student is in the result."""

    file: str = Field(description="The artifact's name.")
    pages: int
    questions: int
    as_text: int = Field(description="Questions taken from a PDF as they were: text stays text.")
    as_picture: int = Field(description="Questions from pictures, and PDF pages that had to be.")
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="In hex.")


class WrongNoteResult(Enveloped[WrongNote]):
    """Of `ai.wrong_note_pdf`."""
