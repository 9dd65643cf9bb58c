"""What finished premium jobs over answer sheets say."""

from __future__ import annotations

from pydantic import Field

from academy.documents.schema import Enveloped, ModelUsed, Published


class Reviewed(Published):
    """What became of the doubtful rows."""

    exam: str
    pages: int = Field(description="Pages of which rows were read again.")
    rows: int = Field(description="Rows that were read again: questions and numbers of students.")
    settled: int = Field(description="Rows that need no person any more.")
    left: int = Field(description="Rows that a person still has to look at.")


class ReviewedSome(Published):
    """Of one part of the work."""

    pages: int
    rows: int
    settled: int


class Judged(Published):
    """A network's figures on one set of held-out groups of bubbles."""

    groups: int
    wrong: int = Field(description="Read wrong, before a person looks.")
    silent: int = Field(description="Read wrong, and no person would have looked.")
    review_rate: float = Field(description="Share that a person has to look at.")


class Trained(Published):
    """The network that was made, and how it compares with the one that reads now."""

    name: str
    sha256: str = Field(description="Of its weights, in hex.")
    file: str = Field(description="The artifact's name.")
    temperature: float = Field(description="What its log odds are divided by.")
    promoted: bool = Field(description="Whether it was better, so that later readings use it.")
    labels: int = Field(description="Settled answers that were learnt from or judged by.")
    labels_dropped: int = Field(description="Left out: they contradict what is plain to see.")
    sheets: int = Field(description="Made-up sheets that were learnt from.")
    compared_with: ModelUsed
    before: dict[str, Judged] = Field(description="Of the present network, by set.")
    after: dict[str, Judged] = Field(description="Of the new network on the same sets.")


class TrainResult(Enveloped[Trained]):
    """Of `sheets.train`."""


class ReviewResult(Enveloped[Reviewed]):
    """Of `sheets.review`."""


class ReviewPagesResult(Enveloped[ReviewedSome]):
    """Of `sheets.review_pages`."""
