"""Delete videos: hidden at once, back within the grace, and then for good.

The deletion for good is a job (handlers/delete.py), so that what the object store refuses today is
tried again, and what cannot be deleted is seen. A sweep of the relay submits it when it is due.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Cast, Replace

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, job_submit_internal
from academy.tenants.models import Tenant
from academy.video.models import Caption, ContentKey, Outline, Video, VideoPiece, Viewing, Watched

logger = logging.getLogger(__name__)

DELETE_KIND: Final = "video.delete"
SUPERSEDED_GRACE: Final = timedelta(hours=24)
"""Longer than the life of a media link: who began with the old recording can finish it."""
AGAIN_AFTER: Final = timedelta(hours=1)
"""A deletion that failed for good is tried again as a new job after so long."""
_PRIORITY: Final = 4
_PLATFORM: Final = "platform"


def video_delete(*, tenant: Tenant, video_id: UUID, by: str) -> Video:
    """Hide a video, stop its playback and its work; for good after ``VIDEO_PURGE_DAYS``.

    Deleting it again changes nothing. Raises AppError(``not_found``).
    """
    with transaction.atomic():
        # The job's row before the video's: the end of a job writes both in this order.
        stopped = _locked(tenant, video_id, lock=False)
        if stopped.deleted_at is None:
            stop_work(stopped.job)
        video = _locked(tenant, video_id)
        if video.deleted_at is None:
            if video.job_id != stopped.job_id:
                stop_work(video.job)
            video.deleted_at = clock.now()
            video.deleted_by = by
            video.purge_at = video.deleted_at + timedelta(days=settings.VIDEO_PURGE_DAYS)
            video.held_at = None
            # Every link and viewing of the present version ends.
            video.policy_version = F("policy_version") + 1
            video.save(
                update_fields=["deleted_at", "deleted_by", "purge_at", "held_at", "policy_version"]
            )
    return _locked(tenant, video_id, lock=False)


def video_restore(*, tenant: Tenant, video_id: UUID) -> Video:
    """Bring a deleted video back; one that is not deleted stays as it is.

    Raises AppError: ``not_found``, ``video_purge_begun``.
    """
    with transaction.atomic():
        video = _locked(tenant, video_id)
        if video.deleted_at is not None:
            if video.purge_job_id is not None or video.purged_at is not None:
                raise AppError("video_purge_begun")
            video.deleted_at = video.purge_at = None
            video.deleted_by = ""
            video.save(update_fields=["deleted_at", "deleted_by", "purge_at"])
    return _locked(tenant, video_id, lock=False)


def video_purge(*, tenant: Tenant, video_id: UUID) -> Video:
    """Delete a deleted video for good without waiting for the grace to pass.

    Asking again changes nothing. Raises AppError: ``not_found``, ``video_not_deleted``.
    """
    with transaction.atomic():
        video = _locked(tenant, video_id)
        if video.deleted_at is None:
            raise AppError("video_not_deleted")
        if video.purge_job_id is None:
            video.purge_at = clock.now()
            _submit_purge(video)
    return _locked(tenant, video_id, lock=False)


def purge_sweep(limit: int = 100) -> int:
    """Submit the deletion of every video whose grace has passed; returns how many.

    One whose deletion failed for good is submitted again after ``AGAIN_AFTER``: a file that cannot
    be deleted is never forgotten.
    """
    now = clock.now()
    due = Video.unscoped.filter(
        Q(purge_job__isnull=True) | Q(purge_job__finished_at__lt=now - AGAIN_AFTER),
        deleted_at__isnull=False,
        purged_at__isnull=True,
        purge_at__lte=now,
    ).order_by("deleted_at")
    submitted = 0
    for video_id in list(due.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            video = due.filter(pk=video_id).select_for_update(of=("self",), skip_locked=True)
            if (row := video.select_related("tenant").first()) is not None:
                _submit_purge(row)
                submitted += 1
    return submitted


def _submit_purge(video: Video) -> None:
    if video.purge_job_id is not None:
        logger.warning("video %s could not be deleted: tried again", video.pk)
    video.purge_job = _submit(video, {"video": str(video.pk)})
    video.save(update_fields=["purge_at", "purge_job"])


def _submit(video: Video, params: dict[str, Any], *, after: timedelta = timedelta(0)) -> Job:
    by = Submitter(video.tenant, _PLATFORM)
    order = Order(DELETE_KIND, params, priority=_PRIORITY, not_before=clock.now() + after)
    return job_submit_internal(by=by, order=order)


def replaced(video: Video, job: Job) -> None:
    """Have what a video played until now deleted, after the grace, where ``job`` made it anew.

    Called in the transaction that flips the pointer, before it does.
    """
    if not video.output_prefix or video.output_prefix == job.output_prefix:
        return
    superseded = job_of_prefix(video.output_prefix)
    _submit(video, {"video": str(video.pk), "superseded": superseded}, after=SUPERSEDED_GRACE)


def job_of_prefix(prefix: str) -> str:
    """The job of an output prefix, ``t/TENANT/jobs/JOB/aN/``."""
    return prefix.split("/")[3]


def stop_work(job: Job) -> None:
    """Cancel a job that has not ended."""
    try:
        job_cancel(tenant=job.tenant_id, job_id=job.pk)
    except AppError as error:
        if error.code != "job_already_ended":
            raise


def _locked(tenant: Tenant, video_id: UUID, *, lock: bool = True) -> Video:
    videos = Video.objects.for_tenant(tenant).select_related("job", "tenant")
    if lock:
        videos = videos.select_for_update(of=("self",))
    video = videos.filter(pk=video_id).first()
    if video is None:
        raise AppError("not_found")
    return video


# One statement sees the database at one moment. A flow that is at work names the recording, and the
# video that it has made the digest: so no piece goes that a join is about to point at.
_IDLE = """
SELECT piece.id FROM video_piece piece
JOIN job made ON made.id = piece.job_id LEFT JOIN job parent ON parent.id = made.parent_id
WHERE {which} AND piece.digest <> ''
  AND NOT EXISTS (
      SELECT FROM video WHERE video.tenant_id = piece.tenant_id AND video.digest = piece.digest
        AND video.purged_at IS NULL AND NOT video.id = ANY(%(but_of)s::uuid[]))
  AND NOT EXISTS (
      SELECT FROM job open WHERE open.tenant_id = piece.tenant_id AND open.queue = 'video'
        AND open.finished_at IS NULL AND open.kind = 'video.transcode'
        AND open.params ->> 'upload' = parent.params ->> 'upload')
"""
_OF_PLANS = _IDLE.format(
    which="piece.tenant_id = %(tenant)s AND piece.digest = ANY(%(digests)s::varchar[])"
)
_OF_AGE = _IDLE.format(which="piece.created_at >= %(since)s AND piece.created_at < %(until)s") + (
    "ORDER BY piece.created_at LIMIT %(limit)s"
)
_OF_JOBS = _IDLE.format(
    which="piece.job_id = ANY(%(jobs)s::uuid[]) AND piece.created_at < %(until)s"
)
_FORGET = """
UPDATE video_piece SET digest = '', name = replace(id::text, '-', '')
WHERE id IN ({idle}) RETURNING prefix
"""


def pieces_forget(tenant_id: UUID, digests: Collection[str], *, but_of: list[UUID]) -> list[str]:
    """Have no flow find the pieces of these plans again that nothing plays or makes.

    ``but_of`` are the videos whose own use of them does not count. Returns their prefixes: what
    lies there is deleted next, by whoever asked or by the sweep.
    """
    values = {"tenant": tenant_id, "digests": list(digests), "but_of": but_of}
    return _rows(_FORGET.format(idle=_OF_PLANS), values)


def pieces_abandon(tenant_id: UUID, digest: str, *, job_id: UUID, mark: str) -> int:
    """Have no flow find the pieces of a plan that ``job_id`` has given up; returns how many.

    Their content keys go with them. Where another video plays them, or another job works on the
    same recording, only those go that hold nothing: the ones with ``mark`` among their facts.
    """
    pieces = VideoPiece.unscoped.filter(tenant_id=tenant_id, digest=digest)
    job = Job.unscoped.get(pk=job_id)
    others = Job.unscoped.filter(
        tenant_id=tenant_id, kind=job.kind, finished_at__isnull=True,
        params__upload=job.params["upload"],
    ).exclude(pk=job_id)  # fmt: skip
    videos = Video.unscoped.filter(tenant_id=tenant_id, digest=digest, purged_at__isnull=True)
    if videos.exists() or others.exists():
        pieces = pieces.filter(facts__has_key=mark)
    else:
        ContentKey.unscoped.filter(tenant_id=tenant_id, digest=digest).delete()
    nameless = Replace(Cast("id", CharField()), Value("-"), Value(""))
    return pieces.update(digest="", name=nameless)


def old_pieces_forget(*, since: datetime, until: datetime, limit: int) -> int:
    """Have no flow find the pieces of a time again that nothing plays or makes; how many."""
    values = {"since": since, "until": until, "limit": limit, "but_of": []}
    return len(_rows(_FORGET.format(idle=_OF_AGE), values))


def idle_pieces(jobs: Collection[UUID], *, until: datetime) -> set[UUID]:
    """Those pieces of these jobs that were made before a moment and nothing plays or makes."""
    return set(_rows(_OF_JOBS, _jobs_until(jobs, until)))


def idle_pieces_forget(jobs: Collection[UUID], *, until: datetime) -> list[str]:
    """Have no flow find these again; their prefixes."""
    return _rows(_FORGET.format(idle=_OF_JOBS), _jobs_until(jobs, until))


def _jobs_until(jobs: Collection[UUID], until: datetime) -> dict[str, Any]:
    return {"jobs": list(jobs), "until": until, "but_of": []}


def _rows(statement: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]


def pieces_forgotten(limit: int) -> list[VideoPiece]:
    """Pieces that were forgotten and may still have objects."""
    return list(VideoPiece.unscoped.filter(digest="").order_by("id")[:limit])


def video_purged(job: Job, result: dict[str, Any]) -> None:
    """Write down that a video is gone, and forget who watched it; in its deletion's transaction.

    The keys of what was encrypted go with it, those of a replaced recording too.
    """
    if not result.get("purged"):
        return
    whole = job.params.get("superseded") is None
    but_of = [UUID(job.params["video"])] if whole else []
    _keys_forget(
        job.tenant_id, result.get("digests", ()), result.get("recordings", ()), but_of=but_of
    )
    if not whole:
        return
    videos = Video.unscoped.filter(pk=UUID(job.params["video"]), tenant_id=job.tenant_id)
    video = videos.select_for_update().first()
    if video is None:
        return
    for model in (Caption, Outline, Viewing, Watched):
        model.unscoped.filter(video_id=video.pk).delete()
    videos.update(
        purged_at=clock.now(), output_prefix="", manifest=None, size=0, download_size=0, digest="",
        held_at=None,
    )  # fmt: skip


def _keys_forget(
    tenant_id: UUID, digests: Collection[str], recordings: Collection[str], *, but_of: list[UUID]
) -> None:
    """Delete the keys of what nothing plays, keeps or makes any more."""
    keys = ContentKey.unscoped.filter(tenant_id=tenant_id, digest__in=digests)
    same = {"tenant_id": tenant_id, "digest": OuterRef("digest")}
    played = Video.unscoped.filter(**same, purged_at__isnull=True).exclude(pk__in=but_of)
    kept = VideoPiece.unscoped.filter(**same)
    # One that works on the recording at this moment has begun to encrypt with the same keys.
    at_work = Job.unscoped.filter(
        tenant_id=tenant_id, queue="video", kind="video.transcode",
        finished_at__isnull=True, params__upload__in=recordings,
    )  # fmt: skip
    if not at_work.exists():
        keys.filter(~Exists(played), ~Exists(kept)).delete()
