"""The price table: every AI kind that is sold, its tiers, and KRW a unit on each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from academy.ai.notes.kind import OFFER as WRONG_NOTE
from academy.ai.tiers import Offer
from academy.ai.variants.kind import OFFER as VARIANTS

_TABLE: tuple[Offer, ...] = (WRONG_NOTE, VARIANTS)

OFFERS: Mapping[str, Offer] = MappingProxyType({offer.kind: offer for offer in _TABLE})
