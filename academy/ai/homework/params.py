"""Parameters of `ai.homework_video`, as clients submit them, and what is refused at once."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from academy.ai.homework.limits import MAX_BYTES
from academy.ai.tiers import TieredParams
from academy.core.errors import AppError
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_ready


class HomeworkParams(TieredParams):
    """Find the pages in a video of a workbook that is leafed through."""

    upload: UUID = Field(description="A complete upload with the purpose `video`.")


def homework_check(tenant_id: UUID, params: HomeworkParams) -> None:
    """For KindSpec: refuse a job whose upload cannot be used.

    Raises AppError: upload_not_found (another tenant's too), upload_not_complete, upload_expired,
    upload_wrong_purpose, homework_too_large.
    """
    upload = upload_ready(
        tenant=tenant_id, upload_id=params.upload, purposes=frozenset({Purpose.VIDEO})
    )
    if upload.size > MAX_BYTES:
        raise AppError("homework_too_large", size=upload.size, limit=MAX_BYTES)
