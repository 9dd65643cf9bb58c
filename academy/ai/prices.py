"""The price table: every AI kind that is sold, its tiers, and KRW a unit on each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from academy.ai.digits.kind import OFFER as DIGITS
from academy.ai.homework.kind import OFFER as HOMEWORK
from academy.ai.language.explanations.kind import OFFER as EXPLANATIONS
from academy.ai.language.generation.kind import OFFER as GENERATION
from academy.ai.language.transcription.kind import OFFER as TRANSCRIPTION
from academy.ai.matchup.kind import IMPORT_OFFER, INDEX_OFFER, SEARCH_OFFER
from academy.ai.notes.kind import OFFER as WRONG_NOTE
from academy.ai.notes.kind import SHEET_OFFER as SHEET_NOTE
from academy.ai.omr.kind import REVIEW_OFFER as SHEETS_REVIEW
from academy.ai.omr.kind import TRAIN_OFFER as SHEETS_TRAIN
from academy.ai.pages.limits import MAX_BYTES, MAX_PAGES, MAX_PIXELS
from academy.ai.pages.params import pages_known
from academy.ai.speech.kind import OFFER as SPEECH
from academy.ai.tiers import Offer, Tier, Unit
from academy.ai.variants.kind import OFFER as VARIANTS

_DOCUMENT = MappingProxyType({"bytes": MAX_BYTES, "pages": MAX_PAGES, "pixels": MAX_PIXELS})

_TABLE: tuple[Offer, ...] = (
    Offer(
        kind="ai.ocr_text",
        unit=Unit.PAGE,
        prices={Tier.LITE: 5},
        default=Tier.LITE,
        limits=_DOCUMENT,
        units=pages_known,
    ),
    Offer(
        kind="ai.question_segmentation",
        unit=Unit.PAGE,
        prices={Tier.BASIC: 10},
        default=Tier.BASIC,
        limits=_DOCUMENT,
        units=pages_known,
    ),
    SHEETS_REVIEW,
    SHEETS_TRAIN,
    DIGITS,
    HOMEWORK,
    WRONG_NOTE,
    SHEET_NOTE,
    SPEECH,
    VARIANTS,
    IMPORT_OFFER,
    INDEX_OFFER,
    SEARCH_OFFER,
    EXPLANATIONS,
    GENERATION,
    TRANSCRIPTION,
)

OFFERS: Mapping[str, Offer] = MappingProxyType({offer.kind: offer for offer in _TABLE})
