"""What lies in the video bucket and belongs to nothing.

The relay's sweep collects the pieces that nobody used within ``VIDEO_PIECE_DAYS``. Everything else
that may be left, by a crash or a mistake, is found by listing the bucket against the rows:
``manage.py video_orphans``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings

from academy.core import clock
from academy.core.storage import Bucket, ObjectStore, StorageError, store
from academy.jobs.models import Job, JobAttempt
from academy.jobs.states import Outcome
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from academy.uploads.services import upload_discard
from academy.video import deletion
from academy.video.models import Video, VideoPiece

logger = logging.getLogger(__name__)

T = TypeVar("T")

GRACE: Final = timedelta(hours=24)
"""What was written, or whose work ended, within this time is nobody's orphan yet."""
_LOOK_BACK: Final = timedelta(days=14)
"""A round of the sweep looks at the pieces that are at most so much older than that."""
_BATCH: Final = 500


class Reason(StrEnum):
    """Why something is an orphan."""

    TENANT_UNKNOWN = "tenant_unknown"
    JOB_UNKNOWN = "job_unknown"
    ATTEMPT_LOST = "attempt_lost"
    """Written by an attempt that did not succeed."""
    FLOW_ENDED = "flow_ended"
    """Written for the pieces of a flow that has ended."""
    OUTPUT_UNUSED = "output_unused"
    """The output of a job that succeeded, to which nothing points any more."""
    PIECE_UNUSED = "piece_unused"
    """A finished piece that no video plays, older than ``VIDEO_PIECE_DAYS``."""
    UPLOAD_UNKNOWN = "upload_unknown"
    UPLOAD_ENDED = "upload_ended"
    """An upload that was rejected, expired or deleted, and cleaned."""
    UPLOAD_UNUSED = "upload_unused"
    """A complete upload from which nothing was made."""
    VIDEO_GONE = "video_gone"


@dataclass(frozen=True)
class Orphan:
    """A prefix that nothing refers to, with what lies there."""

    prefix: str
    reason: Reason
    tenant: str
    objects: int
    size: int
    """Bytes."""
    newest_at: datetime


@dataclass(frozen=True)
class _Suspect:
    prefix: str
    reason: Reason


def pieces_sweep(limit: int = 500) -> int:
    """Delete the finished pieces that nothing uses; returns how many objects.

    A piece is first made impossible to find, then its objects go, then its row: whatever stops
    this in between, the next round goes on.
    """
    until = _pieces_until()
    deletion.old_pieces_forget(since=until - _LOOK_BACK, until=until, limit=limit)
    deleted = 0
    for piece in deletion.pieces_forgotten(limit):
        try:
            deleted += store(Bucket.VIDEO).delete_prefix(piece.prefix)
        except StorageError as error:
            logger.warning("piece %s keeps its objects for now: %s", piece.pk, error)
            if error.transient:
                break
            continue
        VideoPiece.unscoped.filter(pk=piece.pk, digest="").delete()
    return deleted


def orphans(*, tenant: UUID | None = None, grace: timedelta = GRACE) -> Iterator[Orphan]:
    """Every orphan in the video bucket, of one tenant or of all, as it is found.

    Nothing is kept in memory but a batch. Raises StorageError.
    """
    objects = store(Bucket.VIDEO)
    cutoff = clock.now() - grace
    roots = objects.folders("t/") if tenant is None else [f"t/{tenant}/"]
    for root in roots:
        for suspect in _suspects(objects, root, cutoff):
            found = _measured(objects, suspect)
            if found is not None and found.newest_at < cutoff:
                yield found


def orphan_delete(orphan: Orphan) -> int:
    """Delete what lies there; returns how many objects. Raises StorageError.

    Pieces and uploads are looked at again: one that has found a use meanwhile stays.
    """
    if orphan.reason is Reason.UPLOAD_UNUSED:
        upload = UUID(_name(orphan.prefix))
        if _used_uploads(UUID(orphan.tenant), [upload]):
            return 0
        return int(upload_discard(tenant=UUID(orphan.tenant), upload_id=upload))
    if orphan.reason is Reason.PIECE_UNUSED:
        job = UUID(deletion.job_of_prefix(orphan.prefix))
        deletion.idle_pieces_forget([job], until=_pieces_until())
        if VideoPiece.unscoped.filter(prefix=orphan.prefix).exclude(digest="").exists():
            return 0
    deleted = store(Bucket.VIDEO).delete_prefix(orphan.prefix)
    if orphan.reason is Reason.PIECE_UNUSED:
        VideoPiece.unscoped.filter(prefix=orphan.prefix, digest="").delete()
    return deleted


def _pieces_until() -> datetime:
    return clock.now() - timedelta(days=settings.VIDEO_PIECE_DAYS)


def _measured(objects: ObjectStore, suspect: _Suspect) -> Orphan | None:
    count = size = 0
    newest: datetime | None = None
    for entry in objects.entries(suspect.prefix):
        count, size = count + 1, size + entry.size
        newest = entry.modified_at if newest is None else max(newest, entry.modified_at)
    if newest is None:
        return None
    tenant = suspect.prefix.split("/")[1]
    return Orphan(suspect.prefix, suspect.reason, tenant, count, size, newest)


def _suspects(objects: ObjectStore, root: str, cutoff: datetime) -> Iterator[_Suspect]:
    tenant = _uuid(_name(root))
    if tenant is None or not Tenant.objects.filter(pk=tenant).exists():
        yield _Suspect(root, Reason.TENANT_UNKNOWN)
        return
    for folders in _batches(objects.folders(f"{root}jobs/")):
        yield from _of_jobs(objects, tenant, folders, cutoff)
    for folders in _batches(objects.folders(f"{root}uploads/")):
        yield from _of_uploads(tenant, folders, cutoff)
    for folders in _batches(objects.folders(f"{root}videos/")):
        live = Video.objects.for_tenant(tenant).filter(purged_at__isnull=True)
        known = set(live.filter(pk__in=_ids(folders)).values_list("pk", flat=True))
        for folder in folders:
            if _uuid(_name(folder)) not in known:
                yield _Suspect(folder, Reason.VIDEO_GONE)


def _of_jobs(
    objects: ObjectStore, tenant: UUID, folders: list[str], cutoff: datetime
) -> Iterator[_Suspect]:
    ids = _ids(folders)
    jobs = {job.pk: job for job in Job.objects.for_tenant(tenant).filter(pk__in=ids)}
    outcomes = {
        (row.job_id, f"a{row.number}"): row.outcome
        for row in JobAttempt.objects.filter(job_id__in=jobs).only("job_id", "number", "outcome")
    }
    pieces = {
        row.prefix: row for row in VideoPiece.objects.for_tenant(tenant).filter(job_id__in=jobs)
    }
    made = [row.job_id for row in pieces.values()]
    idle = deletion.idle_pieces(made, until=_pieces_until()) if made else set()
    wanted = [job.output_prefix for job in jobs.values() if job.output_prefix]
    played = set(
        Video.objects.for_tenant(tenant)
        .filter(purged_at__isnull=True, output_prefix__in=wanted)
        .values_list("output_prefix", flat=True)
    )
    kept = played | {row.prefix for row in pieces.values() if row.digest and row.pk not in idle}
    for folder in folders:
        identity = _uuid(_name(folder))
        job = None if identity is None else jobs.get(identity)
        if job is None:
            yield _Suspect(folder, Reason.JOB_UNKNOWN)
        elif job.finished_at is not None and job.finished_at < cutoff:
            for prefix in objects.folders(folder):
                if prefix not in kept:
                    outcome = outcomes.get((job.pk, _name(prefix)), "")
                    yield _Suspect(prefix, _reason(outcome, pieces.get(prefix)))


def _reason(outcome: str, piece: VideoPiece | None) -> Reason:
    if piece is not None:
        return Reason.PIECE_UNUSED
    if outcome == Outcome.WAITING:
        return Reason.FLOW_ENDED
    return Reason.OUTPUT_UNUSED if outcome == Outcome.SUCCEEDED else Reason.ATTEMPT_LOST


def _of_uploads(tenant: UUID, folders: list[str], cutoff: datetime) -> Iterator[_Suspect]:
    ids = _ids(folders)
    uploads = {row.pk: row for row in Upload.objects.for_tenant(tenant).filter(pk__in=ids)}
    used = _used_uploads(tenant, ids)
    for folder in folders:
        identity = _uuid(_name(folder))
        upload = None if identity is None else uploads.get(identity)
        if upload is None:
            yield _Suspect(folder, Reason.UPLOAD_UNKNOWN)
        elif upload.state == UploadState.COMPLETE:
            assert upload.completed_at is not None
            if upload.pk not in used and upload.completed_at < cutoff:
                yield _Suspect(folder, Reason.UPLOAD_UNUSED)
        elif upload.cleaned_at is not None and upload.cleaned_at < cutoff:
            yield _Suspect(folder, Reason.UPLOAD_ENDED)


def _used_uploads(tenant: UUID, ids: Iterable[UUID]) -> set[UUID]:
    """Those from which a video was or is being made; a deleted one's go with it."""
    wanted = list(ids)
    live = Video.objects.for_tenant(tenant).filter(purged_at__isnull=True)
    used = set(live.filter(upload_id__in=wanted).values_list("upload_id", flat=True))
    named = live.filter(job__params__upload__in=[str(upload) for upload in wanted])
    return used | {UUID(text) for text in named.values_list("job__params__upload", flat=True)}


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, _BATCH)):
        yield batch


def _ids(folders: Iterable[str]) -> list[UUID]:
    found = (_uuid(_name(folder)) for folder in folders)
    return [identity for identity in found if identity is not None]


def _name(prefix: str) -> str:
    """The last part of a prefix, without its slash."""
    return prefix.rstrip("/").rpartition("/")[2]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
