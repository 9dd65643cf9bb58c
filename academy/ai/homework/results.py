"""What a finished `ai.homework_video` says."""

from __future__ import annotations

from pydantic import Field

from academy.documents.schema import Enveloped, Published

CONTACT = "contact.jpg"


class HomeworkPage(Published):
    """A page of the workbook, in the order in which pages were first shown."""

    n: int
    t: float = Field(description="Seconds at which its picture was taken.")
    shown: list[float] = Field(description="Seconds at which each view of it begins.")
    picture: str = Field(description="Name of the artifact: the page, straight and clean.")
    width: int
    height: int
    ink_ratio: float = Field(ge=0, le=1, description="Of the page's ink, what is handwriting.")
    ink_share: float = Field(ge=0, le=1, description="Of the page, what handwriting covers.")
    covered: float = Field(ge=0, le=1, description="Of the page, what a hand covers.")
    edges_found: bool = Field(description="Whether the paper's edges were seen.")


class Homework(Published):
    """The pages of a video."""

    count: int
    seconds: float = Field(description="Of the video that were read.")
    pages: list[HomeworkPage]
    contact_sheet: str = Field(description="Name of the artifact: all pages in one picture.")


class HomeworkResult(Enveloped[Homework]):
    """Of `ai.homework_video`."""
