"""What a finished `ai.transcription` says; see ``configure-language-models.md``."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from pydantic import Field

from academy.ai.language.spending import Spent
from academy.documents.schema import Enveloped, Published

WEBVTT: Final = "transcript.vtt"
SUBRIP: Final = "transcript.srt"
SEGMENTS: Final = "transcript.json"
"""The artifacts."""


class Captioned(Published):
    """What became of the lecture's captions."""

    applied: bool
    language: str
    label: str


class Transcription(Published):
    """What was said; the text itself is in the artifacts."""

    duration_s: float = Field(description="Of the recording.")
    language: str = Field(description="As it was given, or as the model found it.")
    segments: int
    cues: int = Field(description="Captions: a long segment is more than one.")
    characters: int
    unsure: int = Field(description="Segments whose text is not certain.")
    parts: int = Field(description="Into which it was cut, at silences where there are some.")
    silent_parts: int = Field(description="Those in which nothing is to be heard: never sent.")
    gaps: list[list[float]] = Field(
        description="From and to in seconds, where the model sent nothing that could be used."
    )
    webvtt: str = Field(description="The artifact's name.")
    subrip: str
    segments_file: str = Field(description="Segments with their times and confidences, as JSON.")
    captions: Captioned | None = Field(description="Null where they were not asked for.")
    video: UUID | None
    recording: UUID = Field(description="The upload that was heard.")
    spent: Spent


class TranscriptionResult(Enveloped[Transcription]):
    """Of `ai.transcription`."""
