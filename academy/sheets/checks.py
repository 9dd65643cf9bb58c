"""What a job of the sheets' kinds must find before it is accepted."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from academy.core.errors import AppError
from academy.jobs import kinds
from academy.jobs.kinds import KindSpec
from academy.jobs.models import Job
from academy.jobs.submit import Order
from academy.sheets.models import Scan
from academy.sheets.params import ExportParams, GradebookParams, MakeParams, ReadParams
from academy.sheets.scans import rows_left
from academy.sheets.selectors import design_get, exam_get, gradebook_exams
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_ready

REVIEW_KIND: Final = "sheets.review"
"""Registered by the AI package, which knows the prices."""
HEIF: Final = frozenset({"image/heif", "image/heic"})


def make_check(tenant_id: UUID, params: MakeParams) -> None:
    """Raises AppError: sheet_design_not_found, sheet_without_logo, and those of the upload."""
    design = design_get(tenant=tenant_id, design_id=params.design)
    if params.logo is not None:
        if not design.sheet.logo:
            raise AppError("sheet_without_logo")
        upload_ready(tenant=tenant_id, upload_id=params.logo, purposes={Purpose.IMAGE})


def read_check(tenant_id: UUID, params: ReadParams) -> None:
    """Find what must be there.

    Raises AppError: exam_not_found, exam_closed, document_heic, tier_not_in_plan (with a rule
    that needs the tier), and those of the uploads.
    """
    exam_get(tenant=tenant_id, exam_id=params.exam, is_open=True)
    for upload_id in params.uploads:
        upload = upload_ready(
            tenant=tenant_id, upload_id=upload_id, purposes={Purpose.PDF, Purpose.IMAGE}
        )
        if upload.content_type in HEIF:
            raise AppError("document_heic", upload=str(upload_id))
    if params.escalate == "doubtful":
        spec, wanted = review_of(params.exam)
        # Refused now, where the plan lacks the tier: not when all has been read.
        spec.queue_for(tenant_id, wanted)


def follow_up(job: Job) -> Order | None:
    """For KindSpec: the second reading of what a `sheets.read` left in doubt."""
    scans = Scan.objects.for_tenant(job.tenant_id).filter(
        exam_id=job.params["exam"], upload_id__in=job.params["uploads"], needs_review=True
    )
    if not any(rows_left(scan) for scan in scans.iterator()):
        return None
    return Order(REVIEW_KIND, {"exam": job.params["exam"], "job": str(job.pk)}, job.priority)


def review_of(exam: UUID) -> tuple[KindSpec[Any], Any]:
    """The kind of the second reading and its parameters. Raises AppError kind_unknown."""
    spec = kinds.find(REVIEW_KIND)
    if spec is None:
        raise AppError("kind_unknown", kind=REVIEW_KIND)
    return spec, spec.parse({"exam": str(exam)})


def export_check(tenant_id: UUID, params: ExportParams) -> None:
    """Raises AppError: exam_not_found, exam_without_key."""
    if exam_get(tenant=tenant_id, exam_id=params.exam).key is None:
        raise AppError("exam_without_key")


def gradebook_check(tenant_id: UUID, params: GradebookParams) -> None:
    """Raises AppError: those of `gradebook_exams`."""
    gradebook_exams(tenant=tenant_id, params=params)
