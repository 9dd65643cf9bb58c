"""Parameters of `ai.ocr_text`, as clients submit them."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from academy.ai.pages.params import DocumentParams
from academy.jobs.kinds import Params


class OcrParams(DocumentParams):
    """Read the text of a PDF or a picture."""

    force_ocr: bool = Field(
        default=False, strict=True,
        description="Recognise what is printed, also where a PDF has a text layer.",
    )  # fmt: skip
    overlay: bool = Field(
        default=False, strict=True,
        description="Also make a picture of every page with the lines that were found.",
    )  # fmt: skip


class OcrPagesParams(Params):
    """One range of pages of a longer document; both ends belong to it."""

    upload: UUID
    first_page: int
    last_page: int
    force_ocr: bool
    overlay: bool
