"""Which rungs are worth making: three samples of the pictures say."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from academy.media.source import Source, VideoTrack
from academy.video import complexity, ladder, lecture
from academy.video.complexity import Sample
from academy.video.ladder import Plan
from academy.video.packets import Packets

TRACK = VideoTrack(
    index=0, codec="h264", profile="High", width=1920, height=1080, pixel_aspect=Fraction(1),
    rotation=0, pixel_format="yuv420p", full_range=False, matrix="bt709", transfer="bt709",
    primaries="bt709", field_order="progressive", average_rate=Fraction(30),
    base_rate=Fraction(30), duration=600.0,
)  # fmt: skip
LONG = 30 * complexity.MIN_SECONDS
SLIDES = (Sample(300.0, 131.4), Sample(100.0, 96.2), Sample(500.0, 999.4))


def plan_of(profile: str = "standard", start: int = 0, **track: int) -> Plan:
    video = replace(TRACK, **track)  # type: ignore[arg-type]
    source = Source("mov,mp4", 1 << 20, 600.0, video, (), start=Fraction(start))
    return ladder.plan(source, profile)


def names(plan: Plan) -> list[str]:
    return [rung.name for rung in plan.rungs]


# ---------------------------------------------------------------- the ladder that is left


def test_a_simple_full_hd_lecture_keeps_its_top_and_the_rung_for_telephones() -> None:
    assert names(ladder.pruned(plan_of())) == ["1080p", "480p"]
    assert names(ladder.pruned(plan_of(rotation=90))) == ["1080p", "480p"]
    assert names(ladder.pruned(plan_of(height=1072))) == ["1080p", "480p"], "almost 1080 lines"


def test_the_av1_rung_stays_with_the_top() -> None:
    assert names(ladder.pruned(plan_of("saver"))) == ["1080p", "1080p-av1", "480p"]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (854, 480), (640, 360)])
def test_a_smaller_ladder_stays_whole(width: int, height: int) -> None:
    plan = plan_of(width=width, height=height)
    assert ladder.pruned(plan) == plan


def test_what_is_played_first_is_always_made() -> None:
    for profile in ("standard", "saver"):
        pruned = ladder.pruned(plan_of(profile))
        assert lecture.early_rung(pruned) == lecture.early_rung(plan_of(profile)) == "480p"


# ---------------------------------------------------------------- where samples are taken


def test_only_long_recordings_of_full_hd_are_worth_a_look() -> None:
    assert complexity.is_worth_a_look(plan_of(), LONG)
    assert not complexity.is_worth_a_look(plan_of(), LONG - 1)
    assert not complexity.is_worth_a_look(plan_of(width=1280, height=720), LONG)


def listed(*keys: float, end: float = 600) -> Packets:
    found = Packets()
    for second in range(int(end)):
        flags = "K__" if second in keys else "___"
        found.add(f"{second},1,10,{10 * second},{flags}")
    return found


def test_samples_begin_with_a_key_frame_in_the_middle_and_on_both_sides() -> None:
    keys = range(0, 600, 8)
    found = complexity.places(plan_of(), listed(*keys), 18_000)
    assert [float(place.at) for place in found] == [296, 96, 496]
    assert all(place.seek - place.at == Fraction(1, 4) for place in found)


def test_times_count_from_the_start_of_the_source_whatever_its_clock_says() -> None:
    packets = Packets()
    for second in range(600):
        packets.add(f"{second + 1000},1,10,{10 * second},K__")
    found = complexity.places(plan_of(start=1000), packets, 18_000)
    assert [float(place.at) for place in found] == [300, 100, 500]


def test_key_frames_that_are_too_far_apart_make_fewer_samples() -> None:
    assert len(complexity.places(plan_of(), listed(0), 18_000)) == 1
    assert len(complexity.places(plan_of(), listed(0, 290), 18_000)) == 2
    assert complexity.places(plan_of(), listed(), 18_000) == ()


def test_a_sample_is_weighed_by_its_size_and_its_frames() -> None:
    assert complexity.weighed(Fraction(296), 62_500, 120, Fraction(30)) == Sample(296.0, 125.0)
    assert complexity.weighed(Fraction(1, 3), 62_500, 60, Fraction(30)) == Sample(0.3, 250.0)


@pytest.mark.parametrize(
    ("line", "frames"),
    [("frame=120", 120), ("frame= 7", 7), ("fps=30.0", None), ("frame=", None), ("", None)],
)
def test_frames_are_read_from_progress(line: str, frames: int | None) -> None:
    assert complexity.frames_in(line) == frames


# ---------------------------------------------------------------- the decision


def test_a_ladder_is_pruned_where_every_sample_is_simple() -> None:
    verdict = complexity.of_samples(plan_of(), SLIDES)
    assert names(verdict.plan) == ["1080p", "480p"]
    assert verdict.reason == (
        "only 1080p, 480p are made, without 720p, 360p: 1080p needs 131 at 5:00, 96 at 1:40, "
        "999 at 8:20 kbit/s, less than 1000"
    )


def test_one_sample_that_is_not_simple_keeps_all_rungs() -> None:
    plan = plan_of()
    verdict = complexity.of_samples(plan, [SLIDES[0], Sample(3_700.0, 1000.0)])
    assert verdict.plan == plan
    assert verdict.reason == (
        "all rungs are made: at 1:01:40 1080p needs 1000 kbit/s, not less than 1000"
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_was_not_seen_is_not_taken_for_simple(count: int) -> None:
    plan = plan_of()
    verdict = complexity.of_samples(plan, SLIDES[:count])
    assert verdict.plan == plan
    assert f"only {count} of 3 samples of 1080p could be taken" in verdict.reason


def test_a_copied_rung_is_judged_by_its_own_packets() -> None:
    simple = complexity.of_copy(plan_of(), 700)
    assert names(simple.plan) == ["1080p", "480p"]
    assert simple.reason.endswith("the copied 1080p has 700 kbit/s, less than 1000")
    rich = complexity.of_copy(plan_of(), 6000)
    assert rich.plan == plan_of()
    assert rich.reason == (
        "all rungs are made: the copied 1080p has 6000 kbit/s, not less than 1000"
    )


def test_nothing_is_said_of_a_copy_that_cannot_be_pruned() -> None:
    plan = plan_of(width=1280, height=720)
    assert complexity.of_copy(plan, 100) == complexity.Verdict(plan, "")


def test_the_decision_is_part_of_what_pieces_are_found_again_by() -> None:
    plan = plan_of()
    pruned = complexity.of_samples(plan, SLIDES).plan
    assert lecture.identity("a", plan, "x264") != lecture.identity("a", pruned, "x264")
    again = complexity.of_samples(plan, tuple(SLIDES)).plan
    assert lecture.identity("a", again, "x264") == lecture.identity("a", pruned, "x264")


def test_the_samples_are_written_into_the_plan_and_read_back() -> None:
    made = lecture.LecturePlan(
        version=lecture.FORMAT_VERSION, digest="d", encoder="x264", plan=plan_of(), chunks=(),
        pieces=(), pictures=None, sound=None, reasons=("why",), samples=SLIDES,
    )  # fmt: skip
    data = lecture.dumps(made)
    assert json.loads(data)["samples"][0] == {"at": 300.0, "kbps": 131.4}
    assert lecture.loads(data) == made


def test_a_plan_from_before_there_were_samples_can_be_read() -> None:
    made = lecture.LecturePlan(
        version=lecture.FORMAT_VERSION, digest="d", encoder="x264", plan=plan_of(), chunks=(),
        pieces=(), pictures=None, sound=None, reasons=(),
    )  # fmt: skip
    old = json.loads(lecture.dumps(made))
    del old["samples"]
    assert lecture.loads(json.dumps(old).encode()) == made


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (59.9, "0:59"), (754, "12:34"), (3661, "1:01:01")]
)
def test_times_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert complexity.clock_time(seconds) == said
