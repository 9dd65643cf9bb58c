"""Parameters of `ai.explanations`, as clients submit them."""

from __future__ import annotations

from typing import Final, Self
from uuid import UUID

from pydantic import Field, model_validator

from academy.ai.language import ledger
from academy.ai.language.models import ServiceName
from academy.ai.language.texts import Body, Line, Short, canonical
from academy.ai.tiers import TieredParams
from academy.jobs.kinds import Params

MAX_QUESTIONS: Final = 20
MAX_TRIES: Final = 3


class Question(Params):
    """A question and its answer. Nothing about a student belongs into either."""

    body: Body = Field(description="The question, without its choices.")
    choices: list[Line] = Field(
        default_factory=list, max_length=10, description="In their order; empty: an open question."
    )
    answer: Line = Field(
        description="What is right; of a question with choices one of them, word for word. The "
        "model is not told."
    )

    @model_validator(mode="after")
    def _answer_is_a_choice(self) -> Self:
        if len(self.choices) == 1:
            raise ValueError("there are no choices, or two at least")
        distinct = {canonical(choice) for choice in self.choices}
        if len(distinct) != len(self.choices):
            raise ValueError("the choices are different")
        if self.choices and self.answer not in self.choices:
            raise ValueError("the answer is one of the choices, word for word")
        return self


class ExplanationsParams(TieredParams):
    """Explain how questions are solved, in Korean, step by step."""

    questions: list[Question] = Field(min_length=1, max_length=MAX_QUESTIONS)
    level: Short | None = Field(
        default=None, description="For whom, such as 중2.", examples=["중2"]
    )
    tries: int = Field(
        default=2, ge=1, le=MAX_TRIES, strict=True,
        description="How often a question is asked at most, until the model's answer is the one "
        "that is given here.",
    )  # fmt: skip


def check(tenant_id: UUID, _params: ExplanationsParams) -> None:
    """For KindSpec. Raises what `ledger.check` does."""
    ledger.check(tenant_id, ServiceName.CHAT)


def questions_asked(_tenant_id: UUID, params: ExplanationsParams) -> int:
    """For the offer: the questions are what is paid for."""
    return len(params.questions)
