"""Where the pictures of a file lie, from ffprobe's lines and from the boxes of an MP4."""

from __future__ import annotations

import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.video.packets import Packets, joined, outside_media


def listed(*lines: str) -> Packets:
    packets = Packets()
    for line in lines:
        packets.add(line)
    return packets


#: Two groups of pictures, the first with a B-frame that is decoded after what it is shown before.
GROUPS = listed(
    "0.000000,0.040000,900,100,K__",
    "0.080000,0.040000,300,1000,___",
    "0.040000,0.040000,200,1300,___",
    "0.120000,0.040000,800,1500,K__",
    "0.160000,0.040000,100,2300,___",
)


def test_a_line_of_ffprobe_is_a_packet_with_a_time_a_size_and_a_place() -> None:
    assert (list(GROUPS.times), list(GROUPS.sizes), list(GROUPS.positions)) == (
        [0, 80_000, 40_000, 120_000, 160_000], [900, 300, 200, 800, 100],
        [100, 1000, 1300, 1500, 2300],
    )  # fmt: skip
    assert list(GROUPS.keys) == [0, 3]
    assert GROUPS.end == Fraction(1, 5)


@pytest.mark.parametrize(
    "line", ["", "N/A,0.04,900,100,K__", "0.0,0.04,900,N/A,K__", "0.0,0.04", "side_data"]
)
def test_what_has_no_time_or_no_place_is_no_packet(line: str) -> None:
    packets = Packets()
    assert not packets.add(line)
    assert len(packets) == 0


def test_a_packet_without_a_duration_ends_when_it_begins() -> None:
    assert listed("2.000000,N/A,10,0,K__").end == 2


def test_the_longest_group_may_be_the_last() -> None:
    assert GROUPS.longest_gop == Fraction(12, 100)
    assert listed("0,0.04,1,0,K__", "0.04,9,1,1,K__").longest_gop == 9
    assert Packets().longest_gop == 0


def test_key_frames_are_found_by_time() -> None:
    assert GROUPS.key_before(Fraction(-1)) is None
    assert GROUPS.key_before(Fraction(0)) == 0
    assert GROUPS.key_before(Fraction(119, 1000)) == 0
    assert GROUPS.key_before(Fraction(12, 100)) == 3
    assert GROUPS.key_after(Fraction(0)) == 0
    assert GROUPS.key_after(Fraction(1, 1000)) == 3
    assert GROUPS.key_after(Fraction(1)) == len(GROUPS)
    assert (GROUPS.next_key(0), GROUPS.next_key(1), GROUPS.next_key(3)) == (3, 3, None)


def test_a_span_holds_its_packets_and_no_more() -> None:
    assert GROUPS.span(1, 3) == (1000, 1500)
    assert GROUPS.span(3, 99) == (1500, 2400)
    # Interleaved with sound, or written out of order.
    assert listed("0,1,5,70,K__", "1,1,5,20,___").span(0, 2) == (20, 75)


# ---------------------------------------------------------------- ranges

RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda one: (one[0], one[0] + one[1]))
)


@given(RANGES)
def test_joined_ranges_hold_the_same_bytes_apart_and_in_order(
    ranges: list[tuple[int, int]],
) -> None:
    made = joined(list(ranges))

    def held(some: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> set[int]:
        return {byte for start, end in some for byte in range(start, end)}

    assert held(made) == held(ranges)
    assert all(before[1] < after[0] for before, after in pairwise(made))


# ---------------------------------------------------------------- the boxes of an MP4


def box(kind: bytes, payload: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


FTYP, MOOV, MDAT = box(b"ftyp", b"isom"), box(b"moov", b"m" * 40), box(b"mdat", b"d" * 500)


def outside(tmp_path: Path, data: bytes) -> tuple[tuple[int, int], ...] | None:
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    return outside_media(path)


def test_all_but_the_media_data_is_needed_to_read_an_mp4(tmp_path: Path) -> None:
    data = FTYP + MDAT + MOOV
    found = outside(tmp_path, data)
    assert found == ((0, len(FTYP) + 16), (len(FTYP) + len(MDAT), len(data)))
    assert outside(tmp_path, FTYP + MOOV + MDAT) == ((0, len(FTYP + MOOV) + 16),)


def test_media_data_of_more_than_four_gigabytes_states_its_size_in_eight_bytes(
    tmp_path: Path,
) -> None:
    wide = box(b"mdat", b"d" * 500, wide=True)
    assert outside(tmp_path, FTYP + wide + MOOV) == (
        (0, len(FTYP) + 16), (len(FTYP + wide), len(FTYP + wide + MOOV)),
    )  # fmt: skip


def test_media_data_may_run_to_the_end_of_the_file(tmp_path: Path) -> None:
    endless = struct.pack(">I4s", 0, b"mdat") + b"d" * 100
    assert outside(tmp_path, FTYP + MOOV + endless) == ((0, len(FTYP + MOOV) + 16),)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "nothing"),
        (FTYP + MOOV, "no media"),
        (FTYP + MDAT, "no index"),
        (FTYP + MOOV + box(b"moof", b"") + MDAT, "fragmented"),
        (FTYP + MOOV + MDAT[:-1], "cut off in its media"),
        (FTYP + MOOV + MDAT + b"\0\0\0", "cut off in a header"),
        (FTYP + MOOV + MDAT + struct.pack(">I4s", 4, b"free"), "a box smaller than its header"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "text"),
    ],
)
def test_a_file_that_is_no_plain_mp4_is_told(tmp_path: Path, data: bytes, what: str) -> None:
    assert outside(tmp_path, data) is None, what
