"""The uploaded lists: which may be imported, and how long they are kept.

A list of students is deleted as soon as it has been imported; one that was only looked at, or
never, some days after it came.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from django.db import transaction

from academy.core import clock
from academy.core.storage import StorageError
from academy.jobs.models import Job
from academy.uploads.models import Upload, UploadState
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_discard, upload_ready

logger = logging.getLogger(__name__)

KEPT: Final = timedelta(days=7)
"""From the upload of a spreadsheet to its deletion, where nothing imports it."""


class OfUpload(Protocol):
    """Parameters of a job that reads an uploaded list."""

    upload: UUID


def import_check(tenant_id: UUID, params: OfUpload) -> None:
    """Refuse a job whose upload cannot be used.

    Raises AppError: upload_not_found (another tenant's too), upload_not_complete, upload_expired,
    upload_wrong_purpose.
    """
    upload_ready(tenant=tenant_id, upload_id=params.upload, purposes={Purpose.SPREADSHEET})


def import_succeeded(job: Job, _result: dict[str, Any]) -> None:
    """Delete the list once its students are in; called inside the job's last transaction."""
    if job.params["dry_run"]:
        return
    upload_id = UUID(job.params["upload"])
    uploads = Upload.objects.for_tenant(job.tenant_id).filter(pk=upload_id)
    uploads.filter(state=UploadState.COMPLETE).update(state=UploadState.DELETED)
    transaction.on_commit(partial(_discard, job.tenant_id, upload_id), robust=True)


def _discard(tenant_id: UUID, upload_id: UUID) -> bool:
    """Delete the object now; the uploads' own sweep does it later where that fails."""
    try:
        return upload_discard(tenant=tenant_id, upload_id=upload_id)
    except StorageError as error:
        logger.warning("spreadsheet %s is deleted later: %s", upload_id, error.code)
        return False


def sweep(limit: int = 200) -> int:
    """Delete spreadsheets that nobody imported in time; returns how many."""
    old = Upload.unscoped.filter(
        purpose=Purpose.SPREADSHEET.value,
        state=UploadState.COMPLETE,
        completed_at__lt=clock.now() - KEPT,
    ).order_by("completed_at")[:limit]
    deleted = 0
    for upload in old:
        waiting = Job.objects.for_tenant(upload.tenant_id).filter(
            params__upload=str(upload.pk), finished_at__isnull=True
        )
        if not waiting.exists():
            deleted += _discard(upload.tenant_id, upload.pk)
    return deleted
