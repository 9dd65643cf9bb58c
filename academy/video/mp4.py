"""A video as one MP4 file, for those who have to take it along: made once, on request.

The file lies beside the output it was made of, so that it goes when that goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit_internal
from academy.tenants.models import Tenant
from academy.video.models import Video, VideoState
from academy.video.selectors import video_get
from academy.video.usage import storage_check

DOWNLOAD_KIND: Final = "video.mp4"
SHORT_SIDE: Final = 720
"""The rung that is taken: this one, or the best below."""
LINK_LIFETIME: Final = timedelta(hours=1)
_H264: Final = "avc1"
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
_NAME_CHARS = 120


class DownloadState(StrEnum):
    """Whether the file is there."""

    NONE = "none"
    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class Download:
    """The MP4 of a video: ``url`` and the rest of the file's facts once it is ready."""

    state: DownloadState
    job: Job | None = None
    rung: str = ""
    filename: str = ""
    size: int | None = None
    url: str | None = None
    expires_at: datetime | None = None


def download_request(*, by: Submitter, video_id: Any) -> Download:
    """Have the MP4 made, unless it is there or being made.

    Raises AppError: ``not_found``, ``video_not_ready``, ``video_download_forbidden``,
    ``video_storage_full``.
    """
    with transaction.atomic():
        # Two requests at one moment make one file.
        Video.objects.for_tenant(by.tenant).select_for_update().filter(pk=video_id).first()
        video = _offered(by.tenant, video_id)
        found = _found(video)
        if found.state in {DownloadState.READY, DownloadState.PREPARING}:
            return found
        assert video.manifest is not None
        storage_check(by.tenant, size_of(video.manifest))
        params = {"video": str(video.pk), "prefix": video.output_prefix}
        job = job_submit_internal(by=by, order=Order(DOWNLOAD_KIND, params))
    return Download(DownloadState.PREPARING, job, rung=found.rung, filename=found.filename)


def download_get(*, tenant: Tenant, video_id: Any) -> Download:
    """Whether the MP4 is there, with a link to it. Raises what `download_request` raises."""
    return _found(_offered(tenant, video_id))


def download_made(job: Job, result: dict[str, Any]) -> None:
    """Count the file for the academy's storage; in the transaction that ends its job."""
    videos = Video.unscoped.filter(pk=job.params["video"], output_prefix=job.params["prefix"])
    videos.update(download_size=result["size"])


def size_of(manifest: Mapping[str, Any]) -> int:
    """About how many bytes the file will have: those of the tracks that go into it."""
    tracks = (rung_of(manifest), manifest["audio"])
    return sum(int(track["size"]) for track in tracks if track is not None)


def rung_of(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rendition that an MP4 is made of; None where a video has no pictures."""
    pictures = [one for one in manifest["renditions"] if one["codec"].startswith(_H264)]
    fitting = [one for one in pictures if min(one["width"], one["height"]) <= SHORT_SIDE]
    found: dict[str, Any] | None = next(iter(fitting or pictures[-1:]), None)
    return found


def object_name(manifest: Mapping[str, Any]) -> str:
    """The file's name beside the output."""
    rung = rung_of(manifest)
    return f"download_{'sound' if rung is None else rung['name']}.mp4"


def _offered(tenant: Tenant, video_id: Any) -> Video:
    video = video_get(tenant=tenant, video_id=video_id)
    if video.state is not VideoState.READY or not video.manifest:
        raise AppError("video_not_ready")
    if video.manifest.get("encrypted"):
        raise AppError("video_download_forbidden")
    return video


def _found(video: Video) -> Download:
    assert video.manifest is not None
    rung = rung_of(video.manifest)
    name = "" if rung is None else rung["name"]
    filename = _filename(video.title, name)
    objects, key = store(Bucket(video.bucket)), video.output_prefix + object_name(video.manifest)
    info = objects.head(key)
    if info is not None:
        seconds = int(LINK_LIFETIME.total_seconds())
        return Download(
            DownloadState.READY, None, name, filename, info.size,
            url=objects.presign_get(key, seconds, filename=filename),
            expires_at=clock.now() + LINK_LIFETIME,
        )  # fmt: skip
    job = _last_job(video)
    state = DownloadState.NONE
    if job is not None and job.finished_at is None:
        state = DownloadState.PREPARING
    elif job is not None and job.state in {JobState.FAILED, JobState.DEAD}:
        state = DownloadState.FAILED
    return Download(state, job, name, filename)


def _last_job(video: Video) -> Job | None:
    """The last job that was to make the file of what the video plays now."""
    jobs = Job.objects.for_tenant(video.tenant_id).filter(
        kind=DOWNLOAD_KIND,
        params__video=str(video.pk),
        params__prefix=video.output_prefix,
        # The video's own job came first: what is older is none of it.
        created_at__gte=video.created_at,
    )
    return jobs.order_by("-created_at", "-id").first()


def _filename(title: str, rung: str) -> str:
    """The title as a file name that every system takes."""
    stem = " ".join(_UNSAFE.sub(" ", title).split())[:_NAME_CHARS].strip(" .") or "video"
    return f"{stem} ({rung}).mp4" if rung else f"{stem}.mp4"
