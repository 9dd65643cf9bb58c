"""What a finished `ai.speech_segments` says; see ``docs/how-to/find-speech.md``."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from academy.documents.schema import Enveloped, Published


class SpeechSegment(Published):
    """A stretch of the recording."""

    start_s: float
    end_s: float
    kind: Literal["speech", "silence"]
    confidence: float = Field(ge=0, le=1, description="Mean over its frames of 32 ms.")
    level_db: float = Field(description="Of its sound, in dB below full scale; -90 is none.")


class SuggestedChapter(Published):
    """A chapter that begins at a long pause."""

    title: str = Field(description="Its number; for people to replace.")
    start_s: float
    end_s: float
    pause_s: float = Field(description="How long nobody speaks before it.")


class Speech(Published):
    """Where somebody speaks."""

    duration_s: float
    speech_s: float = Field(description="Seconds of speech in all.")
    silence_share: float = Field(ge=0, le=1)
    speech_level_db: float | None = Field(description="Null without speech.")
    silence_level_db: float | None = Field(description="Null without silence.")
    segment_count: int
    segments: list[SpeechSegment] | None = Field(
        description="Null where they are many: then only the file of `segments_file` has them."
    )
    segments_file: str = Field(description="Artifact: all segments as JSON.")
    skippable: list[tuple[float, float]] = Field(
        description="Silences that a player may jump over, [from, to] in seconds: long ones, and "
        "quieter than the speech. The longest of them where they are very many."
    )
    chapters: list[SuggestedChapter] = Field(description="Empty where nobody speaks.")
    timeline: str = Field(description="Artifact: a picture of the recording.")
    video: UUID | None = Field(description="The lecture that was heard.")
    recording: UUID | None = Field(description="The upload that was heard, or the lecture's.")


class SpeechResult(Enveloped[Speech]):
    """Of `ai.speech_segments`."""
