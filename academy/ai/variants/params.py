"""Parameters of `ai.problem_variants`, as clients submit them."""

from __future__ import annotations

from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from academy.ai.tiers import TieredParams
from academy.ai.variants.library import shipped
from academy.ai.variants.template import Template, Text
from academy.jobs.kinds import Params

MAX_ITEMS: Final = 200


def _shipped(name: str) -> str:
    if name not in shipped():
        raise ValueError(f"there is no such template; there are: {', '.join(shipped())}")
    return name


class Wanted(Params):
    """Problems of one template: a shipped one by its id, or one of the client's own."""

    template: Annotated[str, AfterValidator(_shipped)] | None = Field(
        default=None, description="Id of a shipped template.", examples=["linear-equation"]
    )
    definition: Template | None = Field(default=None, description="A template of your own.")
    count: int = Field(default=5, ge=1, le=MAX_ITEMS, strict=True)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.template is None) == (self.definition is None):
            raise ValueError("give either template or definition")
        return self

    def resolved(self) -> Template:
        """The template itself."""
        return self.definition or shipped()[self.template or ""]


class VariantsParams(TieredParams):
    """Draw problems from templates; every answer is proved a second way before it is given."""

    problems: list[Wanted] = Field(min_length=1, max_length=20)
    choices: int = Field(
        default=5, strict=True, description="Choices for each problem: 4 or 5; 0: none."
    )
    seed: int | None = Field(
        default=None, ge=0, lt=1 << 53, strict=True,
        description="The same seed and templates give the same problems; null: one is drawn, "
        "and told in the result.",
    )  # fmt: skip
    worksheet: bool = Field(
        default=False, strict=True, description="Make a PDF too, with the answers at its end."
    )
    title: Annotated[Text, StringConstraints(max_length=60)] | None = Field(
        default=None, description="Of the worksheet."
    )

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        if self.choices not in {0, 4, 5}:
            raise ValueError("choices is 0, 4 or 5")
        if self.items > MAX_ITEMS:
            raise ValueError(f"at most {MAX_ITEMS} problems in all")
        return self

    @property
    def items(self) -> int:
        """Problems in all."""
        return sum(wanted.count for wanted in self.problems)


def problems_asked(_tenant_id: UUID, params: VariantsParams) -> int:
    """For the offer: the problems are what is paid for."""
    return params.items
