"""What is made of a source: sizes, rates and the frame grid."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.media.source import AudioTrack, Source, VideoTrack
from academy.video import ladder

TRACK = VideoTrack(
    index=0, codec="h264", profile="High", width=1920, height=1080, pixel_aspect=Fraction(1),
    rotation=0, pixel_format="yuv420p", full_range=False, matrix="bt709", transfer="bt709",
    primaries="bt709", field_order="progressive", average_rate=Fraction(30),
    base_rate=Fraction(30), duration=60.0,
)  # fmt: skip
SOUND = AudioTrack(1, "aac", 2, 48000, "und", "", default=True, duration=60.0)


def sizes(track: VideoTrack, rate: int = 30) -> list[tuple[str, int, int]]:
    return [(r.name, r.width, r.height) for r in ladder.rungs(track, Fraction(rate))]


def test_a_full_hd_lecture_gets_four_rungs() -> None:
    assert sizes(TRACK) == [
        ("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360),
    ]  # fmt: skip


def test_a_portrait_phone_recording_keeps_its_shape() -> None:
    turned = replace(TRACK, rotation=90)
    assert sizes(turned) == [
        ("1080p", 1080, 1920), ("720p", 720, 1280), ("480p", 480, 854), ("360p", 360, 640),
    ]  # fmt: skip


def test_a_source_just_below_a_rung_keeps_its_own_size() -> None:
    assert sizes(replace(TRACK, height=1072))[0] == ("1080p", 1920, 1072)


def test_a_source_far_below_a_rung_gets_the_rung_beneath() -> None:
    assert sizes(replace(TRACK, width=1440, height=900))[0] == ("720p", 1152, 720)


def test_a_tiny_source_gets_one_rung_of_its_own_size() -> None:
    assert sizes(replace(TRACK, width=320, height=181)) == [("180p", 320, 180)]


def test_wide_pixels_are_made_square() -> None:
    dv = replace(TRACK, width=720, height=576, pixel_aspect=Fraction(64, 45))
    assert sizes(dv)[0] == ("480p", 854, 480)


@given(
    width=st.integers(2, 8192),
    height=st.integers(2, 4608),
    rotation=st.sampled_from([0, 90, 180, 270]),
    aspect=st.fractions(Fraction(1, 3), 3, max_denominator=99),
)
def test_no_rung_is_ever_larger_than_what_is_shown(
    width: int, height: int, rotation: int, aspect: Fraction
) -> None:
    track = replace(TRACK, width=width, height=height, rotation=rotation, pixel_aspect=aspect)
    shown = track.display_size
    rungs = ladder.rungs(track, Fraction(30))
    assert rungs
    assert len({rung.name for rung in rungs}) == len(rungs)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= max(2, shown[0])
        assert rung.height <= max(2, shown[1])
        assert max(rung.width, rung.height) <= 4096
    areas = [rung.width * rung.height for rung in rungs]
    assert areas == sorted(areas, reverse=True)


@pytest.mark.parametrize(
    ("average", "base", "expected"),
    [
        ("30", "30", "30"),
        ("30000/1001", "30000/1001", "30000/1001"),
        ("24000/1001", "24000/1001", "24000/1001"),
        ("2997/100", "2997/100", "30000/1001"),
        ("120", "120", "60"),
        ("144", "144", "36"),
        ("18", "18", "18"),
        ("22100/1000", "90000", "24000/1001"),
        ("29830/1000", "600", "30000/1001"),
        ("3/2", "30", "10"),
        ("0", "25", "25"),
        ("0", "0", "30"),
    ],
)
def test_the_frame_rate_is_constant_and_sane(average: str, base: str, expected: str) -> None:
    track = replace(TRACK, average_rate=Fraction(average), base_rate=Fraction(base))
    assert ladder.frame_rate(track) == Fraction(expected)


@pytest.mark.parametrize(
    ("rate", "gop", "seconds", "base"),
    [
        ("30", 60, Fraction(4), Fraction(1)),
        ("30000/1001", 60, Fraction(4004, 1000), Fraction(1001, 1000)),
        ("24000/1001", 48, Fraction(4004, 1000), Fraction(1001, 1000)),
        ("25", 50, Fraction(4), Fraction(1)),
        ("60", 120, Fraction(4), Fraction(1)),
    ],
)
def test_segments_are_two_closed_gops_on_the_grid(
    rate: str, gop: int, seconds: Fraction, base: Fraction
) -> None:
    grid = ladder.FrameGrid(Fraction(rate))
    assert (grid.gop_frames, grid.segment_seconds, grid.base_seconds) == (gop, seconds, base)


def test_sixty_frames_a_second_raise_the_caps() -> None:
    slow, fast = (ladder.rungs(TRACK, Fraction(rate))[0].max_kbps for rate in (30, 60))
    assert fast == slow * 1.5


def test_a_sound_recording_has_no_rungs_and_no_frames() -> None:
    source = Source("mp3", 1000, 60.0, None, (SOUND,))
    made = ladder.plan(source)
    assert (made.rungs, made.expected_frames, made.audio_index) == ((), 0, 1)


def test_the_default_sound_track_is_used() -> None:
    second = replace(SOUND, index=2)
    source = Source("mp4", 1000, 60.0, TRACK, (replace(SOUND, default=False), second))
    assert ladder.plan(source).audio_index == 2


def test_the_expected_length_is_the_pictures_and_not_the_sounds() -> None:
    source = Source("mp4", 1000, 90.0, TRACK, (SOUND,))
    assert ladder.plan(source).expected_frames == 1800
