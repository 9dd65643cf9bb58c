"""What a finished `ai.question_segmentation` says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from academy.documents.schema import Enveloped, Published

_Box = tuple[int, int, int, int]


class PlacedPart(Published):
    """A part of a question on one page."""

    page: int
    bbox: _Box = Field(description="Left, top, right, bottom in pixels of the page.")


class Placed(Published):
    """Where something stands, and its picture."""

    page: int = Field(description="Where it begins.")
    bbox: _Box = Field(description="Of its first part, in pixels of the page.")
    parts: list[PlacedPart] = Field(
        description="All of it: more than one where a column ends within the question."
    )
    crop: str = Field(description="Name of the artifact: its parts, one below the other.")
    confidence: float = Field(
        ge=0, le=1,
        description="That a question begins here and is whole: below 1 on pictures, and where a "
        "neighbouring number is missing.",
    )  # fmt: skip
    number_confidence: float = Field(ge=0, le=1, description="That the number is right.")


class Question(Placed):
    """A question."""

    n: int = Field(description="Its printed number.")


class Shared(Placed):
    """A text that several questions share."""

    first: int
    last: int


class SegmentedPage(Published):
    """A page that boxes refer to."""

    number: int
    width: int
    height: int
    dpi: int | None = Field(description="Of these pixels; null for pictures.")
    source: Literal["text_layer", "picture"] = Field(description="What its questions come from.")
    preview: str = Field(description="Name of the artifact: the page as a picture.")


class Questions(Published):
    """The questions of a test in reading order."""

    count: int
    questions: list[Question]
    shared: list[Shared] = Field(description="Texts of groups such as [5~6].")
    missing: list[int] = Field(description="Numbers between others that were not found.")
    pages: list[SegmentedPage]
    unread: list[int] = Field(description="Pages that are damaged.")


class SegmentationResult(Enveloped[Questions]):
    """Of `ai.question_segmentation`."""
