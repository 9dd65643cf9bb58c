"""What a finished `ai.problem_variants` says; see ``docs/how-to/make-problem-variants.md``."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from academy.documents.schema import Enveloped, Published

WORKSHEET: Final = "worksheet.pdf"
"""The artifact."""


class Choice(Published):
    """One of the choices."""

    text: str
    latex: str


class Solution(Published):
    """The answer, proved."""

    text: str
    latex: str
    choice: int | None = Field(description="Its place among the choices, from 1.")


class Problem(Published):
    """One problem."""

    number: int
    template: str = Field(description="Id of a shipped template, or custom-1, custom-2, ...")
    parameters: dict[str, str] = Field(description="The numbers that were drawn.")
    body: str
    choices: list[Choice]
    answer: Solution


class TemplateCount(Published):
    """What came of one template."""

    template: str
    asked: int
    made: int
    drawn: int
    lost: dict[str, int] = Field(description="Draws that were left, by reason.")


class Variants(Published):
    """The problems; each answer came out of the template and of a second way alike."""

    seed: int
    verified: int = Field(description="Problems whose answer was proved: all of them.")
    items: list[Problem]
    templates: list[TemplateCount]
    worksheet: str | None = Field(description="The artifact's name.")


class VariantsResult(Enveloped[Variants]):
    """Of `ai.problem_variants`."""
