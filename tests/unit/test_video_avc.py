"""What H.264 in MP4 says of itself."""

from __future__ import annotations

import struct
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.video import avc, fmp4
from academy.video.packets import Packets
from tests.support.avc import IDR, PPS, SEI, SLICE, SPS, box, configured, movie, units


def file_of(tmp_path: Path, *packets: tuple[str, bytes]) -> tuple[Path, Packets]:
    """A file of packets, each with its flags."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"".join(data for _, data in packets))
    ends = list(accumulate(len(data) for _, data in packets))
    found = Packets()
    for number, ((flags, data), end) in enumerate(zip(packets, ends, strict=True)):
        found.add(f"{number},1,{len(data)},{end - len(data)},{flags}")
    return path, found


# ---------------------------------------------------------------- configurations


def test_a_configuration_is_read_whole() -> None:
    about = avc.read_configuration(configured(level=31, flags=0x40, length_bytes=2))
    assert about == avc.Configuration(
        avc.HIGH, 31, constrained=True, length_bytes=2, sequence_sets=(SPS,), picture_sets=(PPS,)
    )


@given(st.lists(st.binary(max_size=40), max_size=31), st.lists(st.binary(max_size=40), max_size=31))
def test_parameter_sets_come_back_as_they_were(first: list[bytes], second: list[bytes]) -> None:
    made = configured(sequence_sets=tuple(first), picture_sets=tuple(second))
    about = avc.read_configuration(made)
    assert (about.sequence_sets, about.picture_sets) == (tuple(first), tuple(second))


@pytest.mark.parametrize("length", range(len(configured())))
def test_a_configuration_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(fmp4.Fmp4Error, match="cut off"):
        avc.read_configuration(configured()[:length])


@pytest.mark.parametrize(
    ("profile", "level", "flags", "plays"),
    [
        (avc.HIGH, 42, 0, True),
        (avc.MAIN, 31, 0, True),
        (avc.BASELINE, 30, 0x40, True),
        (avc.BASELINE, 30, 0, False),
        (avc.HIGH, 50, 0, False),
        (110, 40, 0, False),
    ],
)
def test_what_every_player_plays(profile: int, level: int, flags: int, plays: bool) -> None:
    payload = configured(profile=profile, level=level, flags=flags)
    assert avc.read_configuration(payload).plays_everywhere is plays


def test_the_configurations_of_all_tracks_are_found_around_the_media(tmp_path: Path) -> None:
    index = movie(configured(), configured(level=31))
    # Of the media data no more than its header, with the size that it states.
    media = struct.pack(">I4s", 1 << 20, b"mdat") + b"12345678"
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"ftyp", b"isom") + media + index)
    found = avc.configurations(path, [(0, path.stat().st_size)])
    assert [one.level for one in found] == [40, 31]


def test_other_codecs_have_no_h264_configuration(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(movie(configured(), entry=b"hvc1"))
    assert avc.configurations(path, [(0, path.stat().st_size)]) == ()


def test_an_index_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(movie(configured())[:-5])
    with pytest.raises(fmp4.Fmp4Error):
        avc.configurations(path, [(0, path.stat().st_size)])


# ---------------------------------------------------------------- key frames

ABOUT = avc.read_configuration(configured())


def test_key_frames_that_are_idr_pictures_have_no_flaw(tmp_path: Path) -> None:
    path, found = file_of(
        tmp_path,
        ("K__", units(SEI, IDR)),
        ("___", units(SLICE)),
        ("K__", units(SPS, PPS, SEI, IDR, IDR)),
    )
    assert avc.flaw_of_key_frames(path, found, ABOUT) is None


def test_an_open_group_is_found_wherever_it_is(tmp_path: Path) -> None:
    path, found = file_of(tmp_path, ("K__", units(IDR)), ("K__", units(SEI, SLICE)))
    assert avc.flaw_of_key_frames(path, found, ABOUT) == "a key frame of it is no IDR picture"


@pytest.mark.parametrize("other", [b"\x67other", b"\x68other"])
def test_other_parameter_sets_on_the_way_are_found(tmp_path: Path, other: bytes) -> None:
    path, found = file_of(tmp_path, ("K__", units(IDR)), ("K__", units(other, IDR)))
    assert avc.flaw_of_key_frames(path, found, ABOUT) == "its parameter sets change on the way"


def test_only_key_frames_are_looked_at(tmp_path: Path) -> None:
    path, found = file_of(tmp_path, ("K__", units(IDR)), ("___", units(b"\x67other", SLICE)))
    assert avc.flaw_of_key_frames(path, found, ABOUT) is None


@pytest.mark.parametrize("payload", [units(SEI), units(SEI, SEI), bytes(8)])
def test_a_key_frame_without_a_picture_ends_the_search(tmp_path: Path, payload: bytes) -> None:
    path, found = file_of(tmp_path, ("K__", payload))
    assert avc.flaw_of_key_frames(path, found, ABOUT) == "a key frame of it is no IDR picture"


def test_the_width_of_lengths_is_the_one_that_the_file_states(tmp_path: Path) -> None:
    path, found = file_of(tmp_path, ("K__", units(SEI, IDR, length_bytes=2)))
    narrow = avc.read_configuration(configured(length_bytes=2))
    assert avc.flaw_of_key_frames(path, found, narrow) is None
