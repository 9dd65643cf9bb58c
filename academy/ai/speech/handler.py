"""`ai.speech_segments`: where somebody speaks, and where chapters may begin."""

from __future__ import annotations

import json
from typing import Any, Final

from academy.ai.speech.limits import MODEL, SEGMENTS, TIMELINE
from academy.ai.speech.params import SpeechParams
from academy.ai.speech.source import Recording, recording_of
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope, ModelRef
from academy.documents.workbench import Workbench
from academy.inference import registry
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step
from academy.media.probe import MAX_HOURS
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
ENGINE: Final = "silero-vad-onnxruntime"
INLINE_SEGMENTS: Final = 400
"""Up to so many stand in the result itself."""
REVIEW_BELOW: Final = 0.75
"""Mean confidence of the speech; under noise as loud as the voice it is still above .85."""
_READER: Final = "academy.ai.speech.file:read"
_FETCHING, _HEARING, _STORING = (
    Step("fetching", 0, 30), Step("hearing", 30, 97), Step("storing", 97, 100),
)  # fmt: skip
# Two processes, each with these limits: ffmpeg decodes hours in minutes, the network hears 900
# seconds in one.
_LIMITS: Final = Limits(cpu_seconds=3600, memory_bytes=4 << 30, file_bytes=1 << 28)
_TIMEOUT_SECONDS: Final = 5400.0
_SLACK_SECONDS: Final = 60
"""A lecture of the longest kind may end with its last segment."""


def run(context: JobContext[SpeechParams]) -> Done:
    """Fetch, hear and store. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine=ENGINE, model=ModelRef(**registry.identity(MODEL)))
    weights = registry.path(MODEL)
    with envelope.timed("fetch"):
        recording = recording_of(bench, upload=params.upload, video=params.video, step=_FETCHING)
    request = {
        "argv": recording.decoding(),
        "weights": str(weights),
        "expected": recording.seconds,
        "most": MAX_HOURS * 3600 + _SLACK_SECONDS,
        "rules": {
            "threshold": params.threshold,
            "min_speech": params.min_speech_seconds,
            "min_silence": params.min_silence_seconds,
            "padding": params.padding_seconds,
        },
        "length": params.chapter_minutes * 60,
        "wished": params.chapters,
    }
    with envelope.timed("hear"):
        found: dict[str, Any] = bench.read(
            _READER,
            request,
            reads=[recording.path, weights, recording.ffmpeg],
            step=_HEARING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    _warn(envelope, found, wished=params.chapters)
    return _done(bench, envelope, recording, found)


def _warn(envelope: Envelope, found: dict[str, Any], *, wished: int | None) -> None:
    """What a person should know; takes what is only said in a warning out of the result."""
    confidence, soundless = found.pop("confidence"), found.pop("soundless")
    errors, missing = found.pop("errors"), found.pop("missing")
    if errors or missing:
        envelope.warn("speech_file_damaged", missing_seconds=missing, errors=errors)
    if soundless:
        envelope.warn("speech_soundless")
    elif not found["speech_s"]:
        envelope.warn("speech_none_found")
    elif confidence < REVIEW_BELOW:
        envelope.warn("speech_unsure", confidence=confidence)
    if wished is not None and found["speech_s"] and len(found["chapters"]) < wished:
        envelope.warn("speech_chapters_fewer", found=len(found["chapters"]), wished=wished)
    envelope.review_required = bool(envelope.warnings)


def _done(
    bench: Workbench, envelope: Envelope, recording: Recording, found: dict[str, Any]
) -> Done:
    bench.say(_STORING, 0)
    segments: list[dict[str, Any]] | None = None
    if found["segment_count"] <= INLINE_SEGMENTS:
        text = (bench.folder / SEGMENTS).read_text(encoding="utf-8")
        segments = json.loads(text)["segments"]
    with envelope.timed("store"):
        bench.put(SEGMENTS, bench.folder / SEGMENTS, "application/json")
        bench.put(TIMELINE, bench.folder / TIMELINE, "image/png")
    bench.context.log.info(
        "%.0f s heard, %.0f s of it speech, %d chapters",
        found["duration_s"], found["speech_s"], len(found["chapters"]),
    )  # fmt: skip
    result = {
        **found,
        "segments": segments,
        "segments_file": SEGMENTS,
        "timeline": TIMELINE,
        "video": None if recording.video is None else str(recording.video),
        "recording": str(recording.upload),
    }
    return Done(envelope.wrap(result), bench.artifacts)
