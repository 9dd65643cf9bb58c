"""``POST /audio/transcriptions``, answered as ``verbose_json`` with segments."""

from __future__ import annotations

import math
from typing import Any, Final

from academy.ai.language.adapters.http import Answer, Bounds, post, printable
from academy.ai.language.ports import OnTick, ReplyError, Segment, SpeechReply, SpeechRequest
from academy.settings.language import Service

BOUNDS: Final = Bounds(total_seconds=900.0, answer_bytes=16 << 20, silence_seconds=600.0)
MAX_SEGMENTS: Final = 20_000
MAX_TEXT: Final = 2_000
#: From where on Whisper's own documentation calls a segment silent, or its decoding failed.
_SILENT, _FAILED_LOGPROB, _FAILED_RATIO = 0.6, -1.0, 2.4


class OpenAiSpeech:
    """A speech model behind an OpenAI-compatible address."""

    def __init__(self, service: Service, *, bounds: Bounds = BOUNDS) -> None:
        self._service = service
        self._bounds = bounds

    @property
    def name(self) -> str:
        """As the operator calls it."""
        return self._service.model

    def transcribe(self, request: SpeechRequest, *, on_tick: OnTick) -> SpeechReply:
        """Ask once. Raises ProviderError."""
        fields: dict[str, Any] = {
            "model": self._service.model,
            "response_format": "verbose_json",
            "timestamp_granularities[]": "segment",
            "temperature": "0",
        }
        if request.language is not None:
            fields["language"] = request.language
        with request.path.open("rb") as file:
            # The name says nothing of the lecture.
            sound = (f"sound{request.path.suffix}", file, request.content_type)
            answer = post(
                self._service,
                "/audio/transcriptions",
                bounds=self._bounds,
                on_tick=on_tick,
                data=fields,
                files={"file": sound},
            )
        return _reply(answer, request, self.name)


def _reply(answer: Answer, request: SpeechRequest, name: str) -> SpeechReply:
    listed = answer.body.get("segments")
    if not isinstance(listed, list) or len(listed) > MAX_SEGMENTS:
        raise ReplyError("no list of segments", request_id=answer.request_id)
    found = []
    for one in listed:
        segment = _segment(one, request.seconds)
        if segment is None:
            raise ReplyError("a segment without times or text", request_id=answer.request_id)
        # Models go on talking after the end of what they were given.
        if segment.text and segment.start < segment.end and not _is_silent(one):
            found.append(segment)
    language = printable(answer.body.get("language"))
    return SpeechReply(
        tuple(sorted(found, key=lambda segment: (segment.start, segment.end))),
        language=language,
        model=name,
        request_id=answer.request_id,
    )


def _segment(one: Any, seconds: float) -> Segment | None:
    """A segment within the file; None where it has not even the form of one."""
    if not isinstance(one, dict):
        return None
    start, end, text = _number(one.get("start")), _number(one.get("end")), one.get("text")
    if start is None or end is None or not isinstance(text, str) or len(text) > MAX_TEXT:
        return None
    said = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return Segment(max(0.0, start), min(seconds, end), said, _confidence(one))


def _is_silent(one: dict[str, Any]) -> bool:
    silence, logprob = _number(one.get("no_speech_prob")), _number(one.get("avg_logprob"))
    return (
        silence is not None
        and logprob is not None
        and silence > _SILENT
        and logprob < _FAILED_LOGPROB
    )


def _confidence(one: dict[str, Any]) -> float | None:
    ratio, logprob = _number(one.get("compression_ratio")), _number(one.get("avg_logprob"))
    if ratio is not None and ratio > _FAILED_RATIO:
        # The same words over and over.
        return 0.0
    return None if logprob is None else round(min(1.0, math.exp(min(0.0, logprob))), 4)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
