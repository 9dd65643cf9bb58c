"""What a finished `ai.problem_generation` says; see ``configure-language-models.md``."""

from __future__ import annotations

from pydantic import Field

from academy.ai.language.spending import Spent
from academy.documents.schema import Enveloped, Published


class Generated(Published):
    """One problem."""

    number: int
    body: str
    choices: list[str]
    answer: int = Field(description="Its place among the choices, from 1.")
    proved: bool = Field(
        description="Whether the answer was worked out a second time, by calculation."
    )


class Generation(Published):
    """The problems that stood the checks."""

    asked: int
    made: int
    proved: int
    dropped: dict[str, int] = Field(
        description="Problems that were not kept, by reason: `form`, `choices` (too many, too few, "
        "twice the same), `ambiguous` (two choices of the same value), `wrong` (its calculation "
        "gives another answer), `again` (a problem that was there), `unproved`."
    )
    items: list[Generated]
    spent: Spent


class GenerationResult(Enveloped[Generation]):
    """Of `ai.problem_generation`."""
