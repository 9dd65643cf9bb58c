"""How much of a video a viewer has really watched.

A player reports intervals of the lecture that played, in seconds from its beginning; seeking
reports nothing. What it says is not believed beyond what can be: a viewing earns credit as time
passes, at the speed of the player and never more than twice the clock's, and a report is cut where
its credit ends.

Silences that the player offers to jump over need not be watched: a video is completed by the share
that was watched of everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from academy.core import clock
from academy.video import outline
from academy.video.models import Video, Viewing, Watched
from academy.video.playback import viewing_grace

Interval = tuple[float, float]

MAX_RATE: Final = 2.0
"""The fastest that the player offers."""
COMPLETE_SHARE: Final = 0.9
_START_CREDIT: Final = 2.0
"""Seconds a viewing begins with: the first report may arrive late, and faster than the second."""
_EDGE_SECONDS: Final = 10.0
"""A position this close to either end is not worth resuming."""
_MAX_INTERVALS: Final = 1000
_PRECISION: Final = 3


@dataclass(frozen=True)
class Report:
    """What a player says: what has played since the last report, where it is, and how fast."""

    intervals: Sequence[Interval]
    position: float
    rate: float = 1.0


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The same points as disjoint intervals in order; what touches is one, and none is empty."""
    merged: list[Interval] = []
    for begin, end in sorted(intervals):
        if end <= begin:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def total(intervals: Iterable[Interval]) -> float:
    """Seconds of disjoint intervals."""
    return sum(end - begin for begin, end in intervals)


def cut(intervals: Iterable[Interval], seconds: float) -> list[Interval]:
    """The first so many seconds of intervals, in the order they were played in."""
    kept = []
    for begin, end in intervals:
        length = min(end - begin, seconds)
        if length <= 0:
            continue
        kept.append((begin, begin + length))
        seconds -= length
    return kept


def without(intervals: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """What of disjoint intervals in order lies in none of the holes, which are so too."""
    kept: list[Interval] = []
    gaps = list(holes)
    for begin, end in intervals:
        at = begin
        for gap_begin, gap_end in gaps:
            if gap_end <= at:
                continue
            if gap_begin >= end:
                break
            if gap_begin > at:
                kept.append((at, gap_begin))
            at = max(at, gap_end)
        if at < end:
            kept.append((at, end))
    return kept


def clamp(intervals: Iterable[Interval], duration: float) -> list[Interval]:
    """What of the intervals lies inside the lecture, to the millisecond."""
    inside = (
        (round(max(0.0, begin), _PRECISION), round(min(end, duration), _PRECISION))
        for begin, end in intervals
    )
    return [(begin, end) for begin, end in inside if begin < end]


def earned(viewing: Viewing, now: datetime, rate: float) -> float:
    """The credit of a viewing, with what the time since its last word has brought.

    It holds no more than a viewing can be silent for, so that an hour's pause is not an hour
    watched.
    """
    seconds = max(0.0, (now - viewing.seen_at).total_seconds())
    most = viewing_grace().total_seconds() * MAX_RATE
    return min(viewing.credit + seconds * min(max(rate, 0.0), MAX_RATE), most)


def start_credit() -> float:
    """The credit of a new viewing."""
    return _START_CREDIT


def record(viewing: Viewing, video: Video, report: Report) -> Watched:
    """Add a report to what the viewer has watched, and spend the viewing's credit on it.

    The caller holds the viewing's row and stores it. What was watched before counts once, and
    still costs credit.
    """
    now = clock.now()
    duration = video.duration or 0.0
    credit = earned(viewing, now, report.rate)
    believed = cut(clamp(report.intervals, duration), credit)
    viewing.credit = credit - total(believed)
    row, _ = Watched.unscoped.select_for_update().get_or_create(
        tenant_id=video.tenant_id, video=video, viewer=viewing.viewer,
        defaults={"updated_at": now},
    )  # fmt: skip
    merged = merge([*((begin, end) for begin, end in row.intervals), *believed])
    # The shortest are the least loss, should anybody ever seek that often.
    kept = sorted(sorted(merged, key=lambda each: each[0] - each[1])[:_MAX_INTERVALS])
    row.intervals = [list(each) for each in kept]
    row.seconds = round(total(kept), _PRECISION)
    row.position = round(min(max(0.0, report.position), duration), _PRECISION)
    row.updated_at = now
    if row.completed_at is None and duration and _is_complete(video, kept, duration):
        row.completed_at = now
    row.save()
    return row


def _is_complete(video: Video, watched: Sequence[Interval], duration: float) -> bool:
    """Whether enough was watched of what is not silent."""
    # Whoever has seen too little of all of it may still have seen enough; the row costs a query.
    if total(watched) >= duration * COMPLETE_SHARE:
        return True
    silences = outline.silences_of(video, outline.outline_of(video))
    told = total(without([(0.0, duration)], silences))
    return total(without(watched, silences)) >= told * COMPLETE_SHARE


def resume(video: Video, viewer: str) -> dict[str, Any]:
    """Where a viewer goes on, in seconds, and how much has been watched."""
    row = Watched.objects.for_tenant(video.tenant_id).filter(video=video, viewer=viewer).first()
    if row is None:
        return {"position": 0.0, "seconds": 0.0, "completed": False}
    return {
        "position": resumable(row.position, video.duration or 0.0),
        "seconds": row.seconds,
        "completed": row.completed_at is not None,
    }


def resumable(position: float, duration: float) -> float:
    """The position to go on from; 0 where that is the beginning, or the lecture was at its end."""
    return position if _EDGE_SECONDS < position < duration - _EDGE_SECONDS else 0.0
