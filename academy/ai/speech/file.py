"""`ai.speech_segments` in the confined child: a recording to segments, chapters and a picture."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from academy.ai.speech.chapters import Chapter, chapters_of
from academy.ai.speech.decode import Sound
from academy.ai.speech.limits import QUIET_DB, SEGMENTS, TIMELINE
from academy.ai.speech.model import Listener
from academy.ai.speech.segments import (
    SILENCE,
    SPEECH,
    Floats,
    Rules,
    Segment,
    loudness,
    segments_of,
    skippable,
)
from academy.ai.speech.timeline import draw
from academy.sandbox.child import Refused

_SHORT_SHARE, _SHORT_SECONDS = 0.02, 2.0
"""A recording is shorter than it says it is when this much is missing."""
_HEARD: Final = 0.98


def read(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Hear what ``request["argv"]`` decodes with the network in ``request["weights"]``.

    ``expected`` is how long the recording says it is, ``most`` how long it may be, in seconds;
    ``rules``, ``length`` and ``wished`` are those of segments and chapters. Returns what
    `_summary` does; the segments are in the file SEGMENTS, and TIMELINE shows them.
    """
    listener = Listener(Path(request["weights"]))
    chances: list[Floats] = []
    levels: list[Floats] = []
    expected, most = request["expected"], request["most"]
    with Sound(request["argv"]) as sound:
        for block in sound.blocks():
            chance, level = listener.hear(block)
            chances.append(chance)
            levels.append(level)
            if sound.seconds > most:
                hours = round(sound.seconds / 3600, 1)
                raise Refused("video_too_long", hours=hours, limit_hours=round(most / 3600))
            say(_HEARD * min(1.0, sound.seconds / max(1.0, expected)))
        if not chances or (sound.returncode and not sound.seconds):
            sys.stderr.write(f"nothing decoded: {sound.said}\n")
            raise Refused("video_damaged")
    heard, loud = np.concatenate(chances), np.concatenate(levels)
    segments = segments_of(heard, loud, sound.seconds, Rules(**request["rules"]))
    chapters = chapters_of(
        segments, sound.seconds, length=request["length"], wished=request["wished"]
    )
    made = [segment.to_json() for segment in segments]
    (folder / SEGMENTS).write_text(json.dumps({"segments": made}), encoding="utf-8")
    draw(folder / TIMELINE, loud, segments, chapters, sound.seconds)
    missing = expected - sound.seconds
    return {
        **_summary(segments, chapters, loud, sound.seconds),
        "errors": sound.errors + bool(sound.returncode),
        "missing": round(missing, 3)
        if missing > max(_SHORT_SECONDS, _SHORT_SHARE * expected) else 0.0,
    }  # fmt: skip


def _summary(
    segments: list[Segment], chapters: list[Chapter], levels: Floats, duration: float
) -> dict[str, Any]:
    """The totals of the result; ``confidence`` is the speech's, by length."""
    spoken = [segment for segment in segments if segment.kind == SPEECH]
    quiet = [segment for segment in segments if segment.kind == SILENCE]
    seconds = sum(segment.seconds for segment in spoken)
    weighed = sum(segment.confidence * segment.seconds for segment in spoken)
    return {
        "duration_s": round(duration, 3),
        "speech_s": round(seconds, 3),
        "silence_share": round(1.0 - seconds / duration, 4) if duration else 0.0,
        "speech_level_db": _level(spoken),
        "silence_level_db": _level(quiet),
        "confidence": round(weighed / seconds, 3) if seconds else 0.0,
        "segment_count": len(segments),
        "skippable": skippable(segments),
        "chapters": [chapter.to_json(number) for number, chapter in enumerate(chapters, 1)],
        "soundless": bool(levels.max() <= QUIET_DB),
    }


def _level(segments: list[Segment]) -> float | None:
    return round(loudness(segments), 1) if segments else None
