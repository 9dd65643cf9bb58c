"""Read what fragmented MP4 files say of themselves (ISO/IEC 14496-12): codec, samples, times.

Enough to count every frame of every segment without decoding one, and to write CODECS from the
stream and not from a guess. Raises Fmp4Error on anything malformed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from operator import add

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf"})
_NOT_SYNC = 0x0001_0000
_VISUAL_ENTRY_BYTES, _AUDIO_ENTRY_BYTES = 78, 28


class Fmp4Error(ValueError):
    """The bytes are not a sound init or media segment."""


@dataclass(frozen=True)
class Init:
    """An init segment: the codec as RFC 6381 writes it, ticks a second, and the size in pixels."""

    codec: str
    timescale: int
    width: int
    height: int


@dataclass(frozen=True)
class Fragment:
    """A media segment: samples, and its times and duration in ticks of the init's timescale."""

    samples: int
    decode_time: int
    duration: int
    starts_with_sync: bool
    shown_time: int
    """When its first picture is shown; B-frames are decoded ahead of that."""


def boxes(
    data: memoryview, start: int = 0, end: int | None = None
) -> Iterator[tuple[bytes, memoryview]]:
    """The (type, payload) of each box; those that only contain boxes are descended into."""
    position, end = start, len(data) if end is None else end
    while position < end:
        if end - position < 8:
            raise Fmp4Error("a box is cut off")
        size, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if size == 1:
            if end - position < 16:
                raise Fmp4Error("a box is cut off")
            (size,) = struct.unpack_from(">Q", data, position + 8)
            header = 16
        elif size == 0:
            size = end - position
        if size < header or position + size > end:
            raise Fmp4Error(f"box {kind!r} of {size} bytes does not fit")
        payload = data[position + header : position + size]
        yield kind, payload
        if kind in _CONTAINERS:
            yield from boxes(payload)
        position += size


def read_init(data: bytes) -> Init:
    """Read an init segment with one track."""
    codec, timescale, width, height = "", 0, 0, 0
    try:
        for kind, payload in boxes(memoryview(data)):
            if kind == b"mdhd":
                timescale = struct.unpack_from(">I", payload, 20 if payload[0] == 1 else 12)[0]
            elif kind == b"stsd":
                codec, width, height = _sample_entry(payload)
    except (struct.error, IndexError) as error:
        raise Fmp4Error(f"the init segment is cut off: {error}") from error
    if not codec or not timescale:
        raise Fmp4Error("the init segment has no codec or no timescale")
    return Init(codec, timescale, width, height)


def _sample_entry(payload: memoryview) -> tuple[str, int, int]:
    kind, entry = next(boxes(payload, 8))
    if kind == b"avc1":
        width, height = struct.unpack_from(">HH", entry, 24)
        for name, box in boxes(entry, _VISUAL_ENTRY_BYTES):
            if name == b"avcC":
                return f"avc1.{box[1]:02X}{box[2]:02X}{box[3]:02X}", width, height
    elif kind == b"av01":
        width, height = struct.unpack_from(">HH", entry, 24)
        for name, box in boxes(entry, _VISUAL_ENTRY_BYTES):
            if name == b"av1C":
                return _av1_codec(box), width, height
    elif kind == b"mp4a":
        for name, box in boxes(entry, _AUDIO_ENTRY_BYTES):
            if name == b"esds":
                return _aac_codec(box), 0, 0
    raise Fmp4Error(f"no codec configuration in sample entry {kind!r}")


def _av1_codec(av1c: memoryview) -> str:
    """av01.P.LLT.DD from an av1C box (AV1 in ISO base media, section 5)."""
    profile, level = av1c[1] >> 5, av1c[1] & 0x1F
    tier = "H" if av1c[2] & 0x80 else "M"
    depth = 8 if not av1c[2] & 0x40 else 12 if av1c[2] & 0x20 else 10
    return f"av01.{profile}.{level:02d}{tier}.{depth:02d}"


def _aac_codec(esds: memoryview) -> str:
    """mp4a.OO.A from an esds box: object type, and the audio object type of AAC."""
    position, object_type = 4, 0
    while position < len(esds):
        tag, position = esds[position], position + 1
        length = 0
        while True:
            byte, position = esds[position], position + 1
            length = length << 7 | byte & 0x7F
            if byte < 0x80:
                break
        if tag == 3:
            position += 3
        elif tag == 4:
            object_type = esds[position]
            position += 13
        elif tag == 5:
            return f"mp4a.{object_type:X}.{esds[position] >> 3}"
        else:
            position += length
    raise Fmp4Error("the esds box has no decoder configuration")


def read_fragment(data: bytes) -> Fragment:
    """Read a media segment with one track and any number of fragments."""
    samples = duration = 0
    decode_time: int | None = None
    shown: int | None = None
    sync = True
    media = 0
    defaults = _Defaults()
    try:
        for kind, payload in boxes(memoryview(data)):
            if kind == b"tfhd":
                defaults = _Defaults.read(payload)
            elif kind == b"tfdt" and decode_time is None:
                decode_time = struct.unpack_from(">Q" if payload[0] == 1 else ">I", payload, 4)[0]
            elif kind == b"trun":
                run = _Run.read(payload, defaults)
                if samples == 0:
                    sync = not run.first_flags & _NOT_SYNC
                if run.samples:
                    first = duration + run.shown
                    shown = first if shown is None else min(shown, first)
                samples += run.samples
                duration += run.duration
            elif kind == b"mdat":
                media += len(payload)
    except (struct.error, IndexError) as error:
        raise Fmp4Error(f"the segment is cut off: {error}") from error
    if decode_time is None or samples == 0 or media == 0:
        raise Fmp4Error("the segment holds no samples")
    return Fragment(samples, decode_time, duration, sync, decode_time + (shown or 0))


@dataclass(frozen=True)
class _Defaults:
    duration: int = 0
    flags: int = 0

    @classmethod
    def read(cls, payload: memoryview) -> _Defaults:
        flags = int.from_bytes(payload[1:4], "big")
        position = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
        duration = sample_flags = 0
        if flags & 0x8:
            (duration,) = struct.unpack_from(">I", payload, position)
            position += 4
        position += 4 if flags & 0x10 else 0
        if flags & 0x20:
            (sample_flags,) = struct.unpack_from(">I", payload, position)
        return cls(duration, sample_flags)


@dataclass(frozen=True)
class _Run:
    """A trun box; ``shown`` is when its first picture is shown, from the start of the run."""

    samples: int
    duration: int
    first_flags: int
    shown: int

    @classmethod
    def read(cls, payload: memoryview, defaults: _Defaults) -> _Run:
        flags = int.from_bytes(payload[1:4], "big")
        (count,) = struct.unpack_from(">I", payload, 4)
        position = 8 + (4 if flags & 0x1 else 0)
        first = defaults.flags
        if flags & 0x4:
            (first,) = struct.unpack_from(">I", payload, position)
            position += 4
        width = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
        if position + width * count > len(payload):
            raise Fmp4Error("a sample table is cut off")
        if flags & 0x400 and not flags & 0x4 and count:
            offset = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200))
            (first,) = struct.unpack_from(">I", payload, position + offset)
        durations = [defaults.duration] * count
        if flags & 0x100:
            durations = _column(payload, position, width, count, ">I")
        # Version 1 counts composition offsets in both directions.
        offsets = [0] * count
        if flags & 0x800:
            kind = ">i" if payload[0] == 1 else ">I"
            offsets = _column(payload, position + width - 4, width, count, kind)
        shown = min(map(add, accumulate(durations, initial=0), offsets), default=0)
        return cls(count, sum(durations), first, shown)


def _column(payload: memoryview, position: int, width: int, count: int, kind: str) -> list[int]:
    """One field of every entry of a sample table."""
    return [struct.unpack_from(kind, payload, position + width * row)[0] for row in range(count)]
