"""`ai.problem_generation`, as it is submitted and sold; on ai-basic, as `ai.explanations` is."""

from types import MappingProxyType
from typing import Final

from academy.ai.language.generation.params import (
    MAX_ITEMS,
    GenerationParams,
    check,
    problems_asked,
)
from academy.ai.language.generation.results import GenerationResult
from academy.ai.tiers import Offer, Tier, Unit

OFFER: Final = Offer(
    kind="ai.problem_generation",
    unit=Unit.ITEM,
    prices={Tier.BASIC: 50},
    default=Tier.BASIC,
    limits=MappingProxyType({"items": MAX_ITEMS}),
    units=problems_asked,
)

GENERATION = OFFER.spec(
    params=GenerationParams,
    handler="academy.ai.language.generation.handler:run",
    result=GenerationResult,
    timeout_seconds=2 * 3600,
    max_attempts=12,
    check=check,
)
