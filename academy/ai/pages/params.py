"""Parameters and checks that every kind over an uploaded document shares."""

from __future__ import annotations

from typing import Final, Self
from uuid import UUID

from pydantic import Field, model_validator

from academy.ai.pages.limits import MAX_BYTES, MAX_PAGES
from academy.ai.tiers import TieredParams
from academy.core.errors import AppError
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_ready

PURPOSES: Final = frozenset({Purpose.IMAGE, Purpose.PDF})
#: Formats that hold one picture and never more.
_SINGLE: Final = frozenset({"image/jpeg", "image/png"})
#: Accepted for other uses; no library of the sandbox decodes it.
_UNDECODED: Final = frozenset({"image/heif", "image/heic"})


class DocumentParams(TieredParams):
    """A document and which of its pages; the API counts from 1."""

    upload: UUID = Field(description="A complete upload with the purpose `pdf` or `image`.")
    first_page: int = Field(default=1, ge=1, le=MAX_PAGES, strict=True)
    last_page: int | None = Field(
        default=None, ge=1, le=MAX_PAGES, strict=True, description="Null: to the end."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Refuse a range that ends before it begins."""
        if self.last_page is not None and self.last_page < self.first_page:
            raise ValueError("last_page is before first_page")
        return self


def document_check(tenant_id: UUID, params: DocumentParams) -> None:
    """For KindSpec: refuse a job whose upload cannot be used.

    Raises AppError: upload_not_found (another tenant's too), upload_not_complete, upload_expired,
    upload_wrong_purpose, document_too_large, document_format_unsupported.
    """
    upload = upload_ready(tenant=tenant_id, upload_id=params.upload, purposes=PURPOSES)
    if upload.content_type in _UNDECODED:
        raise AppError("document_format_unsupported", content_type=upload.content_type)
    if upload.size > MAX_BYTES:
        raise AppError("document_too_large", size=upload.size, limit=MAX_BYTES)


def pages_known(tenant_id: UUID, params: DocumentParams) -> int | None:
    """Pages of a job before it is read: 1 of a plain picture, else what was asked, or None."""
    upload = upload_ready(tenant=tenant_id, upload_id=params.upload, purposes=PURPOSES)
    if upload.content_type in _SINGLE:
        return 1
    return None
