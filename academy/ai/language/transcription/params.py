"""Parameters of `ai.transcription`, as clients submit them."""

from __future__ import annotations

import math
from typing import Final, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from academy.ai.language import ledger
from academy.ai.language.models import ServiceName
from academy.ai.speech.params import SpeechParams, lecture_of, speech_check
from academy.ai.tiers import TieredParams
from academy.core.errors import AppError
from academy.jobs.kinds import Params
from academy.video.captions import captions_list
from academy.video.models import Video

LABELS: Final = {"ko": "한국어 (auto)", "en": "English (auto)"}
"""What players show of captions that nobody has read yet; captions so called may be replaced."""

Language = Literal["ko", "en"]


class TranscriptionParams(TieredParams):
    """Write down what is said in a recording or a lecture."""

    upload: UUID | None = Field(
        default=None, description="A complete upload with the purpose `audio` or `video`."
    )
    video: UUID | None = Field(
        default=None, description="A lecture that is ready. Exactly one of the two is given."
    )
    language: Language | None = Field(
        default=None, description="What is spoken; null: the model finds out."
    )
    captions: bool = Field(
        default=False, strict=True,
        description="Give the lecture what was said as its captions in `language`, unless somebody "
        "has made others.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.upload is None) is (self.video is None):
            raise ValueError("exactly one of upload and video is needed")
        if self.captions and (self.video is None or self.language is None):
            raise ValueError("captions need a video and its language")
        return self


class PartParams(Params):
    """Write down one part of a longer recording, which the parent has cut."""

    key: str = Field(max_length=300)
    number: int = Field(ge=1)
    seconds: float = Field(gt=0)
    language: Language | None = None


def check(tenant_id: UUID, params: TranscriptionParams) -> None:
    """For KindSpec: refuse a job that cannot be done.

    Raises AppError: what `ledger.check` and `speech_check` do, and captions_by_hand.
    """
    ledger.check(tenant_id, ServiceName.SPEECH)
    speech_check(tenant_id, SpeechParams(upload=params.upload, video=params.video))
    if params.captions and params.video is not None and params.language is not None:
        refuse_if_by_hand(lecture_of(tenant_id, params.video), params.language)


def refuse_if_by_hand(video: Video, language: Language) -> None:
    """Raise AppError ``captions_by_hand`` where somebody has made captions in the language."""
    rows = captions_list(video=video).filter(language=language)
    if rows.exclude(label=LABELS[language]).exists():
        raise AppError("captions_by_hand", language=language)


def minutes_known(tenant_id: UUID, params: TranscriptionParams) -> int | None:
    """For the offer: the begun minutes of a lecture; of an upload only reading it can tell."""
    if params.video is None:
        return None
    return math.ceil((lecture_of(tenant_id, params.video).duration or 0.0) / 60)
