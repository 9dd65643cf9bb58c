"""The benchmark of lectures: its arithmetic, the peer's published options, and a tiny real run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from academy.video import ladder
from tests.perf.video import compare, dividing, figures, measure, ours, peer, quality, report
from tests.perf.video.measure import Command, Cost
from tests.support import media

SECONDS = 2.0


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> ours.Recording:
    extra = ["-bf", "2", "-crf", "30", "-maxrate", "700k", "-bufsize", "700k", "-g", "15"]
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return ours.probed(media.clip(path, size="854x480", rate="15", seconds=SECONDS, extra=extra))


def rung(side: int, rate: int = 30) -> ladder.Rung:
    return ladder.Rung(f"{side}p", 2 * round(side * 8 / 9), side, 0)


def arm(cpu: float, rungs: list[str], vmaf: dict[str, float | None]) -> dict[str, Any]:
    return {"cpu": cpu, "rungs": rungs, "vmaf": vmaf}


def source(**arms: dict[str, Any]) -> dict[str, Any]:
    return {"arms": arms}


# ---------------------------------------------------------------- the peer


@pytest.mark.parametrize(
    ("side", "bits"),
    # averageBitPerPixel times the pixels of a second, as PeerTube's own page on bitrates has it.
    [(1080, 6_220_800), (720, 3_041_280), (360, 1_036_800)],
)
def test_the_peers_caps_are_those_of_its_table(side: int, bits: int) -> None:
    assert peer.target_bitrate(rung(side), 30, 50_000_000) == bits


def test_the_peer_caps_a_thin_upload_at_its_own_rate_and_a_third() -> None:
    assert peer.target_bitrate(rung(1080), 30, 2_000_000) == 2_600_000
    assert peer.target_bitrate(rung(1080), 30, 100_000) == int(1920 * 1080 * 30 * 0.02)


def test_the_peer_has_a_process_for_each_rung_and_the_largest_is_first(
    recording: ours.Recording, tmp_path: Path
) -> None:
    commands = peer.commands("ffmpeg", recording.plan, recording.path, tmp_path)

    assert [one.folder.name for one in commands] == ["480p", "360p"]
    first = " ".join(commands[0].argv)
    assert "-preset veryfast" in first
    assert "-b_strategy 1 -bf 16" in first
    assert "-threads 1" in first
    assert "-vf scale=w=-2:h=480" in first
    assert "-g:v 30" in first


# ---------------------------------------------------------------- the arithmetic


def test_the_median_of_rounds_is_taken_figure_by_figure() -> None:
    costs = [Cost(3, 1, 10, None), Cost(1, 3, 30, 5.0), Cost(2, 2, 20, 7.0)]

    assert figures.median_cost(costs) == Cost(2, 2, 20, 6.0)


@pytest.mark.parametrize(
    ("cpu", "vmaf", "met"),
    [(2.0, 94.6, True), (2.0, 94.4, False), (2.1, 95.0, False), (2.0, None, None)],
)
def test_less_cpu_counts_only_at_equal_quality(
    cpu: float, vmaf: float | None, met: bool | None
) -> None:
    other = arm(3.0, ["1080p"], {"1080p": 95.0})
    found = source(peer=other, ours=arm(cpu, ["1080p"], {"1080p": vmaf}))

    verdict, _ = figures.verdicts_on_source("lec", found, arm="ours", peer="peer")

    assert verdict.met is met
    assert "1.5x" in verdict.target


@pytest.mark.parametrize(("cpu", "met"), [(1.0, True), (1.2, False)])
def test_more_is_asked_where_the_top_rung_is_copied(cpu: float, met: bool) -> None:
    other = arm(2.8, ["1080p", "480p"], {"1080p": 95.0, "480p": 75.0})
    found = source(peer=other, ours=arm(cpu, ["1080p", "480p"], {"480p": 73.0}))

    verdict, every = figures.verdicts_on_source("lec", found, arm="ours", peer="peer")

    assert "2.7x" in verdict.target
    assert verdict.met is met
    assert every.met is False
    assert every.measured == "480p -2.00"


def test_what_chunks_add_is_a_share_of_one_process() -> None:
    assert figures.overhead(10.5, 10.0) == pytest.approx(0.05)
    assert figures.verdict_on_chunks({"overhead": 0.05}).met is True
    assert figures.verdict_on_chunks({"overhead": 0.051}).met is False


def test_two_workers_are_not_judged_where_there_is_one_core() -> None:
    assert figures.verdict_on_workers({"speedup": None, "why": "one core"}).met is None
    assert figures.verdict_on_workers({"speedup": 1.8}).met is True
    assert figures.verdict_on_workers({"speedup": 1.79}).met is False


@pytest.mark.parametrize(("peers", "met"), [(50.0, True), (49.0, False)])
def test_a_stopped_peer_counts_for_as_long_as_it_ran(peers: float, met: bool) -> None:
    found = {"platform": {"seconds": 10.0}, "peer": {"seconds": peers, "finished": False}}

    verdict = figures.verdict_on_first(found)

    assert verdict.met is met
    assert verdict.measured.startswith("less than 1/")


def test_the_pace_of_a_stopped_peer_is_read_from_its_progress() -> None:
    progress = "frame=10\nprogress=continue\nframe=40\nprogress=continue\n"

    assert figures.frames_of(progress) == 40
    assert figures.projected(2.0, 40, of=400) == pytest.approx(20)
    assert figures.frames_of("frame=N/A\n") == 0
    assert figures.projected(2.0, 0, of=400) is None


def test_the_mean_score_is_read_from_libvmafs_report() -> None:
    text = json.dumps({"pooled_metrics": {"vmaf": {"mean": 93.25, "min": 80}}})

    assert quality.mean_of(text) == 93.25


# ---------------------------------------------------------------- real processes


def test_commands_are_weighed_and_wait_for_those_they_need(tmp_path: Path) -> None:
    burn = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    commands = [
        Command((sys.executable, "-c", burn + "\nopen('a', 'w').close()"), tmp_path),
        Command((sys.executable, "-c", "open('a').close()"), tmp_path, tmp_path / "a", needs=(0,)),
    ]

    cost = measure.run(commands, at_once=2)

    assert 0.3 <= cost.cpu < 5
    assert cost.rss > 1
    assert cost.first is not None
    assert cost.first <= cost.wall
    assert cost.finished


def test_a_failing_command_is_named_with_what_it_said(tmp_path: Path) -> None:
    words = "import sys; sys.exit('no such codec')"

    with pytest.raises(measure.CommandError, match="no such codec"):
        measure.run([Command((sys.executable, "-c", words), tmp_path)], at_once=1)


def test_commands_over_the_limit_are_stopped(tmp_path: Path) -> None:
    command = Command((sys.executable, "-c", "import time; time.sleep(60)"), tmp_path)

    cost = measure.run([command], at_once=1, limit_seconds=0.2)

    assert not cost.finished
    assert cost.wall < 30


def test_a_recording_is_encoded_by_everybody_and_told(
    recording: ours.Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare.compare(recording.path, tmp_path, rounds=1)

    assert list(found["arms"]) == [compare.PEER, compare.DIRECT, compare.DECIDED]
    assert found["copied"] == "480p"
    for made in found["arms"].values():
        assert made["cpu"] > 0
        assert made["bytes"] > 10_000
        assert made["first"] is not None
    assert set(found["arms"][compare.DECIDED]["vmaf"]) == {"360p"}
    verdicts = report.of_source("clip", found)
    assert len(verdicts) == 4
    assert "480p copied" in capsys.readouterr().out


def test_a_lecture_is_divided_into_the_pieces_that_the_platform_makes(
    recording: ours.Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("academy.video.chunks.CHUNK_SECONDS", 1)
    monkeypatch.setattr("academy.video.ladder.SEGMENT_GOPS", 1)
    monkeypatch.setattr("academy.video.ladder.GOP_SECONDS", 1)

    found = dividing.divide(recording.path, tmp_path, rounds=1)

    assert found["chunks"] == [15, 15]
    assert list(found["arms"]) == [dividing.WHOLE, dividing.CHUNKS, dividing.PIECES]
    assert all(made["cpu"] > 0 for made in found["arms"].values())
