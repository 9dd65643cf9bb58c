"""`ai.explanations`, as it is submitted and sold.

It waits for somebody else's computer and needs none of its own: ai-basic, where a worker costs
least that may wait for minutes. A GPU host would stand idle meanwhile.
"""

from types import MappingProxyType
from typing import Final

from academy.ai.language.explanations.params import (
    MAX_QUESTIONS,
    MAX_TRIES,
    ExplanationsParams,
    check,
    questions_asked,
)
from academy.ai.language.explanations.results import ExplanationsResult
from academy.ai.tiers import Offer, Tier, Unit

OFFER: Final = Offer(
    kind="ai.explanations",
    unit=Unit.ITEM,
    prices={Tier.BASIC: 40},
    default=Tier.BASIC,
    limits=MappingProxyType({"items": MAX_QUESTIONS, "tries": MAX_TRIES}),
    units=questions_asked,
)

EXPLANATIONS = OFFER.spec(
    params=ExplanationsParams,
    handler="academy.ai.language.explanations.handler:run",
    result=ExplanationsResult,
    # Each question at its slowest, and every one asked anew.
    timeout_seconds=4 * 3600,
    max_attempts=12,
    check=check,
)
