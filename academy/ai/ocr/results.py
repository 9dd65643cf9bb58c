"""What a finished `ai.ocr_text` says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from academy.documents.schema import Enveloped, Published


class TextLine(Published):
    """A line of text on its page."""

    bbox: tuple[int, int, int, int] = Field(
        description="Left, top, right, bottom in pixels of the page."
    )
    text: str
    confidence: float = Field(ge=0, le=1, description="1 where the text is the file's own.")


class TextPage(Published):
    """A page and its lines in reading order."""

    number: int
    width: int = Field(description="Pixels; boxes refer to it.")
    height: int
    dpi: int | None = Field(description="Of these pixels; null for pictures.")
    source: Literal["text_layer", "ocr"]
    confidence: float = Field(ge=0, le=1, description="Mean over the lines; 0 without one.")
    line_count: int
    lines: list[TextLine] | None = Field(
        description="Null where the text is long: then only the file of `text_file` has it."
    )
    overlay: str | None = Field(description="Name of the artifact, where one was asked for.")


class Text(Published):
    """The text of a document."""

    page_count: int = Field(description="Pages that were read.")
    line_count: int
    text_file: str = Field(description="Artifact: the same pages as JSON, always with all lines.")
    pages: list[TextPage]


class OcrResult(Enveloped[Text]):
    """Of `ai.ocr_text`."""
