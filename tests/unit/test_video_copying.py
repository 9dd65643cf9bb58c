"""Every reason for which the top rung is not copied, and the one case in which it is."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from academy.media.source import Source, VideoTrack
from academy.video import copying, ladder
from academy.video.ladder import FrameGrid, Plan
from academy.video.packets import Packets
from tests.support.avc import IDR, PPS, SEI, SLICE, SPS, box, configured, movie, units

RATE = 30
TRACK = VideoTrack(
    index=0, codec="h264", profile="High", width=1920, height=1080, pixel_aspect=Fraction(1),
    rotation=0, pixel_format="yuv420p", full_range=False, matrix="bt709", transfer="bt709",
    primaries="bt709", field_order="progressive", average_rate=Fraction(RATE),
    base_rate=Fraction(RATE), duration=10.0,
)  # fmt: skip


def plan_of(track: VideoTrack | None = TRACK, *, start: int = 0, **source: Any) -> Plan:
    return ladder.plan(Source("mov,mp4", 1 << 20, 10.0, track, (), start=Fraction(start), **source))


def recording(
    path: Path,
    *,
    frames: int = 300,
    gop: int = 60,
    key: bytes = units(SEI, IDR),
    late: Callable[[int], float] = lambda _: 0.0,
    start: float = 0.0,
    weight: int = 2_000,
    index: bytes | None = None,
) -> tuple[Path, Packets, tuple[tuple[int, int], ...]]:
    """A file of 30 frames a second; ``late(frame)`` is how far each is from its place, in s."""
    head = box(b"ftyp", b"isom") + (movie(configured()) if index is None else index)
    found, payload = Packets(), b""
    for frame in range(frames):
        data = key if frame % gop == 0 else units(SLICE)
        time = start + frame / RATE + late(frame)
        flags = "K__" if frame % gop == 0 else "___"
        size = max(len(data), weight)
        found.add(f"{time:.6f},{1 / RATE:.6f},{size},{len(head) + 8 + len(payload)},{flags}")
        payload += data.ljust(size, b"\0")
    path.write_bytes(head + struct.pack(">I4s", 8 + len(payload), b"mdat") + payload)
    return path, found, ((0, len(head) + 8),)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.mp4"


def judged(
    made: tuple[Path, Packets, tuple[tuple[int, int], ...] | None],
    plan: Plan | None = None,
    profile: str = "standard",
) -> copying.Verdict:
    path, found, outside = made
    return copying.judge(plan or plan_of(), profile, found, path, outside)


# ---------------------------------------------------------------- copied


def test_what_nothing_speaks_against_is_copied_and_its_key_frames_are_known(path: Path) -> None:
    verdict = judged(recording(path))
    assert verdict.copies
    assert verdict.keys == (0, 60, 120, 180, 240)
    assert verdict.frames == 300
    assert verdict.kbps == pytest.approx(480)
    assert verdict.reason == (
        "1080p is copied: H.264 of 480 kbit/s, 300 frames on the grid, 5 IDR pictures at most "
        "2.0 s apart"
    )


def test_a_clock_that_starts_late_and_rounds_to_milliseconds_does_no_harm(path: Path) -> None:
    made = recording(path, start=5, late=lambda frame: round(frame / RATE, 3) - frame / RATE)
    assert judged(made, plan_of(start=5)).keys == (0, 60, 120, 180, 240)


# ---------------------------------------------------------------- what the probe says


@pytest.mark.parametrize(
    ("track", "flaw"),
    [
        ({"codec": "hevc"}, "the source is hevc"),
        ({"pixel_format": "yuv444p"}, "its pixels are yuv444p"),
        ({"pixel_format": "yuv420p10le"}, "its pixels are yuv420p10le"),
        ({"full_range": True}, "its colours use the full range"),
        ({"transfer": "arib-std-b67"}, "it is HDR"),
        ({"rotation": 90}, "it is turned by 90 degrees"),
        ({"pixel_aspect": Fraction(4, 3)}, "its pixels are not square"),
        ({"width": 2560, "height": 1440}, "it is 2560x1440, not 1920x1080"),
        ({"width": 1921, "height": 1080}, "it is 1921x1080, not 1920x1080"),
        (
            {"width": 640, "height": 360},
            "it is the only rung, and what nobody decodes could be damaged",
        ),
    ],
)
def test_a_track_that_not_every_player_plays_is_encoded(
    path: Path, track: dict[str, Any], flaw: str
) -> None:
    plan = plan_of(replace(TRACK, **track))
    verdict = judged(recording(path), plan)
    assert not verdict.copies
    assert verdict.reason == f"{plan.rungs[0].name} is encoded: {flaw}"


def test_an_interlaced_source_is_encoded(path: Path) -> None:
    assert judged(recording(path), plan_of(interlaced=True)).reason.endswith("it is interlaced")


def test_a_source_without_pictures_has_nothing_to_copy(path: Path) -> None:
    verdict = judged(recording(path), plan_of(None))
    assert verdict.reason == "the picture is encoded: there is none"


def test_the_profile_for_few_bytes_copies_nothing(path: Path) -> None:
    verdict = judged(recording(path), profile="saver")
    assert not verdict.copies
    assert "the profile saver is there for fewer bytes" in verdict.reason


# ---------------------------------------------------------------- what the packets say


def test_a_source_that_begins_between_key_frames_is_encoded(path: Path) -> None:
    made, found, outside = recording(path)
    del found.keys[0]
    assert judged((made, found, outside)).reason.endswith("it does not begin with a key frame")
    del found.keys[:]
    assert judged((made, found, outside)).reason.endswith("it does not begin with a key frame")


def test_far_more_bits_than_an_encode_would_have_are_not_sent_to_students(path: Path) -> None:
    limit = 1.3 * 6220
    within, beyond = (int(limit * scale * 125 / RATE) for scale in (0.99, 1.01))
    assert judged(recording(path, weight=within)).copies
    assert judged(recording(path, weight=beyond)).reason.endswith(
        f"its {limit * 1.01:.0f} kbit/s are more than {limit:.0f}"
    )


def test_key_frames_too_far_apart_are_refused(path: Path) -> None:
    assert judged(recording(path, frames=600, gop=300)).copies
    verdict = judged(recording(path, frames=600, gop=330))
    assert verdict.reason.endswith("its key frames are up to 11.0 s apart")


def test_a_frame_that_is_late_has_no_place_on_the_grid(path: Path) -> None:
    verdict = judged(recording(path, late=lambda frame: 0.02 if frame == 100 else 0))
    assert verdict.reason.endswith("its frame rate is not constant (frame 100 stands at 100.60)")


def test_a_frame_that_is_missing_moves_all_after_it(path: Path) -> None:
    verdict = judged(recording(path, late=lambda frame: 1 / RATE if frame >= 70 else 0))
    assert "its frame rate is not constant (frame 70 stands at 71.00)" in verdict.reason


def test_a_group_that_is_not_closed_cannot_be_cut_at() -> None:
    # The third packet is shown before the key frame that it is decoded after.
    found = Packets()
    for line in ("0,1,1,0,K__", "2,1,1,1,K__", "1,1,1,2,___"):
        found.add(line)
    with pytest.raises(copying.OffGridError, match="frame 1 is not the first that is shown"):
        copying.key_places(FrameGrid(Fraction(1)), found, Fraction(0))


# ---------------------------------------------------------------- what the bitstream says


def test_a_container_that_scatters_its_parameter_sets_is_refused(path: Path) -> None:
    made, found, _ = recording(path)
    verdict = judged((made, found, None))
    assert verdict.reason.endswith("does not state its parameter sets in one place")


@pytest.mark.parametrize(
    ("index", "flaw"),
    [
        (movie(configured(level=51)), "profile 100 at level 5.1 is beyond High at 4.2"),
        (movie(configured(profile=110)), "profile 110 at level 4.0 is beyond High at 4.2"),
        (movie(configured(), configured()), "it has 2 H.264 configurations"),
        (movie(), "it has 0 H.264 configurations"),
        (movie(configured(sequence_sets=(SPS, SPS))), "it has 2 sequence parameter sets"),
        (movie(configured(sequence_sets=())), "it has 0 sequence parameter sets"),
        (movie(configured()[:9]), "the avcC box is cut off"),
    ],
)
def test_an_index_that_promises_too_much_is_refused(path: Path, index: bytes, flaw: str) -> None:
    assert judged(recording(path, index=index)).reason == f"1080p is encoded: {flaw}"


@pytest.mark.parametrize(
    ("key", "flaw"),
    [
        (units(SEI, SLICE), "a key frame of it is no IDR picture"),
        (units(b"\x67other", IDR), "its parameter sets change on the way"),
        (units(SPS, PPS, IDR), None),
    ],
)
def test_every_key_frame_must_be_one_that_decoding_can_begin_at(
    path: Path, key: bytes, flaw: str | None
) -> None:
    verdict = judged(recording(path, key=key))
    assert verdict.copies is (flaw is None)
    assert flaw is None or verdict.reason == f"1080p is encoded: {flaw}"
