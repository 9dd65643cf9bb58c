"""What the player page is told: a video's state, its links, and what was watched."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from academy.core.http.values import instant
from academy.video import early, outline, playback, watching
from academy.video.api.present import (
    DAMAGED,
    captions,
    chapters_link,
    error,
    progress,
    storyboard,
    warnings,
)
from academy.video.models import Video, VideoState, Viewing, Watched
from academy.video.playback import Audience


def player_state(video: Video, audience: Audience) -> dict[str, Any]:
    """What the player page shows of a video before, and while, it plays."""
    ready = video.state is VideoState.READY
    found = outline.outline_of(video) if ready else None
    return {
        "title": video.title,
        "state": video.state.value,
        "duration": video.duration,
        "progress": progress(video),
        "error": error(video),
        # A link that names nobody is the academy's own; students are told of losses alone.
        "warnings": [
            one for one in warnings(video) if not audience.viewer or one["code"] == DAMAGED
        ],
        "watermark": audience.watermark,
        "resume": watching.resume(video, audience.viewer) if audience.viewer else None,
        "poster_url": playback.poster_link(video).url if ready else None,
        "captions": captions(video),
        "storyboard": storyboard(video),
        "chapters_url": chapters_link(video, found),
        "silences": [list(one) for one in outline.silences_of(video, found)],
        "early": is_early(video),
    }


def is_early(video: Video) -> bool:
    """Whether the beginning of a video that is not ready can be played."""
    return early.is_playable(video)


def session_body(video: Video, viewing: Viewing | None, *, renews: bool) -> dict[str, Any]:
    """What a player needs to begin; `renews` says that it fetches playlists again in time."""
    master = playback.media_link(
        video,
        viewing=viewing,
        window=settings.PLAYBACK_LINK_SECONDS if renews else 0,
        lifetime=playback.SESSION_LIFETIME if renews else None,
    )
    return {
        "viewing": None if viewing is None else str(viewing.pk),
        "master_url": master.url,
        "expires_at": instant(master.expires_at),
        "heartbeat_seconds": settings.PLAYBACK_HEARTBEAT_SECONDS,
        "resume": None if viewing is None else watching.resume(video, viewing.viewer),
    }


def watched_body(row: Watched, duration: float | None) -> dict[str, Any]:
    """What one viewer has watched."""
    return {
        "viewer": row.viewer,
        "seconds": round(row.seconds, 1),
        "percent": round(100 * row.seconds / duration, 1) if duration else 0.0,
        "position": round(row.position, 1),
        "completed_at": instant(row.completed_at),
        "updated_at": instant(row.updated_at),
        "intervals": row.intervals,
    }
