"""What a finished `ai.question_segmentation` says."""

from __future__ import annotations

from pydantic import Field

from academy.documents.schema import Enveloped, Published

_Box = tuple[int, int, int, int]


class PlacedPart(Published):
    """A part of a question on one page."""

    page: int
    bbox: _Box = Field(description="Left, top, right, bottom in pixels of the page.")


class Question(Published):
    """A question and its picture."""

    n: int = Field(description="Its printed number.")
    page: int = Field(description="Where it begins.")
    bbox: _Box = Field(description="Of its first part, in pixels of the page.")
    parts: list[PlacedPart] = Field(
        description="All of it: more than one where a column ends within the question."
    )
    crop: str = Field(description="Name of the artifact: its parts, one below the other.")
    confidence: float = Field(
        ge=0, le=1, description="Below 1 where a neighbouring number is missing."
    )


class Shared(Published):
    """A text that several questions share."""

    first: int
    last: int
    page: int
    bbox: _Box
    parts: list[PlacedPart]
    crop: str


class PageSize(Published):
    """A page that boxes refer to."""

    number: int
    width: int
    height: int
    dpi: int


class Questions(Published):
    """The questions of a test in reading order."""

    count: int
    questions: list[Question]
    shared: list[Shared] = Field(description="Texts of groups such as [5~6].")
    missing: list[int] = Field(description="Numbers between others that were not found.")
    pages: list[PageSize]


class SegmentationResult(Enveloped[Questions]):
    """Of `ai.question_segmentation`."""
