"""What a job would run on and cost, told before it is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from academy.ai.prices import OFFERS
from academy.ai.tiers import Offer, Tier
from academy.core.errors import AppError
from academy.jobs import kinds
from academy.jobs.classify import field_errors
from academy.tenants.models import Tenant


@dataclass(frozen=True)
class Estimate:
    """Tier and price of a job; ``units`` is None where only reading the file can tell."""

    offer: Offer
    tier: Tier
    units: int | None

    @property
    def unit_price(self) -> int:
        """KRW a unit."""
        return self.offer.prices[self.tier]

    @property
    def price(self) -> int | None:
        """KRW in all."""
        return None if self.units is None else self.units * self.unit_price


def offers_open() -> list[Offer]:
    """The offers whose kinds this process knows, by name."""
    return [OFFERS[name] for name in sorted(OFFERS) if kinds.find(name) is not None]


def estimate(*, tenant: Tenant, kind: str, params: Mapping[str, Any]) -> Estimate:
    """What a submission of these parameters would come to; nothing is stored.

    Raises AppError: ai_kind_unknown, params_invalid, tier_not_offered, tier_not_in_plan, and what
    the kind refuses an upload with.
    """
    offer, spec = OFFERS.get(kind), kinds.find(kind)
    if offer is None or spec is None:
        raise AppError("ai_kind_unknown", kind=kind)
    try:
        parsed = spec.parse(dict(params))
    except ValidationError as error:
        raise AppError("params_invalid", fields=field_errors(error)) from error
    tier = offer.tier_for(tenant, parsed.tier)
    if spec.check is not None:
        spec.check(tenant.pk, parsed)
    return Estimate(offer, tier, offer.units(tenant.pk, parsed))
