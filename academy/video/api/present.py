"""Videos as the JSON that clients see; every link is signed at that moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from academy.core.errors import error_body
from academy.jobs.models import Job
from academy.video import playback
from academy.video.models import Video, VideoState


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def video_summary(video: Video) -> dict[str, Any]:
    """A video as lists show it."""
    return {
        "id": str(video.pk),
        "title": video.title,
        "state": video.state.value,
        "duration": video.duration,
        "damaged": bool(video.manifest and video.manifest["damaged"]),
        "created_at": instant(video.created_at),
        "upload": str(video.upload_id),
        "job": str(video.job_id),
        "player_url": playback.player_link(video).url,
    }


def video_body(video: Video) -> dict[str, Any]:
    """A video with how far it is, and how to play it once it is ready."""
    return {
        **video_summary(video),
        "progress": progress(video),
        "error": error(video),
        "playback": playback_body(video),
        "manifest": video.manifest,
    }


def progress(video: Video) -> dict[str, Any] | None:
    """Where the work is; None once it has ended."""
    if video.state not in {VideoState.WAITING, VideoState.PROCESSING}:
        return None
    job: Job = video.job
    return {
        "step": job.step,
        "percent": round(job.percent, 1),
        "eta_seconds": None if job.eta_seconds is None else round(job.eta_seconds, 1),
    }


def error(video: Video) -> dict[str, Any] | None:
    """Why there is nothing to play."""
    if video.state is not VideoState.FAILED or not video.job.error_code:
        return None
    return error_body(video.job.error_code, video.job.error_params)


def playback_body(video: Video) -> dict[str, Any] | None:
    """Addresses that play the video without a key; None until it is ready."""
    if video.state is not VideoState.READY:
        return None
    master = playback.media_link(video)
    player = playback.player_link(video)
    return {
        "master_url": master.url,
        "poster_url": playback.poster_link(video).url,
        "expires_at": instant(master.expires_at),
        "player_url": player.url,
        "player_expires_at": instant(player.expires_at),
    }
