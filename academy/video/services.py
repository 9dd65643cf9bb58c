"""What happens to a video's row while its job lives. Called inside the job's transactions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_ready
from academy.video import errors as _errors  # noqa: F401 - registers the catalogue entries
from academy.video.models import Video, VideoPiece
from academy.video.params import TranscodeParams


def upload_check(tenant_id: UUID, params: TranscodeParams) -> None:
    """Refuse a job whose upload cannot be used.

    Raises AppError: upload_not_found (another tenant's too), upload_not_complete,
    upload_wrong_purpose.
    """
    try:
        upload_ready(tenant=tenant_id, upload_id=params.upload, purpose=Purpose.VIDEO)
    except AppError as error:
        if error.code != "not_found":
            raise
        raise AppError("upload_not_found") from None


def video_submitted(job: Job, params: TranscodeParams) -> None:
    """Create the video of a new job; a replay takes over the video of the job it repeats.

    So a link to the video that a teacher has handed out leads to the repaired one.
    """
    if job.replay_of_id is not None:
        taken_over = Video.unscoped.filter(job_id=job.replay_of_id, tenant_id=job.tenant_id).update(
            job=job, title=params.title, upload_id=params.upload
        )
        if taken_over:
            return
    Video.objects.for_tenant(job.tenant_id).create(
        title=params.title, upload_id=params.upload, job=job, created_at=job.created_at
    )


def video_succeeded(job: Job, result: dict[str, Any]) -> None:
    """Point the video at the attempt that succeeded."""
    Video.unscoped.filter(job_id=job.pk).update(
        output_prefix=job.output_prefix, manifest=result, duration=result["duration"]
    )


def piece_succeeded(job: Job, result: dict[str, Any]) -> None:
    """Keep the finished piece; one that was made again takes the place of the one before."""
    VideoPiece.unscoped.update_or_create(
        tenant_id=job.tenant_id,
        digest=result["digest"],
        name=result["piece"],
        defaults={
            "job": job,
            "prefix": job.output_prefix,
            "facts": {"errors": result["errors"], "renditions": result["facts"]},
        },
    )
