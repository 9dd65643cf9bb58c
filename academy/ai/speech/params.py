"""Parameters of `ai.speech_segments`, as clients submit them."""

from __future__ import annotations

import math
from typing import Final, Self
from uuid import UUID

from pydantic import Field, model_validator

from academy.ai.speech.limits import MAX_BYTES, MAX_CHAPTERS
from academy.ai.tiers import TieredParams
from academy.core.errors import AppError
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_ready
from academy.video.models import Video, VideoState

PURPOSES: Final = frozenset({Purpose.AUDIO, Purpose.VIDEO})


class SpeechParams(TieredParams):
    """Find where somebody speaks in a recording or a lecture, and suggest chapters."""

    upload: UUID | None = Field(
        default=None, description="A complete upload with the purpose `audio` or `video`."
    )
    video: UUID | None = Field(
        default=None, description="A lecture that is ready. Exactly one of the two is given."
    )
    apply: bool = Field(
        default=True, strict=True,
        description="Give the lecture what was found: its player then offers to skip silences, "
        "and shows the chapters unless somebody has written others.",
    )  # fmt: skip
    threshold: float = Field(
        default=0.5, ge=0.1, le=0.95, strict=True,
        description="Probability from which on a sound is speech.",
    )  # fmt: skip
    min_speech_seconds: float = Field(
        default=0.25, ge=0.05, le=5, strict=True, description="Shorter sounds are no speech."
    )
    min_silence_seconds: float = Field(
        default=0.5, ge=0.1, le=30, strict=True, description="Shorter gaps belong to the speech."
    )
    padding_seconds: float = Field(
        default=0.1, ge=0, le=1, strict=True, description="Added to both ends of speech."
    )
    chapters: int | None = Field(
        default=None, ge=1, le=MAX_CHAPTERS, strict=True,
        description="How many chapters are wished; null: by their length.",
    )  # fmt: skip
    chapter_minutes: float = Field(
        default=10, ge=1, le=120, strict=True, description="Wished length, where no number is."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.upload is None) is (self.video is None):
            raise ValueError("exactly one of upload and video is needed")
        return self


def lecture_of(tenant_id: UUID, video_id: UUID) -> Video:
    """The lecture, ready to be heard. Raises AppError: video_not_found, video_not_ready."""
    videos = Video.objects.for_tenant(tenant_id).select_related("job")
    video = videos.filter(pk=video_id, deleted_at__isnull=True).first()
    if video is None:
        raise AppError("video_not_found")
    if video.state is not VideoState.READY or video.manifest is None:
        raise AppError("video_not_ready")
    return video


def speech_check(tenant_id: UUID, params: SpeechParams) -> None:
    """For KindSpec: refuse a job whose recording cannot be used.

    Raises AppError: upload_not_found (another tenant's too), upload_not_complete, upload_expired,
    upload_wrong_purpose, document_too_large, video_not_found, video_not_ready, speech_no_sound.
    """
    if params.video is not None:
        video = lecture_of(tenant_id, params.video)
        if (video.manifest or {}).get("audio") is None:
            raise AppError("speech_no_sound")
        return
    assert params.upload is not None
    upload = upload_ready(tenant=tenant_id, upload_id=params.upload, purposes=PURPOSES)
    if upload.size > MAX_BYTES:
        raise AppError("document_too_large", size=upload.size, limit=MAX_BYTES)


def minutes_known(tenant_id: UUID, params: SpeechParams) -> int | None:
    """For the offer: the begun minutes of a lecture; of an upload only reading it can tell."""
    if params.video is None:
        return None
    return math.ceil((lecture_of(tenant_id, params.video).duration or 0.0) / 60)
