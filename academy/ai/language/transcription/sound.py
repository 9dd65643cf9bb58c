"""The sound of a recording for a speech model: 16 kHz, mono, lossless, and where it is silent."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from academy.ai.language.transcription.cutting import Span
from academy.ai.speech.limits import RATE
from academy.ai.speech.source import Recording
from academy.jobs.errors import PermanentError
from academy.media import whitelist
from academy.media.commands import Commands, Follow
from academy.media.probe import MAX_HOURS

CONTENT_TYPE: Final = "audio/flac"
SILENCE_DB: Final = -45
SILENCE_SECONDS: Final = 0.35
_CPU_SECONDS: Final = 3_600
_FILTERS: Final = (
    # Gaps of the recording are filled, so that a moment of the sound is one of the pictures.
    f"aresample={RATE}:async=1:first_pts=0,aformat=sample_fmts=s16:channel_layouts=mono,"
    f"silencedetect=n={SILENCE_DB}dB:d={SILENCE_SECONDS},ametadata=mode=print:file=-:direct=1"
)
_SILENCE: Final = re.compile(r"lavfi\.silence_(start|end)=(-?[0-9.]+)")
_TIME: Final = re.compile(r"out_time_us=([0-9]+)")


@dataclass(frozen=True)
class Sound:
    """A sound file, its length in seconds, and its silences."""

    path: Path
    seconds: float
    silences: tuple[Span, ...]


def extract(tools: Commands, recording: Recording, say: Callable[[float], None]) -> Sound:
    """Write the sound of a recording into a file of its own.

    Raises PermanentError, TransientError as `Commands.judge` does, and transcription_too_long.
    """
    target = tools.folder / "sound.flac"
    listened = _Listened()
    follow = Follow("out_time_us", recording.seconds * 1e6, lambda share, **_: say(min(1.0, share)))

    def on_line(line: str) -> bool:
        listened.line(line)
        return follow.line(line)

    outcome = tools.follow(
        [
            str(recording.ffmpeg), "-v", "level+error", "-nostdin", "-nostats", "-threads", "1",
            "-progress", "pipe:1", *whitelist.media_options(), "-i", str(recording.path),
            "-map", recording.track, "-vn", "-sn", "-dn", "-af", _FILTERS,
            "-t", str(MAX_HOURS * 3600 + 1), "-c:a", "flac", "-y", str(target),
        ],
        reads=[recording.path],
        file_bytes=2 << 30,
        cpu_seconds=_CPU_SECONDS,
        on_line=on_line,
    )  # fmt: skip
    tools.judge(outcome)
    if listened.seconds > MAX_HOURS * 3600:
        minutes = math.ceil(listened.seconds / 60)
        raise PermanentError("transcription_too_long", minutes=minutes, limit=MAX_HOURS * 60)
    if not listened.seconds:
        raise PermanentError("speech_no_sound")
    return Sound(target, listened.seconds, listened.silences())


def cut(tools: Commands, sound: Sound, part: Span, name: str) -> Path:
    """Write one part of a sound into a file of its own. Raises what `Commands.judge` does."""
    target = tools.folder / name
    outcome = tools.follow(
        [
            tools.tools.ffmpeg, "-v", "level+error", "-nostdin", "-nostats", "-threads", "1",
            "-progress", "pipe:1", "-ss", f"{part.start:.3f}", "-i", str(sound.path),
            "-t", f"{part.seconds:.3f}", "-c:a", "flac", "-y", str(target),
        ],
        reads=[sound.path],
        cpu_seconds=_CPU_SECONDS,
        on_line=Follow("out_time_us", part.seconds * 1e6, lambda *_, **__: None).line,
    )  # fmt: skip
    tools.judge(outcome)
    return target


class _Listened:
    """What ffmpeg says while it listens."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._marks: list[tuple[str, float]] = []

    def line(self, text: str) -> None:
        for edge, at in _SILENCE.findall(text):
            self._marks.append((edge, max(0.0, float(at))))
        for microseconds in _TIME.findall(text):
            self.seconds = int(microseconds) / 1e6

    def silences(self) -> tuple[Span, ...]:
        """A silence that never ends, ends with the sound."""
        found: list[Span] = []
        began: float | None = None
        for edge, at in self._marks:
            if edge == "start":
                began = at
            elif began is not None:
                found.append(Span(began, at))
                began = None
        if began is not None and began < self.seconds:
            found.append(Span(began, self.seconds))
        return tuple(found)
