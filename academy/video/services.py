"""What happens to a video's row: while its job lives, and when people change it.

The functions that a job kind names are called inside the job's transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from academy.core.errors import AppError
from academy.jobs.context import output_prefix
from academy.jobs.models import Job
from academy.jobs.replay import job_retry
from academy.jobs.states import REPLAYABLE, JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_ready
from academy.video import deletion, usage
from academy.video import errors as _errors  # noqa: F401 - registers the catalogue entries
from academy.video.models import Video, VideoPiece
from academy.video.params import TranscodeParams
from academy.video.selectors import video_get

TRANSCODE_KIND = "video.transcode"
EDITABLE = frozenset({"title", "session", "position"})
"""What people may change of a video."""


def upload_check(tenant_id: UUID, params: TranscodeParams) -> None:
    """Refuse a job whose upload or video cannot be used, or that finds the storage full.

    Raises AppError: upload_not_found (another tenant's too), upload_not_complete, upload_expired,
    upload_wrong_purpose, video_not_found, video_busy, video_storage_full.
    """
    upload_ready(tenant=tenant_id, upload_id=params.upload, purposes={Purpose.VIDEO})
    if params.video is not None:
        _replaceable(Video.objects.for_tenant(tenant_id).filter(pk=params.video).first())
    usage.storage_check(tenant_id)


def _replaceable(video: Video | None, *, replay_of: UUID | None = None) -> Video:
    """The video, where a new recording may take its place. Raises AppError."""
    if video is None or video.deleted_at is not None:
        raise AppError("video_not_found")
    if video.job_id != replay_of and video.job.finished_at is None:
        raise AppError("video_busy")
    return video


def video_submitted(job: Job, params: TranscodeParams) -> None:
    """Create the video of a new job, or have the job take over the video it works for.

    That is the video of the job which it repeats, so that a link that a teacher has handed out
    leads to the repaired one, or the video whose recording it replaces. What is playing plays on
    until the job has succeeded.
    """
    video = _video_to_take_over(job, params)
    if video is None:
        Video.objects.for_tenant(job.tenant_id).create(
            title=params.title,
            session=params.session,
            position=params.position,
            profile=params.profile,
            upload_id=params.upload,
            job=job,
            created_at=job.created_at,
        )
    else:
        video.job = job
        video.held_at = None
        if params.video is None:
            video.title = params.title
        if not video.output_prefix:
            video.upload_id, video.profile = params.upload, params.profile
        video.save(update_fields=["job", "held_at", "title", "upload", "profile"])
    usage.hold_if_over(job.tenant_id)


def _video_to_take_over(job: Job, params: TranscodeParams) -> Video | None:
    videos = Video.objects.for_tenant(job.tenant_id).select_for_update()
    if job.replay_of_id is not None:
        video = videos.filter(job_id=job.replay_of_id).first()
        if video is not None and video.deleted_at is not None:
            raise AppError("video_deleted")
        if video is not None or params.video is None:
            return video
    if params.video is None:
        return None
    return _replaceable(videos.filter(pk=params.video).first(), replay_of=job.replay_of_id)


def video_succeeded(job: Job, result: dict[str, Any]) -> None:
    """Point the video at the attempt that succeeded; what it played before is deleted later."""
    usage.encoding_record(job, result["duration"])
    usage.hold_if_over(job.tenant_id)
    video = Video.unscoped.select_for_update().filter(job_id=job.pk).first()
    if video is None:
        return
    deletion.replaced(video, job)
    video.output_prefix = job.output_prefix
    video.manifest = result
    video.duration = result["duration"]
    video.size = result["size"]
    # The MP4 file of what it played goes with that.
    video.download_size = 0
    video.digest = result.get("digest", "")
    video.upload_id = UUID(job.params["upload"])
    video.profile = job.params.get("profile", video.profile)
    video.save(
        update_fields=[
            "output_prefix", "manifest", "duration", "size", "download_size", "digest", "upload",
            "profile",
        ]
    )  # fmt: skip


def piece_succeeded(job: Job, result: dict[str, Any]) -> None:
    """Keep the finished piece; one that was made again takes the place of the one before."""
    VideoPiece.unscoped.update_or_create(
        tenant_id=job.tenant_id,
        digest=result["digest"],
        name=result["piece"],
        defaults={
            "job": job,
            # A job without an artifact has no prefix of its own, and this may have been written to.
            "prefix": output_prefix(job.tenant_id, job.pk, job.attempt),
            "facts": {
                "errors": result["errors"],
                "lost": result.get("lost", 0),
                "renditions": result["facts"],
                "storyboard": result.get("storyboard"),
                "quality": result.get("quality"),
                # A piece that gave up says why, and holds nothing (see handlers/fallback.py).
                **({"refused": result["refused"]} if "refused" in result else {}),
            },
        },
    )


def video_create(*, by: Submitter, params: Mapping[str, Any]) -> Video:
    """Make a playable video of an upload: submits the job, which makes the video.

    Raises what the submission raises.
    """
    job = job_submit(by=by, order=Order(TRANSCODE_KIND, dict(params)))
    return Video.objects.for_tenant(by.tenant).select_related("job").get(job=job)


def video_edit(*, tenant: Tenant, video_id: UUID, changes: Mapping[str, Any]) -> Video:
    """Change a video's title, session or position; ``changes`` holds checked values of these.

    Raises AppError(``not_found``).
    """
    if unknown := changes.keys() - EDITABLE:
        raise ValueError(f"not editable: {sorted(unknown)}")
    video = video_get(tenant=tenant, video_id=video_id)
    if changes:
        Video.objects.for_tenant(tenant).filter(pk=video_id).update(**changes)
        for name, value in changes.items():
            setattr(video, name, value)
    return video


def video_retry(*, by: Submitter, video_id: UUID) -> Video:
    """Try a video again that failed or was cancelled, or whose new recording was.

    What was finished is used. A job that waits to be tried again is due at once. Raises AppError:
    ``not_found``, ``video_not_retryable``, and what a submission raises.
    """
    video = video_get(tenant=by.tenant, video_id=video_id)
    if JobState(video.job.state) not in REPLAYABLE | {JobState.RETRY_WAIT}:
        raise AppError("video_not_retryable", state=video.job.state)
    job_retry(by=by, job_id=video.job_id)
    return video_get(tenant=by.tenant, video_id=video_id)


def video_replace(*, by: Submitter, video_id: UUID, upload_id: UUID) -> Video:
    """Make the video play a new upload, once that is ready; until then it plays the old one.

    A failure leaves the old one. Raises AppError: ``not_found``, ``video_busy``, and what a
    submission raises.
    """
    with transaction.atomic():
        video = video_get(tenant=by.tenant, video_id=video_id)
        job_submit(
            by=by,
            order=Order(
                TRANSCODE_KIND,
                {
                    "upload": str(upload_id),
                    "title": video.title,
                    "session": video.session,
                    "position": video.position,
                    "profile": video.profile,
                    "video": str(video.pk),
                },
            ),
        )
    return video_get(tenant=by.tenant, video_id=video_id)
