"""What H.264 in MP4 says of itself (ISO/IEC 14496-15): profile, level, parameter sets, IDR.

Enough to tell whether a player can be given a source's packets as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from academy.video import fmp4
from academy.video.packets import Packets

BASELINE: Final = 66
MAIN: Final = 77
HIGH: Final = 100
_CONSTRAINED: Final = 0x40
_SLICE, _IDR, _SPS, _PPS = 1, 5, 7, 8
_SLICES: Final = frozenset({_SLICE, 2, 3, 4, _IDR})
_VISUAL_ENTRY_BYTES: Final = 78
_MAX_PARAMETER_SET: Final = 1 << 12


@dataclass(frozen=True)
class Configuration:
    """An avcC box."""

    profile: int
    level: int
    """Ten times the level: 42 is 4.2."""
    constrained: bool
    length_bytes: int
    """Width of the length in front of every NAL unit."""
    sequence_sets: tuple[bytes, ...]
    picture_sets: tuple[bytes, ...]

    @property
    def plays_everywhere(self) -> bool:
        """Whether it is within High profile and level 4.2."""
        known = self.profile in {MAIN, HIGH} or (self.profile == BASELINE and self.constrained)
        return known and self.level <= 42


def configurations(path: Path, ranges: Iterable[tuple[int, int]]) -> tuple[Configuration, ...]:
    """Those of every H.264 track of an MP4 file; ``ranges`` hold all but its media data.

    Raises fmp4.Fmp4Error on a malformed file.
    """
    found: list[Configuration] = []
    with path.open("rb") as file:
        for start, end in ranges:
            file.seek(start)
            data = memoryview(file.read(end - start))
            # Only the last box of a range may be cut off: the header of the media data.
            for kind, payload in _whole_boxes(data):
                if kind == b"moov":
                    found += _in_movie(payload)
    return tuple(found)


def _whole_boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        kind, header = bytes(data[position + 4 : position + 8]), 8
        if size == 1:
            size, header = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        if kind == b"mdat" or size == 0:
            # Of the media data only the header was kept, whatever size it states.
            position += 16
            continue
        if size < header or position + size > len(data):
            raise fmp4.Fmp4Error(f"box {kind!r} does not fit")
        yield kind, data[position + header : position + size]
        position += size


def _in_movie(movie: memoryview) -> Iterator[Configuration]:
    for kind, payload in fmp4.boxes(movie):
        if kind != b"stsd":
            continue
        for entry, body in fmp4.boxes(payload, 8):
            if entry in {b"avc1", b"avc3"}:
                for name, box in fmp4.boxes(body, _VISUAL_ENTRY_BYTES):
                    if name == b"avcC":
                        yield read_configuration(bytes(box))


def read_configuration(box: bytes) -> Configuration:
    """Read the payload of an avcC box. Raises fmp4.Fmp4Error."""
    try:
        sequence_sets, position = _sets(box, 6, box[5] & 0x1F)
        picture_sets, _ = _sets(box, position + 1, box[position])
        return Configuration(
            profile=box[1],
            level=box[3],
            constrained=bool(box[2] & _CONSTRAINED),
            length_bytes=(box[4] & 0x03) + 1,
            sequence_sets=sequence_sets,
            picture_sets=picture_sets,
        )
    except IndexError as error:
        raise fmp4.Fmp4Error("the avcC box is cut off") from error


def _sets(box: bytes, position: int, count: int) -> tuple[tuple[bytes, ...], int]:
    found = []
    for _ in range(count):
        size = int.from_bytes(box[position : position + 2], "big")
        if position + 2 + size > len(box):
            raise IndexError
        found.append(box[position + 2 : position + 2 + size])
        position += 2 + size
    return tuple(found), position


def flaw_of_key_frames(path: Path, packets: Packets, about: Configuration) -> str | None:
    """Why a decoder could not begin at every key frame of a file with what ``about`` states.

    None where each is an IDR picture, and no parameter set among them is another one.
    """
    known = {*about.sequence_sets, *about.picture_sets}
    with path.open("rb") as file:
        for number in packets.keys:
            position = packets.positions[number]
            end = position + packets.sizes[number]
            while True:
                file.seek(position)
                size = int.from_bytes(file.read(about.length_bytes), "big")
                kind = int.from_bytes(file.read(1), "big") & 0x1F
                if kind in _SLICES or size == 0 or position >= end:
                    break
                if kind in {_SPS, _PPS}:
                    file.seek(-1, 1)
                    if file.read(min(size, _MAX_PARAMETER_SET)) not in known:
                        return "its parameter sets change on the way"
                position += about.length_bytes + size
            if kind != _IDR:
                return "a key frame of it is no IDR picture"
    return None
