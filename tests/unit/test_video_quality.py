"""What is compared, what ffmpeg says of it, and when a teacher should know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from academy.media.source import Source, VideoTrack
from academy.video import fmp4, ladder, quality
from academy.video.ladder import Plan
from academy.video.playlist import MediaPlaylist
from academy.video.validate import Rendition

TRACK = VideoTrack(
    index=0, codec="h264", profile="High", width=1920, height=1080, pixel_aspect=Fraction(1),
    rotation=0, pixel_format="yuv420p", full_range=False, matrix="bt709", transfer="bt709",
    primaries="bt709", field_order="progressive", average_rate=Fraction(30),
    base_rate=Fraction(30), duration=600.0,
)  # fmt: skip
GOOD = {"ssim": 0.991, "vmaf": 95.2, "rung": "1080p", "at_seconds": 60.0, "seconds": 8.0}


def plan_of(rate: str = "30", profile: str = "standard") -> Plan:
    track = replace(TRACK, average_rate=Fraction(rate), base_rate=Fraction(rate))
    return ladder.plan(Source("mov,mp4", 1 << 20, 600.0, track, ()), profile)


def rendition(durations: Sequence[str], name: str = "1080p") -> Rendition:
    return Rendition(
        name=name,
        init=fmp4.Init("avc1.640028", 15360, 1920, 1080),
        media=MediaPlaylist(
            durations=tuple(Decimal(one) for one in durations),
            names=tuple(f"{name}_{number:05d}.m4s" for number in range(len(durations))),
            init=f"{name}_init.mp4",
            ended=True,
        ),
        first_decode_time=0, end_decode_time=1, samples=1, init_size=1,
        sizes=(1,) * len(durations), shown_time=0,
    )  # fmt: skip


# ---------------------------------------------------------------- what is compared


def test_the_largest_rung_that_is_encoded_is_judged() -> None:
    judged = quality.rung_to_judge(plan_of())
    assert judged is not None
    assert judged.name == "1080p"
    below = quality.rung_to_judge(replace(plan_of(), copied="1080p"))
    assert below is not None
    assert below.name == "720p", "of a copied rung there is nothing to say"
    beside = quality.rung_to_judge(replace(plan_of(profile="saver"), copied="1080p"))
    assert beside is not None
    assert beside.name == "720p", "the AV1 rung is measured another way"
    assert quality.rung_to_judge(replace(plan_of(), rungs=())) is None


def sampled(durations: Sequence[str], rate: str = "30", *, at_start: bool) -> quality.Stretch:
    plan = plan_of(rate)
    return quality.stretch(plan, plan.rungs[0], rendition(durations), at_start=at_start)


def test_a_chunk_is_compared_from_its_first_frame() -> None:
    about = sampled(["4.000000"] * 15, at_start=True)
    assert (about.first, about.frames) == (0, 240)
    assert about.names == ("1080p_00000.m4s", "1080p_00001.m4s")


def test_a_whole_recording_is_compared_a_tenth_in() -> None:
    about = sampled(["4.000000"] * 25, at_start=False)
    assert (about.first, about.frames) == (240, 240), "8 s in, the last start before 10 s"
    assert about.names == ("1080p_00002.m4s", "1080p_00003.m4s")


def test_of_a_long_one_no_more_than_a_minute_is_decoded_before() -> None:
    about = sampled(["4.000000"] * 900, at_start=False)
    assert about.first == 30 * 60


@pytest.mark.parametrize("at_start", [True, False])
def test_a_recording_shorter_than_a_sample_is_compared_whole(at_start: bool) -> None:
    about = sampled(["4.000000", "1.500000"], at_start=at_start)
    assert (about.first, about.frames, len(about.names)) == (0, 165, 2)


def test_segments_of_a_copied_lecture_have_any_length() -> None:
    about = sampled(["9.966667", "4.033333"], at_start=True)
    assert (about.first, about.frames, about.names) == (0, 240, ("1080p_00000.m4s",))


def test_frames_are_counted_exactly_at_ntsc_rates() -> None:
    about = sampled(["4.004000"] * 15, "30000/1001", at_start=False)
    assert (about.first, about.frames) == (120, 240)


# ---------------------------------------------------------------- what ffmpeg says

_SSIM = "[Parsed_ssim_12 @ 0x55] [info] SSIM Y:{y} (17.1) U:0.99 (20.0) V:0.99 (20.0) All:{a} ({d})"


def test_the_figures_are_read_from_what_ffmpeg_says() -> None:
    said = _SSIM.format(y="0.980517", a="0.987654", d="19.084")
    assert quality.read(said) == {"ssim": 0.9877}
    both = said + "\n[Parsed_libvmaf_14 @ 0x55] [info] VMAF score: 94.713242\n"
    assert quality.read(both) == {"ssim": 0.9877, "vmaf": 94.71}


def test_pictures_that_are_alike_to_the_bit_are_read_too() -> None:
    assert quality.read(_SSIM.format(y="1.000000", a="1.000000", d="inf")) == {"ssim": 1.0}


@pytest.mark.parametrize("said", ["", "[error] Invalid data found", "SSIM nan All:nan (nan)"])
def test_where_nothing_was_compared_there_is_no_figure(said: str) -> None:
    assert quality.read(said) == {}


def test_what_is_stored_says_which_seconds_of_the_lecture_were_compared() -> None:
    plan = plan_of()
    about = quality.Stretch(plan.rungs[0], 30, 240, ("a",))
    assert quality.measured(plan, about, {"ssim": 0.99}, chunk_first=1800) == {
        "ssim": 0.99, "vmaf": None, "rung": "1080p", "at_seconds": 61.0, "seconds": 8.0,
    }  # fmt: skip


# ---------------------------------------------------------------- one lecture of many pieces


def test_the_measurement_of_one_piece_is_that_of_the_lecture() -> None:
    facts: list[dict[str, Any]] = [{"errors": 0}, {"quality": None}, {"quality": GOOD}]
    assert quality.of_lecture(plan_of(), facts) == GOOD
    assert quality.of_lecture(plan_of(), facts[:2]) is None
    assert quality.of_lecture(plan_of(), []) is None


def test_after_a_refused_copy_the_rung_that_took_its_place_is_what_counts() -> None:
    before = GOOD | {"rung": "720p"}
    facts = [{"quality": before}, {"quality": GOOD}]
    assert quality.of_lecture(plan_of(), facts) == GOOD
    assert quality.of_lecture(replace(plan_of(), copied="1080p"), facts[:1]) == before


# ---------------------------------------------------------------- when to warn


@pytest.mark.parametrize(
    ("ssim", "vmaf", "warns"),
    [
        (0.991, 95.2, False),
        (0.991, 70.0, False),
        (0.991, 69.9, True),
        # What SSIM holds against an encode is often a camera's noise; VMAF knows better.
        (0.4, 79.0, False),
        (0.9, None, False),
        (0.899, None, True),
    ],
)
def test_a_teacher_is_warned_of_what_people_would_see(
    ssim: float,
    vmaf: float | None,
    warns: bool,
) -> None:
    found = quality.warnings(GOOD | {"ssim": ssim, "vmaf": vmaf})
    assert [one["code"] for one in found] == ["video_quality_low"] * warns


def test_a_warning_says_what_was_measured_in_both_languages() -> None:
    (low,) = quality.warnings(GOOD | {"ssim": 0.7123, "vmaf": 61.4})
    assert "SSIM 0.712, VMAF 61" in low["message"]["ko"]
    assert "SSIM 0.712, VMAF 61" in low["message"]["en"]
    (unsure,) = quality.warnings(GOOD | {"ssim": 0.7123, "vmaf": None})
    assert "VMAF" not in unsure["message"]["ko"] + unsure["message"]["en"]


def test_nobody_is_warned_of_what_was_not_measured() -> None:
    assert quality.warnings(None) == []
