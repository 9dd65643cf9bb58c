"""What a job of the sheets' kinds must find before it is accepted."""

from __future__ import annotations

from uuid import UUID

from academy.core.errors import AppError
from academy.sheets.params import ExportParams, MakeParams, ReadParams
from academy.sheets.selectors import design_get, exam_get
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_ready


def make_check(tenant_id: UUID, params: MakeParams) -> None:
    """Raises AppError: sheet_design_not_found, sheet_without_logo, and those of the upload."""
    design = design_get(tenant=tenant_id, design_id=params.design)
    if params.logo is not None:
        if not design.sheet.logo:
            raise AppError("sheet_without_logo")
        upload_ready(tenant=tenant_id, upload_id=params.logo, purposes={Purpose.IMAGE})


def read_check(tenant_id: UUID, params: ReadParams) -> None:
    """Raises AppError: exam_not_found, exam_closed, and those of the uploads."""
    exam_get(tenant=tenant_id, exam_id=params.exam, is_open=True)
    for upload in params.uploads:
        upload_ready(tenant=tenant_id, upload_id=upload, purposes={Purpose.PDF, Purpose.IMAGE})


def export_check(tenant_id: UUID, params: ExportParams) -> None:
    """Raises AppError: exam_not_found, exam_without_key."""
    if exam_get(tenant=tenant_id, exam_id=params.exam).key is None:
        raise AppError("exam_without_key")
