"""Videos as the JSON that clients see; every link is signed at that moment."""

from __future__ import annotations

from typing import Any, Final

from academy.core.errors import error_body
from academy.core.http.values import instant, rounded
from academy.jobs.models import Job
from academy.jobs.selectors import progress_now
from academy.jobs.states import JobState
from academy.video import captions as caption_files
from academy.video import early, outline, playback, usage
from academy.video.handlers.steps import JOIN_PHASE, LECTURE_STEPS, VALIDATING
from academy.video.line import Wait, WaitReason, wait_of
from academy.video.models import Outline, Video, VideoState, state_of_job

DAMAGED: Final = "video_source_damaged"
WAIT_TEXTS: Final[dict[WaitReason, dict[str, str]]] = {
    WaitReason.LINE: {
        "ko": "앞선 강의의 변환이 끝나기를 기다리고 있습니다.",
        "en": "Waiting for the lectures before it.",
    },
    WaitReason.MINUTES: {
        "ko": "이번 달 변환 시간을 모두 썼습니다. 다음 달이 되거나 요금제를 올리면 시작합니다.",
        "en": "This month's minutes are used up. It starts next month, or with a larger plan.",
    },
    WaitReason.LATER: {
        "ko": "예약한 시각을 기다리고 있습니다.",
        "en": "Waiting for the time that was asked for.",
    },
    WaitReason.RETRY: {
        "ko": "잠시 문제가 있어 자동으로 다시 시도합니다.",
        "en": "Something went wrong for a moment; it is tried again by itself.",
    },
    WaitReason.PAUSED: {
        "ko": "점검 중이라 변환이 잠시 멈춰 있습니다.",
        "en": "Conversions are paused for maintenance.",
    },
}


def video_summary(video: Video) -> dict[str, Any]:
    """A video as lists show it."""
    return {
        "id": str(video.pk),
        "title": video.title,
        "session": video.session,
        "position": video.position,
        "profile": video.profile,
        "state": video.state.value,
        "duration": video.duration,
        "size": video.size,
        "damaged": bool(video.manifest and video.manifest["damaged"]),
        "created_at": instant(video.created_at),
        "deleted_at": instant(video.deleted_at),
        "upload": str(video.upload_id),
        "job": str(video.job_id),
        "player_url": playback.player_link(video).url,
    }


def video_body(video: Video) -> dict[str, Any]:
    """A video with how far it is, and how to play it once it is ready."""
    return {
        **video_summary(video),
        "progress": progress(video),
        "waiting": waiting(video),
        "error": error(video),
        "replacement": replacement(video),
        "deletion": deletion(video),
        "playback": playback_body(video),
        "warnings": warnings(video),
        "manifest": video.manifest,
    }


def warnings(video: Video) -> list[dict[str, Any]]:
    """What a teacher should know of a video that plays: code, and message in both languages."""
    manifest = video.manifest or {}
    found: list[dict[str, Any]] = manifest.get("warnings", [])
    damage = manifest.get("damage")
    if damage is None or "message" not in damage:
        return found
    return [{"code": DAMAGED, "message": damage["message"]}, *found]


def progress(video: Video) -> dict[str, Any] | None:
    """Where the work is; None once it has ended."""
    if video.state not in {VideoState.WAITING, VideoState.PROCESSING}:
        return None
    return _progress(video.job)


def _progress(job: Job) -> dict[str, Any]:
    percent, seconds = progress_now(job)
    return {
        "step": job.step,
        "percent": round(percent, 1),
        "eta_seconds": rounded(seconds),
        "steps": _steps(job, percent, seconds),
    }


def _steps(job: Job, percent: float, seconds: float | None) -> list[dict[str, Any]]:
    """The steps that people know. A job that runs again begins with the first one again."""
    names = [step.name for step in LECTURE_STEPS]
    now = names.index(job.step) if job.step in names else -1
    if now < 0 and job.phase == JOIN_PHASE:
        # Claimed this moment: what comes before was done by the pieces.
        now = names.index(VALIDATING.name)
    shown = []
    for number, step in enumerate(LECTURE_STEPS):
        share = min(1.0, max(0.0, (percent - step.start) / (step.end - step.start)))
        state = "done" if number < now else "running" if number == now else "waiting"
        shown.append(
            {
                "name": step.name,
                "state": state,
                "percent": {"done": 100.0, "waiting": 0.0}.get(state, round(100 * share, 1)),
                "eta_seconds": rounded(seconds) if number == now else None,
            }
        )
    return shown


def waiting(video: Video) -> dict[str, Any] | None:
    """Why the work has not begun, the place in the line, and when it may begin."""
    if video.state not in {VideoState.WAITING, VideoState.PROCESSING}:
        return None
    return _waiting(wait_of(video))


def _waiting(wait: Wait | None) -> dict[str, Any] | None:
    if wait is None:
        return None
    return {
        "reason": wait.reason.value,
        "message": WAIT_TEXTS[wait.reason],
        "queue_position": wait.position,
        "estimated_start_seconds": rounded(wait.seconds),
        "not_before": instant(wait.until),
    }


def error(video: Video) -> dict[str, Any] | None:
    """Why there is nothing to play."""
    if video.state is not VideoState.FAILED:
        return None
    return _error(video.job)


def _error(job: Job) -> dict[str, Any] | None:
    if not job.error_code or job.state not in {JobState.FAILED, JobState.DEAD}:
        return None
    return error_body(job.error_code, job.error_params)


def replacement(video: Video) -> dict[str, Any] | None:
    """The recording that is to take the place of what plays; None where there is none."""
    job = video.job
    if video.state is not VideoState.READY or job.state == JobState.SUCCEEDED:
        return None
    state = state_of_job(job)
    open_still = state in {VideoState.WAITING, VideoState.PROCESSING}
    return {
        "job": str(job.pk),
        "upload": job.params["upload"],
        "state": state.value,
        "progress": _progress(job) if open_still else None,
        "waiting": _waiting(wait_of(video)) if open_still else None,
        "error": _error(job),
    }


def deletion(video: Video) -> dict[str, Any] | None:
    """When a deleted video is gone for good, and whether it can still be restored."""
    if video.deleted_at is None:
        return None
    return {
        "deleted_at": instant(video.deleted_at),
        "purge_at": instant(video.purge_at),
        "purged_at": instant(video.purged_at),
        "restorable": video.purge_job_id is None and video.purged_at is None,
    }


def usage_body(used: usage.Usage) -> dict[str, Any]:
    """What the academy has used of its plan."""
    return {
        "minutes": {
            "used": round(used.seconds / 60, 1),
            "limit": used.limits.minutes_per_month,
            "left": round(used.minutes_left, 1),
            "month_ends_at": instant(used.month_ends_at),
        },
        "storage": {"used_bytes": used.stored_bytes, "limit_bytes": used.limits.storage_bytes},
    }


def captions(video: Video) -> list[dict[str, str]]:
    """The languages of its captions, and where each one's WebVTT is."""
    if video.state is not VideoState.READY and not early.is_playable(video):
        return []
    return [
        {
            "language": caption.language,
            "label": caption.label,
            "url": playback.media_link(video, caption_files.file_name(caption.language)).url,
        }
        for caption in caption_files.captions_list(video=video)
    ]


def chapters(video: Video, found: Outline | None) -> dict[str, Any]:
    """The chapters of a video, who wrote them, and where their WebVTT is."""
    listed = outline.chapters_of(video, found)
    return {
        "items": [{"start": one.start, "end": one.end, "title": one.title} for one in listed],
        "by_hand": bool(found and found.by_hand),
        "job": None if found is None or found.heard_by is None else str(found.heard_by),
        "silences": [list(one) for one in outline.silences_of(video, found)],
        "vtt_url": chapters_link(video, found),
        "updated_at": None if found is None else instant(found.updated_at),
    }


def chapters_link(video: Video, found: Outline | None) -> str | None:
    """Where the WebVTT of the chapters is; None where there are none."""
    if not outline.chapters_of(video, found):
        return None
    return playback.media_link(video, outline.CHAPTERS_FILE).url


def storyboard(video: Video) -> dict[str, str] | None:
    """Where the WebVTT of the seek preview is."""
    name = (video.manifest or {}).get("storyboard")
    if video.state is not VideoState.READY or name is None:
        return None
    return {"vtt_url": playback.media_link(video, name).url}


def playback_body(video: Video) -> dict[str, Any] | None:
    """Addresses that play the video without a key; None while nothing of it can be played."""
    is_early = early.is_playable(video)
    if video.state is not VideoState.READY and not is_early:
        return None
    master = playback.media_link(video)
    player = playback.player_link(video)
    return {
        "early": is_early,
        "master_url": master.url,
        "poster_url": None if is_early else playback.poster_link(video).url,
        "storyboard": storyboard(video),
        "captions": captions(video),
        "expires_at": instant(master.expires_at),
        "player_url": player.url,
        "player_expires_at": instant(player.expires_at),
    }
