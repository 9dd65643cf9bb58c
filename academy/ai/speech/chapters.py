"""Where the chapters of a recording may begin: at long pauses, as far apart as is wished. Pure.

A chapter costs the more, the further its length is from the wished one, by ratio (half is as bad as
double), and a pause is worth the more, the longer it is; the cheapest division is found by dynamic
programming over the longest pauses. Where there is no pause, nothing begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from academy.ai.speech.segments import SILENCE, SPEECH, Segment

MIN_PAUSE_SECONDS: Final = 1.0
_LEAD_SECONDS: Final = 0.5
"""A chapter begins this long before its first word, within the pause."""
_CANDIDATES: Final = 400
_SHORTEST_SHARE: Final = 0.3
"""Of the wished length: no chapter is shorter."""
_EVENNESS: Final = 3.0
"""What a chapter of e times the wished length costs; a pause of s seconds is worth ln(1 + s)."""


@dataclass(frozen=True)
class Chapter:
    """A suggested chapter. Seconds; ``pause`` is how long nobody speaks before it."""

    start: float
    end: float
    pause: float

    def to_json(self, number: int) -> dict[str, Any]:
        """As the result has it."""
        return {
            "title": str(number), "start_s": round(self.start, 3), "end_s": round(self.end, 3),
            "pause_s": round(self.pause, 3),
        }  # fmt: skip


@dataclass(frozen=True)
class _Pause:
    at: float
    seconds: float


def chapters_of(
    segments: Sequence[Segment], duration: float, *, length: float, wished: int | None = None
) -> list[Chapter]:
    """Chapters of about ``length`` seconds, or as near to ``wished`` many as the pauses allow.

    The first begins at 0. Empty where nobody speaks.
    """
    if not any(segment.kind == SPEECH for segment in segments):
        return []
    if wished is not None:
        length = duration / wished
    pauses = _pauses(segments, duration, shortest=_SHORTEST_SHARE * length)
    begins = _divided(pauses, duration, length, wished)
    starts = [0.0, *(pause.at for pause in begins)]
    ends = [*starts[1:], duration]
    lengths = [0.0, *(pause.seconds for pause in begins)]
    return [Chapter(*each) for each in zip(starts, ends, lengths, strict=True)]


def _pauses(segments: Sequence[Segment], duration: float, *, shortest: float) -> list[_Pause]:
    """The longest pauses between words at which a chapter could begin, in order."""
    found = [
        _Pause(max((pause.start + pause.end) / 2, pause.end - _LEAD_SECONDS), pause.seconds)
        for pause in segments
        if pause.kind == SILENCE
        and pause.seconds >= MIN_PAUSE_SECONDS
        and pause.start > 0
        and shortest <= pause.end <= duration - shortest
    ]
    # The longest of each stretch: of the longest of all, many may lie in one place.
    stretch = duration / _CANDIDATES
    best: dict[int, _Pause] = {}
    for pause in found:
        place = int(pause.at / stretch)
        if place not in best or pause.seconds > best[place].seconds:
            best[place] = pause
    return list(best.values())


def _divided(
    pauses: Sequence[_Pause], duration: float, length: float, wished: int | None
) -> list[_Pause]:
    """The pauses of the cheapest division."""
    if not pauses or wished == 1:
        return []
    places = np.array([0.0, *(pause.at for pause in pauses), duration])
    worth = np.array([0.0, *(np.log1p(pause.seconds) for pause in pauses), 0.0])
    # cost[i, j]: a chapter from place i to place j that begins with pause i.
    spans = places[None, :] - places[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = _EVENNESS * np.log(spans / length) ** 2 - worth[:, None]
    cost[spans < _SHORTEST_SHARE * length] = np.inf
    steps = _steps(cost, wished)
    return [pauses[place - 1] for place in steps]


def _steps(cost: NDArray[np.float64], wished: int | None) -> list[int]:
    """The inner places of the cheapest way from the first to the last.

    Of ways with ``wished`` steps where there is one, else with the most that there are below it;
    of all ways where nothing is wished.
    """
    last = len(cost) - 1
    most = last if wished is None else min(wished, last)
    totals, before = [np.full(last + 1, np.inf)], [np.zeros(last + 1, dtype=np.intp)]
    totals[0][0] = 0.0
    for _ in range(most):
        ways = totals[-1][:, None] + cost
        before.append(ways.argmin(axis=0))
        totals.append(ways.min(axis=0))
        if not np.isfinite(totals[-1]).any():
            break
    ends = np.array([total[last] for total in totals])
    possible = np.flatnonzero(np.isfinite(ends))
    if not len(possible):
        return []
    step = int(ends.argmin()) if wished is None else int(possible[-1])
    way, place = [], last
    while step:
        place = int(before[step][place])
        way.append(place)
        step -= 1
    return way[-2::-1]
