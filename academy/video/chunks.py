"""Divide a lecture into chunks that many workers encode at once and that join without a seam.

Chunk *i* covers frames ``first`` to ``end`` of the frame grid, whole segments of it, so that
wherever it is encoded it makes the same frames, cut at the same places. Pure; no ffmpeg.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from academy.video.ladder import FrameGrid
from academy.video.packets import Packets, joined

CHUNK_SECONDS: Final = 60
"""A killed host loses this much; 20 s chunks cost up to 4 % more CPU, 4 s ones 22 %."""
DIRECT_SECONDS: Final = 120
"""Up to this much, one process is as fast as several and needs no join."""
_TAIL_SECONDS = 2
#: Fewer frames than this part of a chunk are added to the one before.
_SHORT_TAIL = Fraction(1, 3)
_SEEK_FRAMES = 2
_SEEK_MARGIN = Fraction(1, 4)
#: ffmpeg opens a file by decoding the first of every track, wherever it is to start.
_HEAD_PACKETS = 40


@dataclass(frozen=True)
class Chunk:
    """One part of a lecture.

    ``seek`` is a time shortly after the key frame to start decoding at, in seconds from the
    source's start; None: from the beginning. ``ranges`` are the bytes of the source it needs.
    """

    number: int
    first: int
    end: int
    is_last: bool
    seek: Fraction | None
    ranges: tuple[tuple[int, int], ...]

    @property
    def frames(self) -> int:
        """How many frames it must have; the last chunk may have some more or fewer."""
        return self.end - self.first


def divide(
    grid: FrameGrid,
    total: int,
    packets: Packets,
    *,
    start: Fraction,
    size: int,
    outside: tuple[tuple[int, int], ...] | None,
) -> tuple[Chunk, ...]:
    """The chunks of ``total`` frames of a source of ``size`` bytes.

    ``start`` is where the source's clock starts. Without ``outside`` (see packets.outside_media)
    every chunk needs the whole file.
    """
    step = chunk_frames(grid)
    count = max(1, total // step + (total % step >= step * _SHORT_TAIL))
    return tuple(
        _chunk(
            grid, packets, number, number * step, total if number == count - 1 else None,
            start=start, size=size, outside=outside,
        )
        for number in range(count)
    )  # fmt: skip


def chunk_frames(grid: FrameGrid) -> int:
    """Frames of one chunk: whole segments, about CHUNK_SECONDS of them."""
    return grid.segment_frames * max(1, round(CHUNK_SECONDS / grid.segment_seconds))


def _chunk(
    grid: FrameGrid,
    packets: Packets,
    number: int,
    first: int,
    total: int | None,
    *,
    start: Fraction,
    size: int,
    outside: tuple[tuple[int, int], ...] | None,
) -> Chunk:
    end = total if total is not None else first + chunk_frames(grid)
    # The grid rounds times to frames: the frame before may be the one that is shown at `first`.
    key = packets.key_before(start + (first - _SEEK_FRAMES) / grid.rate) if first else None
    seek, begin = (None, 0) if key is None else _seek(packets, key)
    if outside is None:
        ranges: tuple[tuple[int, int], ...] = ((0, size),)
    else:
        after = packets.key_after(start + end / grid.rate + _TAIL_SECONDS)
        last = len(packets) if total is not None else min(len(packets), after + 1)
        head = packets.span(0, _HEAD_PACKETS)
        ranges = joined([*outside, head, packets.span(begin, last)])
    return Chunk(
        number=number,
        first=first,
        end=end,
        is_last=total is not None,
        seek=None if seek is None else seek - start,
        ranges=ranges,
    )


def _seek(packets: Packets, key: int) -> tuple[Fraction, int]:
    """Where to ask ffmpeg to start, and the first packet that it may then read.

    It looks for the last key frame before that time, on a clock that an edit list moves by a few
    frames: the time asked for lies a little after the key frame's own. Where key frames are so
    close that it may find an earlier one, that one must be there too.
    """
    time = packets.seconds(key)
    gap = packets.seconds(following) - time if (following := packets.next_key(key)) else None
    if gap is None or gap > 2 * _SEEK_MARGIN:
        return time + _SEEK_MARGIN, key
    return time + gap / 2, packets.key_before(time - 2 * _SEEK_MARGIN) or 0
