"""What of a divided lecture could not be decoded, and where: from the facts of its pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

from academy.jobs.errors import PermanentError
from academy.video.command import AUDIO_NAME
from academy.video.lecture import LecturePlan
from academy.video.models import VideoPiece
from academy.video.playlist import MediaPlaylist
from academy.video.validate import Gap, Track


def damaged_chunks(made: LecturePlan, rows: Mapping[str, VideoPiece]) -> list[dict[str, Any]]:
    """The chunks in which the source is faulty: seconds from and to, and how many errors."""
    errors, rate = _of_chunks(made, rows, "errors"), made.plan.grid.rate
    return [
        {
            "chunk": chunk.number,
            "from": round(float(chunk.first / rate), 3),
            "to": round(float(chunk.end / rate), 3),
            "errors": errors[chunk.number],
        }
        for chunk in made.chunks
        if errors[chunk.number]
    ]


def gaps(made: LecturePlan, rows: Mapping[str, VideoPiece]) -> tuple[Gap, ...]:
    """Where something had to stand in for pictures or sound.

    Raises PermanentError(``video_damaged``) where there is no picture at all.
    """
    lost, rate = _of_chunks(made, rows, "lost"), made.plan.grid.rate
    if made.chunks and all(lost[chunk.number] == chunk.frames for chunk in made.chunks):
        raise PermanentError("video_damaged")
    found: list[Gap] = []
    for chunk in made.chunks:
        if not lost[chunk.number]:
            continue
        # What a chunk has lost, and does not hold still for, is its end.
        start, end = float((chunk.end - lost[chunk.number]) / rate), float(chunk.end / rate)
        if found and found[-1].end == start:
            start = found.pop().start
        found.append(Gap(Track.PICTURE, start, end))
    sound = rows.get(AUDIO_NAME)
    if sound is not None and sound.facts.get("lost"):
        found.append(Gap(Track.SOUND, 0.0, float(made.frames / rate)))
    return tuple(found)


def telling_segment(media: MediaPlaylist, gaps: Sequence[Gap]) -> str:
    """The segment to draw a poster from: a tenth in, past the title card, and with a picture."""
    ends = list(accumulate(media.durations, initial=Decimal(0)))
    first = len(media.names) // 10
    black = [gap for gap in gaps if gap.track is Track.PICTURE]
    names = media.names
    for number in (*range(first, len(names)), *range(first)):
        start, end = float(ends[number]), float(ends[number + 1])
        if not any(gap.start < end and start < gap.end for gap in black):
            first = number
            break
    name: str = names[first]
    return name


def _of_chunks(made: LecturePlan, rows: Mapping[str, VideoPiece], fact: str) -> dict[int, int]:
    """A fact of each chunk. Each piece of it decodes the same pictures, and finds the same."""
    found = dict.fromkeys((chunk.number for chunk in made.chunks), 0)
    for piece in made.pieces:
        if piece.chunk is not None and (row := rows.get(piece.name)) is not None:
            # Facts from before this was counted lack it: then a lecture with a loss failed.
            found[piece.chunk] = max(found[piece.chunk], row.facts.get(fact, 0))
    return found
