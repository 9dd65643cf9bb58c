"""Where the pictures of a file lie: the times and places of its packets.

Read once by whoever divides a lecture, so that whoever encodes a part of it fetches no more than
the bytes that hold that part.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

#: Microseconds: fine enough to tell frames apart, and whole numbers.
_UNIT = 1_000_000
_MIN_BOX = 8


@dataclass
class Packets:
    """The picture packets of one file, in the order in which they are decoded.

    Times are seconds on the container's own clock.
    """

    times: array[int] = field(default_factory=lambda: array("q"))
    positions: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    keys: array[int] = field(default_factory=lambda: array("q"))
    """Numbers of the packets that are key frames."""
    end_time: int = 0
    unit: ClassVar[int] = _UNIT
    """Of all times: so many to a second."""

    def add(self, line: str) -> bool:
        """Take one line ``pts_time,duration_time,size,pos,flags`` of ffprobe's CSV.

        False for what is no packet with a time and a place.
        """
        parts = line.split(",")
        try:
            time = round(float(parts[0]) * _UNIT)
            size, position = int(parts[2]), int(parts[3])
        except (ValueError, IndexError):
            return False
        try:
            duration = round(float(parts[1]) * _UNIT)
        except ValueError:
            duration = 0
        if "K" in parts[4]:
            self.keys.append(len(self.times))
        self.times.append(time)
        self.sizes.append(size)
        self.positions.append(position)
        self.end_time = max(self.end_time, time + duration)
        return True

    def __len__(self) -> int:
        return len(self.times)

    @property
    def end(self) -> Fraction:
        """When the last picture ends."""
        return Fraction(self.end_time, _UNIT)

    @property
    def longest_gop(self) -> Fraction:
        """The longest time from one key frame to the next."""
        marks = [self.times[number] for number in self.keys]
        gaps = [after - before for before, after in pairwise(marks)]
        last = self.end_time - marks[-1] if marks else 0
        return Fraction(max([*gaps, last], default=0), _UNIT)

    def key_before(self, seconds: Fraction) -> int | None:
        """The number of the last key frame shown at or before a time; None where there is none."""
        marks = [self.times[number] for number in self.keys]
        place = bisect_right(marks, int(seconds * _UNIT))
        return self.keys[place - 1] if place else None

    def key_after(self, seconds: Fraction) -> int:
        """The number of the first key frame at or after a time; the end where there is none."""
        marks = [self.times[number] for number in self.keys]
        place = bisect_left(marks, int(seconds * _UNIT))
        return self.keys[place] if place < len(marks) else len(self)

    def next_key(self, number: int) -> int | None:
        """The number of the key frame after this one; None where it is the last."""
        place = bisect_right(self.keys, number)
        return self.keys[place] if place < len(self.keys) else None

    def seconds(self, number: int) -> Fraction:
        """When a packet's picture is shown."""
        return Fraction(self.times[number], _UNIT)

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The bytes, from and up to, that hold the packets of these numbers (last excluded)."""
        numbers = range(first, min(last, len(self)))
        return (
            min(self.positions[number] for number in numbers),
            max(self.positions[number] + self.sizes[number] for number in numbers),
        )


def outside_media(path: Path) -> tuple[tuple[int, int], ...] | None:
    """The byte ranges of an MP4 file that are not media data: what a reader needs to find any.

    None where the file is no plain MP4: another container, fragmented, or cut off.
    """
    size = path.stat().st_size
    found: list[tuple[int, int]] = []
    kinds: set[bytes] = set()
    with path.open("rb") as file:
        position = 0
        while position < size:
            file.seek(position)
            head = file.read(16)
            if len(head) < _MIN_BOX:
                return None
            length, kind = struct.unpack_from(">I4s", head)
            if length == 1 and len(head) == 16:
                (length,) = struct.unpack_from(">Q", head, 8)
            elif length == 0:
                length = size - position
            if length < _MIN_BOX or position + length > size:
                return None
            kinds.add(kind)
            # A header is read to step over the media data itself.
            end = position + (16 if kind == b"mdat" else length)
            found.append((position, min(end, position + length)))
            position += length
    plain = b"moov" in kinds and b"mdat" in kinds and b"moof" not in kinds
    return joined(found) if plain else None


def joined(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same bytes in as few ranges as possible, in order."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return tuple(result)
