"""`ai.problem_variants`, as it is submitted and sold."""

from types import MappingProxyType
from typing import Final

from academy.ai.tiers import Offer, Tier, Unit
from academy.ai.variants import errors  # noqa: F401 - registers the codes
from academy.ai.variants.params import MAX_ITEMS, VariantsParams, problems_asked
from academy.ai.variants.results import VariantsResult

OFFER: Final = Offer(
    kind="ai.problem_variants",
    unit=Unit.ITEM,
    prices={Tier.BASIC: 2},
    default=Tier.BASIC,
    limits=MappingProxyType({"items": MAX_ITEMS}),
    units=problems_asked,
)

VARIANTS = OFFER.spec(
    params=VariantsParams,
    handler="academy.ai.variants.handler:run",
    timeout_seconds=900,
    result=VariantsResult,
)
