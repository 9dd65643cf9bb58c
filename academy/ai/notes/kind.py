"""The kinds that make wrong notes, as they are submitted and sold."""

from types import MappingProxyType
from typing import Final

from academy.ai.notes import errors  # noqa: F401 - registers the codes
from academy.ai.notes.params import (
    MAX_QUESTIONS,
    MAX_UPLOADS,
    SheetNoteParams,
    WrongNoteParams,
)
from academy.ai.notes.results import WrongNoteResult
from academy.ai.notes.taking import booklet_check, questions_asked
from academy.ai.pages.limits import MAX_BYTES, MAX_PAGES, MAX_PIXELS
from academy.ai.tiers import Offer, Tier, Unit
from academy.tenants.scopes import Scope

_LIMITS: Final = MappingProxyType(
    {
        "bytes": MAX_BYTES,
        "items": MAX_QUESTIONS,
        "pages": MAX_PAGES,
        "pixels": MAX_PIXELS,
        "uploads": MAX_UPLOADS,
    }
)

OFFER: Final = Offer(
    kind="ai.wrong_note_pdf",
    unit=Unit.ITEM,
    prices={Tier.LITE: 1},
    default=Tier.LITE,
    limits=_LIMITS,
    units=questions_asked,
)

SHEET_OFFER: Final = Offer(
    kind="sheets.wrong_note_pdf",
    unit=Unit.ITEM,
    prices={Tier.LITE: 1},
    default=Tier.LITE,
    limits=_LIMITS,
    units=questions_asked,
)

WRONG_NOTE = OFFER.spec(
    params=WrongNoteParams,
    handler="academy.ai.notes.handler:run",
    timeout_seconds=1800,
    result=WrongNoteResult,
    check=booklet_check,
)

SHEET_NOTE = SHEET_OFFER.spec(
    params=SheetNoteParams,
    handler="academy.ai.notes.handler:run",
    timeout_seconds=1800,
    result=WrongNoteResult,
    check=booklet_check,
    # Who may not see an examination's scores learns none of them by its wrong notes.
    reads=Scope.SHEETS_READ,
    writes=Scope.SHEETS_READ,
)
