"""Offers and estimates as the JSON that clients see."""

from __future__ import annotations

from typing import Any

from academy.ai.estimates import Estimate
from academy.ai.tiers import Offer
from academy.tenants.models import Tenant

CURRENCY = "KRW"


def offer_body(offer: Offer, tenant: Tenant) -> dict[str, Any]:
    """A kind, as one academy may use it."""
    allowed = offer.allowed(tenant)
    return {
        "name": offer.kind,
        "unit": offer.unit.value,
        "currency": CURRENCY,
        "default_tier": offer.default.value if offer.default in allowed else None,
        "tiers": [
            {"tier": tier.value, "unit_price": price, "included": tier in allowed}
            for tier, price in offer.prices.items()
        ],
        "limits": dict(offer.limits),
    }


def estimate_body(estimate: Estimate) -> dict[str, Any]:
    """An estimate."""
    return {
        "kind": estimate.offer.kind,
        "tier": estimate.tier.value,
        "unit": estimate.offer.unit.value,
        "currency": CURRENCY,
        "unit_price": estimate.unit_price,
        "units": estimate.units,
        "price": estimate.price,
    }
