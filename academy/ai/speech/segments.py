"""From the network's verdict on every frame to segments of speech and silence. Pure.

Two thresholds (a voice begins at one and ends at a lower one), so that a verdict that wavers in the
middle of a word cuts nothing; short gaps are bridged, what is too short to be speech is dropped,
and what is left is made a little longer at both ends, for networks hear soft beginnings late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from academy.ai.speech.limits import FRAME_SECONDS, QUIET_DB

Floats = NDArray[np.float32]

SPEECH: Final = "speech"
SILENCE: Final = "silence"
SKIPPABLE_SECONDS: Final = 2.0
MOST_SKIPPABLE: Final = 1000
QUIETER_DB: Final = 9.0
"""A silence is this much below the speech."""
_HYSTERESIS: Final = 0.15


@dataclass(frozen=True)
class Rules:
    """How verdicts become segments. Seconds; the threshold is a probability."""

    threshold: float = 0.5
    min_speech: float = 0.25
    min_silence: float = 0.5
    padding: float = 0.1


@dataclass(frozen=True)
class Segment:
    """A stretch of the recording. Seconds from its beginning; ``level`` in dB of full scale."""

    start: float
    end: float
    kind: str
    confidence: float
    level: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    def to_json(self) -> dict[str, Any]:
        """As the result has it."""
        return {
            "start_s": round(self.start, 3), "end_s": round(self.end, 3), "kind": self.kind,
            "confidence": round(self.confidence, 3), "level_db": round(self.level, 1),
        }  # fmt: skip


def segments_of(chances: Floats, levels: Floats, duration: float, rules: Rules) -> list[Segment]:
    """The recording without a gap, from 0 to ``duration``: speech and silence in turns.

    ``chances`` and ``levels`` have a value for each frame. Empty for a recording without a frame.
    """
    if not len(chances):
        return []
    spoken = _padded(_bridged(_voiced(chances, rules.threshold), rules), rules, duration)
    found: list[Segment] = []
    at = 0.0
    for start, end in spoken:
        if start > at:
            found.append(_segment(at, start, SILENCE, chances, levels))
        found.append(_segment(start, end, SPEECH, chances, levels))
        at = end
    if at < duration:
        found.append(_segment(at, duration, SILENCE, chances, levels))
    return found


def _voiced(chances: Floats, threshold: float) -> list[tuple[int, int]]:
    """Stretches of frames that begin at the threshold and end below the lower one."""
    above, lower = chances >= threshold, chances >= threshold - _HYSTERESIS
    edges = np.flatnonzero(np.diff(np.concatenate(([0], lower.view(np.int8), [0]))))
    return [
        (begin + int(np.argmax(above[begin:end])), int(end))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        if above[begin:end].any()
    ]


def _bridged(voiced: Sequence[tuple[int, int]], rules: Rules) -> list[tuple[float, float]]:
    """In seconds, over gaps that are no silence, without what is no speech."""
    joined: list[tuple[int, int]] = []
    for begin, end in voiced:
        if joined and (begin - joined[-1][1]) * FRAME_SECONDS < rules.min_silence:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    least = rules.min_speech / FRAME_SECONDS
    return [
        (begin * FRAME_SECONDS, end * FRAME_SECONDS)
        for begin, end in joined
        if end - begin >= least
    ]


def _padded(
    spoken: Sequence[tuple[float, float]], rules: Rules, duration: float
) -> list[tuple[float, float]]:
    """Longer at both ends; where no silence would be left between two, they are one."""
    made: list[tuple[float, float]] = []
    for begin, end in spoken:
        start, stop = max(0.0, begin - rules.padding), min(duration, end + rules.padding)
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], stop)
        elif start < stop:
            made.append((start, stop))
    return made


def _segment(start: float, end: float, kind: str, chances: Floats, levels: Floats) -> Segment:
    first = min(int(start / FRAME_SECONDS), len(chances) - 1)
    last = max(first + 1, round(end / FRAME_SECONDS))
    chance = float(chances[first:last].mean(dtype=np.float64))
    confidence = chance if kind == SPEECH else 1.0 - chance
    return Segment(start, end, kind, confidence, level_of(levels[first:last]))


def level_of(levels: Floats) -> float:
    """The mean level of frames by their energy, in dB of full scale."""
    if not len(levels):
        return QUIET_DB
    energy = float(np.mean(np.power(10.0, levels.astype(np.float64) / 10.0)))
    return max(QUIET_DB, float(10.0 * np.log10(max(energy, 1e-12))))


def skippable(segments: Sequence[Segment]) -> list[tuple[float, float]]:
    """Silences that nobody misses: long, and quieter than the speech. Seconds, in order.

    Music, applause and films are no speech either, but loud: those stay.
    """
    spoken = [segment for segment in segments if segment.kind == SPEECH]
    if not spoken:
        return []
    limit = loudness(spoken) - QUIETER_DB
    quiet = [
        segment
        for segment in segments
        if segment.kind == SILENCE
        and segment.seconds >= SKIPPABLE_SECONDS
        and segment.level <= limit
    ]
    longest = sorted(quiet, key=lambda segment: -segment.seconds)[:MOST_SKIPPABLE]
    return sorted((round(one.start, 3), round(one.end, 3)) for one in longest)


def loudness(segments: Sequence[Segment]) -> float:
    """The level of some segments together, by their energy, in dB of full scale."""
    lengths = np.array([segment.seconds for segment in segments])
    energy = np.power(10.0, np.array([segment.level for segment in segments]) / 10.0)
    mean = float((energy * lengths).sum() / lengths.sum())
    return max(QUIET_DB, float(10.0 * np.log10(max(mean, 1e-12))))
