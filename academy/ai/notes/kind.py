"""`ai.wrong_note_pdf`, as it is submitted and sold."""

from types import MappingProxyType
from typing import Final

from academy.ai.notes import errors  # noqa: F401 - registers the codes
from academy.ai.notes.params import (
    MAX_QUESTIONS,
    MAX_UPLOADS,
    WrongNoteParams,
    notes_check,
    questions_asked,
)
from academy.ai.notes.results import WrongNoteResult
from academy.ai.pages.limits import MAX_BYTES, MAX_PAGES, MAX_PIXELS
from academy.ai.tiers import Offer, Tier, Unit

OFFER: Final = Offer(
    kind="ai.wrong_note_pdf",
    unit=Unit.ITEM,
    prices={Tier.LITE: 1},
    default=Tier.LITE,
    limits=MappingProxyType(
        {
            "bytes": MAX_BYTES,
            "items": MAX_QUESTIONS,
            "pages": MAX_PAGES,
            "pixels": MAX_PIXELS,
            "uploads": MAX_UPLOADS,
        }
    ),
    units=questions_asked,
)

WRONG_NOTE = OFFER.spec(
    params=WrongNoteParams,
    handler="academy.ai.notes.handler:run",
    timeout_seconds=1800,
    result=WrongNoteResult,
    check=notes_check,
)
