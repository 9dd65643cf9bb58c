"""What finished jobs of the match-up kinds say; see ``docs/how-to/find-problems.md``."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from academy.documents.schema import Enveloped, Published

HITS: Final = "matchup.json"
"""The artifact: the result with the texts of the questions and of their hits."""
REPORT: Final = "matchup.pdf"
"""The artifact."""


class Indexed(Published):
    """What the index holds now."""

    collection: str | None = Field(description="Null: all collections.")
    problems: int
    rows: int = Field(description="Problems with a vector of the present model.")
    encoded: int = Field(description="By this job.")
    superseded: int = Field(description="Vectors of other models that were deleted.")
    dimension: int
    stored_as: str = Field(description="Type of a vector's numbers.")


class IndexPart(Published):
    """What one part did."""

    encoded: int


class Imported(Published):
    """What came of the questions of a divided test."""

    collection: str
    questions: int
    added: int
    known: int = Field(description="Taken over before: the same job twice adds nothing.")
    without_text: list[str] = Field(description="Numbers of questions that were left out.")


class Hit(Published):
    """A problem of the academy that is near a question."""

    problem: str
    collection: str
    number: str
    score: float = Field(description="The cosine of the two vectors.")


class Searched(Published):
    """A question and what is near it; no hit means that nothing reaches `min_score`."""

    number: str
    page: int | None = Field(description="Of the examination.")
    readable: bool = Field(description="False: its text could not be read; it was not searched.")
    hits: list[Hit]


class MatchUp(Published):
    """An examination, or one question, beside the academy's own material."""

    questions: list[Searched]
    searched: int = Field(description="Questions whose text could be read.")
    with_hit: int
    share: float = Field(ge=0, le=1, description="Of those that were searched.")
    min_score: float
    compared: int = Field(description="Problems that each question was compared with.")
    file: str = Field(description="The artifact with all texts.")
    report: str | None = Field(description="The artifact's name.")


class IndexResult(Enveloped[Indexed]):
    """Of `ai.embedding_index`."""


class IndexPartResult(Enveloped[IndexPart]):
    """Of `ai.embedding_part`."""


class ImportResult(Enveloped[Imported]):
    """Of `ai.problem_import`."""


class MatchUpResult(Enveloped[MatchUp]):
    """Of `ai.matchup_search`."""
