"""Parameters of the premium kinds over answer sheets, and what they find before they start."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from academy.ai.tiers import TieredParams
from academy.core.errors import AppError
from academy.jobs.kinds import Params
from academy.jobs.models import Job
from academy.sheets.labels import labels_of
from academy.sheets.models import Scan
from academy.sheets.scans import Rows, rows_left
from academy.sheets.selectors import exam_get

MIN_LABELS: Final = 50
"""Fewer settled answers than this teach nothing that the made-up sheets do not."""


class ReviewParams(TieredParams):
    """Read what is doubtful of an examination again, with a larger network."""

    exam: UUID
    job: UUID | None = Field(
        default=None, description="Only what this `sheets.read` was asked to read; null: all."
    )


class RowsOfPage(Params):
    """Rows of one page of an upload, and the scan that they belong to."""

    scan: UUID
    index: int = Field(ge=1)
    questions: tuple[int, ...] = ()
    identifier: bool = False


class RowsOfUpload(Params):
    """Rows of one file."""

    upload: UUID
    pages: Annotated[list[RowsOfPage], Field(min_length=1)]


class ReviewPagesParams(Params):
    """Some pages of a `sheets.review`."""

    exam: UUID
    parts: Annotated[list[RowsOfUpload], Field(min_length=1)]


class TrainParams(TieredParams):
    """Train a network for hard marks with what your teachers settled; promoted only if better."""

    sheets: int = Field(
        default=300, ge=10, le=2_000, description="Made-up sheets to learn from beside the labels."
    )
    epochs: int = Field(default=6, ge=1, le=20)
    holdout: int = Field(
        default=8,
        ge=1,
        le=50,
        description="Held-out sheets of each of twelve sets to judge on.",
    )
    seed: int = Field(default=1, ge=0, le=1_000_000)


def train_check(tenant_id: UUID, _params: TrainParams) -> None:
    """Raises AppError sheet_labels_too_few."""
    labels = sum(1 for _ in islice(labels_of(tenant_id), MIN_LABELS))
    if labels < MIN_LABELS:
        raise AppError("sheet_labels_too_few", labels=labels, needed=MIN_LABELS)


def review_check(tenant_id: UUID, params: ReviewParams) -> None:
    """Raises AppError: exam_not_found, exam_closed, job_not_found."""
    exam_get(tenant=tenant_id, exam_id=params.exam, is_open=True)
    if params.job is not None:
        read_job(tenant_id, params)


def read_job(tenant_id: UUID, params: ReviewParams) -> Job:
    """The `sheets.read` that is named. Raises AppError job_not_found."""
    jobs = Job.objects.for_tenant(tenant_id).filter(kind="sheets.read")
    job = jobs.filter(pk__in=[params.job], params__exam=str(params.exam)).first()
    if job is None:
        raise AppError("job_not_found")
    return job


def rows_wanted(tenant_id: UUID, params: ReviewParams) -> list[tuple[Scan, Rows]]:
    """The scans with doubtful rows that no committee has seen yet, and those rows.

    Raises AppError job_not_found.
    """
    scans = Scan.objects.for_tenant(tenant_id).filter(exam_id=params.exam)
    if params.job is not None:
        scans = scans.filter(upload_id__in=_uploads(read_job(tenant_id, params).params))
    scans = scans.filter(needs_review=True, discarded=False, page__isnull=False)
    found = [(scan, rows_left(scan)) for scan in scans.order_by("upload_id", "index")]
    return [(scan, rows) for scan, rows in found if rows]


def _uploads(params: dict[str, Any]) -> Sequence[str]:
    uploads: list[str] = params["uploads"]
    return uploads


def pages_wanted(tenant_id: UUID, params: ReviewParams) -> int:
    """For the price: pages that would be read again."""
    return len(rows_wanted(tenant_id, params))
