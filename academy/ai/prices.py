"""The price table: every AI kind that is sold, its tiers, and KRW a unit on each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from academy.ai.tiers import Offer

_TABLE: tuple[Offer, ...] = ()

OFFERS: Mapping[str, Offer] = MappingProxyType({offer.kind: offer for offer in _TABLE})
