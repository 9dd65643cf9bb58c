"""What a finished `ai.explanations` says; see ``configure-language-models.md``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from academy.ai.language.spending import Spent
from academy.documents.schema import Enveloped, Published


class Explained(Published):
    """One question."""

    number: int = Field(description="Its place among the questions, from 1.")
    state: Literal["explained", "withheld"] = Field(
        description="`withheld`: the model never came to the given answer, or sent nothing usable."
    )
    steps: list[str] = Field(description="Empty where it is withheld.")
    answer: str | None = Field(description="As the explanation ends; null where it is withheld.")
    tries: int
    other_answers: list[str] = Field(
        description="What the model came to instead: a hint that the given answer may be wrong. "
        "Empty where its replies could not be used."
    )


class Explanations(Published):
    """Explanations that end with the given answers."""

    explained: int
    withheld: int
    items: list[Explained]
    spent: Spent


class ExplanationsResult(Enveloped[Explanations]):
    """Of `ai.explanations`."""
