"""Where a long recording is cut: at a silence near each mark, so that no word is torn. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PART_SECONDS: Final = 600.0
"""Length that is aimed at."""
SHORTEST_SECONDS: Final = 420.0
LONGEST_SECONDS: Final = 720.0
"""At 16 kHz and 16 bits 23 MB at most: services take 25."""
MARGIN_SECONDS: Final = 0.2
"""Sound that may stand at the edges of a part that is silent otherwise."""


@dataclass(frozen=True)
class Span:
    """Seconds of a recording, from and to."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


def divided(seconds: float, silences: Sequence[Span]) -> list[Span]:
    """The parts of a recording, in order and without a gap."""
    parts: list[Span] = []
    start = 0.0
    while seconds - start > LONGEST_SECONDS:
        end = _cut(start, silences)
        parts.append(Span(start, end))
        start = end
    if seconds > start:
        parts.append(Span(start, seconds))
    return parts


def _cut(start: float, silences: Sequence[Span]) -> float:
    """The middle of the silence nearest to the mark; the mark itself where nobody pauses."""
    mark = start + PART_SECONDS
    middles = (
        (max(silence.start, start + SHORTEST_SECONDS) + min(silence.end, start + LONGEST_SECONDS))
        / 2
        for silence in silences
        if silence.end > start + SHORTEST_SECONDS and silence.start < start + LONGEST_SECONDS
    )
    return min(middles, key=lambda middle: abs(middle - mark), default=mark)


def is_silent(part: Span, silences: Sequence[Span]) -> bool:
    """Whether nothing is to be heard in a part: a model would make something up for it."""
    return sum(overlap for overlap in _overlaps(part, silences)) >= part.seconds - MARGIN_SECONDS


def _overlaps(part: Span, silences: Sequence[Span]) -> Iterator[float]:
    for silence in silences:
        yield max(0.0, min(part.end, silence.end) - max(part.start, silence.start))
