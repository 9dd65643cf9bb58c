"""`video.delete`: delete for good what a video has, and see that nothing is left.

Everything that was ever stored for a video lies under the prefixes of the jobs that worked for it
and of their pieces, in its own folder, and in its uploads. A piece or an upload that another video
uses stays. What the object store refuses is raised: the job runs again, and never ends as done
while a file is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from django.db.models import Q

from academy.core.storage import Bucket, ObjectStore, store
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import TransientError
from academy.jobs.models import Job
from academy.uploads.services import upload_discard
from academy.video import deletion
from academy.video.handlers.steps import DELETING, DELETION_CHECK
from academy.video.models import Caption, Video, VideoPiece
from academy.video.params import DeleteParams
from academy.video.upload import TICK_SECONDS

T = TypeVar("T")

_THREADS: Final = 8
_WAIT_SECONDS: Final = 5.0
"""A worker that runs the video's job notices the cancel within this time."""


@dataclass(frozen=True)
class _Remains:
    """What is to go: prefixes and single keys in the video bucket, uploads, and pieces' rows.

    ``digests`` name what was made, under which the keys of encrypted segments are kept.
    """

    prefixes: tuple[str, ...]
    keys: tuple[str, ...]
    uploads: tuple[UUID, ...]
    pieces: tuple[UUID, ...]
    digests: frozenset[str]


def run(context: JobContext[DeleteParams]) -> Done:
    """Delete one video, or one recording that it no longer plays.

    Raises TransientError while its work has not stopped, or where something is left; StorageError.
    """
    params = context.params
    videos = Video.objects.for_tenant(context.tenant_id)
    video = videos.select_related("job").get(pk=params.video)
    if params.superseded is None:
        if video.deleted_at is None:
            # Nothing submits this for a video that can still be restored.
            return Done({"video": str(video.pk), "purged": False})
        jobs = _jobs_of(video)
    else:
        if deletion.job_of_prefix(video.output_prefix or "///") == str(params.superseded):
            return Done({"video": str(video.pk), "purged": False})
        jobs = list(Job.objects.for_tenant(context.tenant_id).filter(pk=params.superseded))
    _stop(jobs)
    remains = _remains(context, video, jobs)
    deleted = _delete(context, remains)
    _check(context, remains)
    VideoPiece.objects.for_tenant(context.tenant_id).filter(pk__in=remains.pieces).delete()
    context.log.info(
        "deleted %d objects under %d prefixes, %d uploads",
        deleted, len(remains.prefixes), len(remains.uploads),
    )  # fmt: skip
    return Done(
        {
            "video": str(video.pk), "purged": True, "objects": deleted,
            "digests": sorted(remains.digests), "recordings": sorted(_recordings(jobs)),
        }
    )  # fmt: skip


def _jobs_of(video: Video) -> list[Job]:
    """Every job that ever worked for a video: repeats, replaced recordings, downloads."""
    jobs = Job.objects.for_tenant(video.tenant_id)
    named = jobs.filter(queue=video.job.queue, parent__isnull=True, params__video=str(video.pk))
    found: dict[UUID, Job] = {}
    wanted = {video.job_id}
    for job in named:
        if job.kind != deletion.DELETE_KIND:
            wanted.add(job.pk)
        elif superseded := job.params.get("superseded"):
            wanted.add(UUID(superseded))
    while wanted:
        rows = list(jobs.filter(pk__in=wanted))
        found |= {row.pk: row for row in rows}
        wanted = {row.replay_of_id for row in rows if row.replay_of_id is not None} - found.keys()
    return list(found.values())


def _stop(jobs: Sequence[Job]) -> None:
    """Cancel what is at work; nothing is deleted while somebody may still write."""
    for job in jobs:
        if job.finished_at is None:
            deletion.stop_work(job)
    ids = [job.pk for job in jobs]
    open_jobs = Job.unscoped.filter(finished_at__isnull=True)
    if open_jobs.filter(pk__in=ids).exists() or open_jobs.filter(parent_id__in=ids).exists():
        raise TransientError("video_delete_waits", retry_after=_WAIT_SECONDS)


def _remains(context: JobContext[DeleteParams], video: Video, jobs: Sequence[Job]) -> _Remains:
    tenant, whole = context.tenant_id, context.params.superseded is None
    children = Job.unscoped.filter(parent_id__in=[job.pk for job in jobs])
    made = {child.pk: child for child in children.only("id", "result")}
    digests = {child.result["digest"] for child in made.values() if child.result}
    taken = deletion.pieces_forget(tenant, digests, but_of=[video.pk] if whole else [])
    pieces = VideoPiece.objects.for_tenant(tenant)
    kept = set(pieces.filter(job_id__in=made).exclude(digest="").values_list("job_id", flat=True))
    forgotten = pieces.filter(Q(job_id__in=made) | Q(prefix__in=taken), digest="")
    folders = [f"t/{tenant}/jobs/{job.pk}/" for job in jobs]
    folders += [f"t/{tenant}/jobs/{child}/" for child in made if child not in kept]
    captions = Caption.objects.for_tenant(tenant).filter(video=video) if whole else ()
    if whole:
        folders.append(f"t/{tenant}/videos/{video.pk}/")
    return _Remains(
        prefixes=(*folders, *(prefix for prefix in taken if not prefix.startswith(tuple(folders)))),
        keys=tuple(caption.key for caption in captions),
        uploads=tuple(_unused_uploads(video, jobs, whole=whole)),
        pieces=tuple(forgotten.values_list("pk", flat=True)),
        digests=frozenset(digests | {digest for job in jobs if (digest := _digest_of(job))}),
    )


def _digest_of(job: Job) -> str:
    return str((job.result or {}).get("digest", ""))


def _recordings(jobs: Sequence[Job]) -> set[str]:
    """The uploads that these jobs worked on."""
    return {str(job.params["upload"]) for job in jobs if "upload" in job.params}


def _unused_uploads(video: Video, jobs: Sequence[Job], *, whole: bool) -> Iterator[UUID]:
    uploads = {UUID(upload) for upload in _recordings(jobs)}
    users = Video.objects.for_tenant(video.tenant_id).filter(purged_at__isnull=True)
    if whole:
        uploads.add(video.upload_id)
        users = users.exclude(pk=video.pk)
    for upload in sorted(uploads):
        named = users.filter(upload_id=upload) | users.filter(job__params__upload=str(upload))
        if not named.exists():
            yield upload


def _delete(context: JobContext[DeleteParams], remains: _Remains) -> int:
    objects = store(Bucket.VIDEO)

    def said(done: int) -> None:
        context.raise_if_cancelled()
        context.progress(DELETING.name, DELETING.at(done / len(remains.prefixes)))

    deleted = sum(_each(objects.delete_prefix, remains.prefixes, said))
    for key in remains.keys:
        objects.delete(key)
    for upload in remains.uploads:
        deleted += upload_discard(tenant=context.tenant_id, upload_id=upload)
    return deleted


def _check(context: JobContext[DeleteParams], remains: _Remains) -> None:
    """Look at the store itself: a deletion that was answered is not yet a file that is gone."""
    objects = store(Bucket.VIDEO)

    def said(done: int) -> None:
        context.raise_if_cancelled()
        context.progress(DELETION_CHECK.name, DELETION_CHECK.at(done / len(remains.prefixes)))

    left = sum(_each(lambda prefix: _is_left(objects, prefix), remains.prefixes, said))
    left += sum(objects.head(key) is not None for key in remains.keys)
    if left:
        raise TransientError("video_delete_incomplete", left=left)


def _is_left(objects: ObjectStore, prefix: str) -> bool:
    return next(iter(objects.keys(prefix)), None) is not None


def _each(act: Callable[[str], T], prefixes: Sequence[str], said: Callable[[int], None]) -> list[T]:
    """Do it for each prefix, a few at a time; raises the first error, and what ``said`` raises."""
    results: list[T] = []
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="video-delete")
    try:
        for part in [pool.submit(act, prefix) for prefix in prefixes]:
            while not wait([part], timeout=TICK_SECONDS).done:
                said(len(results))
            results.append(part.result())
            said(len(results))
    finally:
        # What is under way cannot be called back, and a stop of the job does not wait for it.
        pool.shutdown(wait=False, cancel_futures=True)
    return results
