"""Parameters of `ai.problem_generation`, as clients submit them."""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

from pydantic import Field

from academy.ai.language import ledger
from academy.ai.language.models import ServiceName
from academy.ai.language.texts import Line, Short
from academy.ai.tiers import TieredParams

MAX_ITEMS: Final = 30


class GenerationParams(TieredParams):
    """Make problems with choices on a topic, in Korean."""

    topic: Line = Field(
        description="What they are about, as precisely as a colleague would need it.",
        examples=["이차방정식의 근과 계수의 관계"],
    )
    level: Short = Field(description="For whom.", examples=["중3"])
    count: int = Field(default=5, ge=1, le=MAX_ITEMS, strict=True)
    choices: Literal[4, 5] = Field(default=5, description="Choices for each problem.")
    proved_only: bool = Field(
        default=False, strict=True,
        description="Keep only problems whose answer was worked out a second time.",
    )  # fmt: skip


def check(tenant_id: UUID, _params: GenerationParams) -> None:
    """For KindSpec. Raises what `ledger.check` does."""
    ledger.check(tenant_id, ServiceName.CHAT)


def problems_asked(_tenant_id: UUID, params: GenerationParams) -> int:
    """For the offer: the problems are what is paid for."""
    return params.count
