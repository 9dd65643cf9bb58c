"""Divide a lecture into chunks that many workers encode at once and that join without a seam.

Chunk *i* covers frames ``first`` to ``end`` of the frame grid, whole segments of it, so that
wherever it is encoded it makes the same frames, cut at the same places. Pure; no ffmpeg.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Final

from academy.video.ladder import FrameGrid
from academy.video.packets import Packets, joined

CHUNK_SECONDS: Final = 60
"""A killed host loses this much; 20 s chunks cost up to 4 % more CPU, 4 s ones 22 %."""
DIRECT_SECONDS: Final = 120
"""Up to this much, one process is as fast as several and needs no join."""
SPARSE_CONTAINER: Final = "mov"
"""The family of containers from which parts can be fetched one by one."""
TAIL_SECONDS: Final = 2
"""How much beyond its end a chunk may read, for B-frames and rounded times."""
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
    cuts: tuple[int, ...] = ()
    """The frames at which its segments begin, where these are the source's own key frames because
    a rung is copied; empty where segments lie on the frame grid."""
    first_segment: int = 0
    """The number of its first segment, where it has cuts."""

    @property
    def frames(self) -> int:
        """How many frames it must have; the last chunk on the grid may have some more or fewer."""
        return self.end - self.first

    @property
    def is_exact(self) -> bool:
        """Whether its end is known to the frame: only the end of a source is not."""
        return bool(self.cuts) or not self.is_last

    @property
    def lengths(self) -> tuple[int, ...]:
        """Frames of each segment, where it has cuts."""
        return tuple(after - before for before, after in pairwise((*self.cuts, self.end)))

    def segment(self, grid: FrameGrid) -> int:
        """The number of its first segment in the whole lecture."""
        return self.first_segment if self.cuts else self.first // grid.segment_frames


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


def divide_at_keys(
    grid: FrameGrid,
    total: int,
    packets: Packets,
    keys: Sequence[int],
    *,
    start: Fraction,
    size: int,
    outside: tuple[tuple[int, int], ...] | None,
) -> tuple[Chunk, ...]:
    """The chunks of a lecture of which a rung is copied: they begin at the source's key frames.

    ``keys`` are the frames of the grid on which the key frames of ``packets`` lie, the first at 0,
    each of them the start of a closed group of pictures.
    """
    step = chunk_frames(grid)
    made: list[Chunk] = []
    first, numbered = 0, 0
    while first < total:
        cuts = segment_starts(grid, [key for key in keys if key >= first])
        end = _end_at_key(grid, cuts, keys, first + step)
        if total - end < step * _SHORT_TAIL:
            end = total
        cuts = tuple(cut for cut in cuts if cut < end)
        made.append(
            _copied_chunk(
                grid, packets, Chunk(len(made), first, end, end == total, None, (), cuts, numbered),
                keys, start=start, size=size, outside=outside,
            )
        )  # fmt: skip
        first, numbered = end, numbered + len(cuts)
    return tuple(made)


def segment_starts(grid: FrameGrid, keys: Sequence[int]) -> tuple[int, ...]:
    """Where ffmpeg's HLS muxer begins segments when these frames are key frames.

    The n-th cut is made at the first key frame at or after n times the segment's duration.
    """
    cuts: list[int] = []
    for key in keys:
        if not cuts or key - cuts[0] >= len(cuts) * grid.segment_frames:
            cuts.append(key)
    return tuple(cuts)


def _end_at_key(grid: FrameGrid, cuts: Sequence[int], keys: Sequence[int], wanted: int) -> int:
    """The last cut up to ``wanted``, else the first after it, at which decoding can begin.

    A key frame that another follows at once could not be told from it when seeking.
    """
    apart = 2 * _SEEK_MARGIN * grid.rate
    following = dict(pairwise(keys))
    usable = [cut for cut in cuts[1:] if following.get(cut, cut + apart + 1) - cut > apart]
    before = [cut for cut in usable if cut <= wanted]
    return before[-1] if before else (usable[0] if usable else sys.maxsize)


def _copied_chunk(
    grid: FrameGrid,
    packets: Packets,
    chunk: Chunk,
    keys: Sequence[int],
    *,
    start: Fraction,
    size: int,
    outside: tuple[tuple[int, int], ...] | None,
) -> Chunk:
    """The chunk with its seek and its bytes: from its own key frame, with none before it."""
    numbers = dict(zip(keys, packets.keys, strict=True))
    begin = numbers[chunk.first]
    seek = None if chunk.first == 0 else packets.seconds(begin) + _SEEK_MARGIN - start
    ranges: tuple[tuple[int, int], ...] = ((0, size),)
    if outside is not None:
        after = packets.key_after(start + chunk.end / grid.rate + TAIL_SECONDS)
        last = len(packets) if chunk.is_last else min(len(packets), after + 1)
        ranges = joined([*outside, packets.span(0, _HEAD_PACKETS), packets.span(begin, last)])
    return replace(chunk, seek=seek, ranges=ranges)


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
    seek, begin = (None, 0) if key is None else seek_to(packets, key)
    if outside is None:
        ranges: tuple[tuple[int, int], ...] = ((0, size),)
    else:
        after = packets.key_after(start + end / grid.rate + TAIL_SECONDS)
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


def seek_to(packets: Packets, key: int) -> tuple[Fraction, int]:
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
