"""H.264 in MP4, written by hand: what a real encoder would never write is in reach of a test."""

from __future__ import annotations

import struct

from academy.video import avc

SPS, PPS = b"\x67sps", b"\x68pps"
IDR, SLICE, SEI = b"\x65idr", b"\x41slice", b"\x06sei"


def configured(
    *,
    profile: int = avc.HIGH,
    level: int = 40,
    flags: int = 0,
    sequence_sets: tuple[bytes, ...] = (SPS,),
    picture_sets: tuple[bytes, ...] = (PPS,),
    length_bytes: int = 4,
) -> bytes:
    """An avcC box's payload."""
    head = bytes([1, profile, flags, level, 0xFC | (length_bytes - 1), 0xE0 | len(sequence_sets)])
    sets = b"".join(struct.pack(">H", len(one)) + one for one in sequence_sets)
    pictures = b"".join(struct.pack(">H", len(one)) + one for one in picture_sets)
    return head + sets + bytes([len(picture_sets)]) + pictures


def box(kind: bytes, payload: bytes) -> bytes:
    """A box of MP4."""
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def movie(*configurations: bytes, entry: bytes = b"avc1") -> bytes:
    """A moov with one track for each avcC."""
    tracks = b"".join(
        box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(
            b"stsd", bytes(7) + b"\1" + box(entry, bytes(78) + box(b"avcC", payload))
        )))))
        for payload in configurations
    )  # fmt: skip
    return box(b"moov", tracks)


def units(*payloads: bytes, length_bytes: int = 4) -> bytes:
    """NAL units as a packet holds them."""
    return b"".join(len(one).to_bytes(length_bytes, "big") + one for one in payloads)
