"""The chapters of a video and its silences: what is between the beginning and the end.

Chapters are written by people, or suggested by the speech of the recording (`ai.speech_segments`,
which knows of this module; this knows nothing of speech). What a person wrote is never replaced by
a suggestion. Silences are heard, never written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.tenants.models import Tenant
from academy.video import webvtt
from academy.video.models import Outline, Video, VideoState
from academy.video.selectors import video_get

MAX_CHAPTERS: Final = 200
TITLE_CHARS: Final = 100
MIN_CHAPTER_SECONDS: Final = 1.0
CHAPTERS_FILE: Final = "chapters.vtt"
_PRECISION: Final = 3

Interval = tuple[float, float]


@dataclass(frozen=True)
class Heard:
    """What was heard in a recording: the upload's id, the job, chapters as (start, title)."""

    recording: UUID
    job: UUID
    chapters: Sequence[tuple[float, str]]
    silences: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Chapter:
    """A chapter, in seconds; it ends where the next begins, or with the video."""

    start: float
    end: float
    title: str


def outline_of(video: Video) -> Outline | None:
    """What is known of a video; None where nothing is."""
    return Outline.objects.for_tenant(video.tenant_id).filter(video=video).first()


def chapters_of(video: Video, outline: Outline | None) -> list[Chapter]:
    """The chapters of what the video plays; none while it cannot be played.

    Suggestions for another recording are left out, and what begins behind the end.
    """
    if outline is None or video.state is not VideoState.READY or not video.duration:
        return []
    if not outline.by_hand and outline.recording != video.upload_id:
        return []
    kept = [one for one in outline.chapters if one["start"] < video.duration]
    ends = [*(one["start"] for one in kept[1:]), video.duration]
    return [Chapter(one["start"], end, one["title"]) for one, end in zip(kept, ends, strict=True)]


def silences_of(video: Video, outline: Outline | None) -> list[Interval]:
    """The silences of the recording that the video plays, in seconds."""
    if outline is None or video.state is not VideoState.READY:
        return []
    if outline.recording != video.upload_id:
        return []
    return [(begin, end) for begin, end in outline.silences]


def chapters_text(video: Video) -> str:
    """The chapters as WebVTT, from 0. Raises AppError(``not_found``) where there are none."""
    found = chapters_of(video, outline_of(video))
    if not found:
        raise AppError("not_found")
    cues = [
        webvtt.Cue(_milliseconds(one.start), _milliseconds(one.end), (webvtt.escaped(one.title),))
        for one in found
    ]
    return webvtt.dumps(cues)


def chapters_put(
    *, tenant: Tenant, video_id: UUID, chapters: Sequence[tuple[float, str]]
) -> tuple[Video, Outline]:
    """Write the chapters of a video that is ready, in place of those there were.

    ``chapters`` are (start, title); an empty title is the chapter's number. None at all deletes
    them, and lets the next suggestion through. Raises AppError: ``not_found``, ``video_not_ready``,
    ``chapters_too_many``, ``chapters_out_of_order``, ``chapters_beyond_end``.
    """
    with transaction.atomic():
        video = video_get(tenant=tenant, video_id=video_id)
        if video.state is not VideoState.READY or not video.duration:
            raise AppError("video_not_ready")
        _check(chapters, video.duration)
        outline = _locked(video)
        outline.chapters = _stored(chapters)
        outline.by_hand = bool(chapters)
        outline.updated_at = clock.now()
        outline.save()
    return video, outline


def speech_heard(*, tenant_id: UUID, video_id: UUID, heard: Heard) -> None:
    """Keep what was heard in the recording that a video plays; its chapters where nobody wrote any.

    A video that has gone, or plays another recording by now, stays as it is. Called in the
    transaction that ends the job which heard it.
    """
    video = Video.objects.for_tenant(tenant_id).filter(pk=video_id, deleted_at=None).first()
    if video is None or video.upload_id != heard.recording or not video.duration:
        return
    outline = _locked(video)
    outline.silences = [list(one) for one in heard.silences]
    outline.recording, outline.heard_by = heard.recording, heard.job
    if not outline.by_hand:
        outline.chapters = _stored(heard.chapters)
    outline.updated_at = clock.now()
    outline.save()


def _locked(video: Video) -> Outline:
    """The outline's row, made where there is none, held until the transaction ends."""
    Video.objects.for_tenant(video.tenant_id).select_for_update().get(pk=video.pk)
    rows = Outline.objects.for_tenant(video.tenant_id)
    outline, _ = rows.get_or_create(
        tenant_id=video.tenant_id, video=video, defaults={"updated_at": clock.now()}
    )
    return outline


def _check(chapters: Sequence[tuple[float, str]], duration: float) -> None:
    if len(chapters) > MAX_CHAPTERS:
        raise AppError("chapters_too_many", limit=MAX_CHAPTERS)
    starts = [start for start, _ in chapters]
    for number, (one, following) in enumerate(pairwise(starts), 2):
        if following - one < MIN_CHAPTER_SECONDS:
            raise AppError("chapters_out_of_order", number=number)
    if starts and starts[-1] > duration - MIN_CHAPTER_SECONDS:
        raise AppError("chapters_beyond_end", number=len(starts), seconds=round(duration, 1))


def _stored(chapters: Sequence[tuple[float, str]]) -> list[dict[str, Any]]:
    return [
        {"start": round(start, _PRECISION), "title": title.strip() or str(number)}
        for number, (start, title) in enumerate(chapters, 1)
    ]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
