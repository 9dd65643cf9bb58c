"""A lecture that is divided: real ffmpeg, object store and database, chunks of a few seconds."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from academy.core.storage import Bucket, store
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job
from academy.jobs.replay import job_replay
from academy.jobs.submit import Submitter
from academy.tenants.models import Tenant
from academy.video import chunks, playlist
from academy.video.handlers import transcode
from academy.video.models import Video, VideoPiece
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media
from tests.support.jobs import drain, make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets", "short_chunks"),
]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 8)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 10)


def divided(tenant: Tenant, path: Path) -> tuple[Job, Video]:
    """Run a file through the whole flow; it must succeed, in pieces."""
    job = submit(tenant, uploaded(tenant, path))
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    assert job.children.exists()
    return job, Video.objects.for_tenant(tenant).get(job=job)


def fetched(video: Video, folder: Path) -> Path:
    """The output as a player would see it: playlists, and the segments that they name."""
    folder.mkdir()
    objects = store(Bucket.VIDEO)
    for name in ("master.m3u8", *(r["playlist"] for r in _renditions(video))):
        text = objects.read(video.output_prefix + name).decode()

        def local(key: str, of: str = name) -> str:
            if not key.startswith("/"):
                return key
            file = f"{of.removesuffix('.m3u8')}-{key.rsplit('/', 1)[1]}"
            objects.get_file(key.removeprefix("/"), folder / file)
            return file

        (folder / name).write_text(playlist.with_addresses(text, local))
    return folder


def _renditions(video: Video) -> Iterator[dict[str, str]]:
    yield from video.manifest["renditions"]
    if video.manifest["audio"]:
        yield video.manifest["audio"]


def frames_of(folder: Path, name: str, *stream: str) -> list[tuple[int, int]]:
    """(pts, duration) of every decoded frame, by an ffmpeg that knows nothing of us."""
    done = subprocess.run(
        [media.binaries().ffmpeg, "-v", "warning", "-nostdin", "-copyts", "-i", name,
         "-map", *(stream or ("0:v:0",)), "-fps_mode", "passthrough", "-f", "framemd5", "-"],
        cwd=folder, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    rows = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    return [(int(row[2]), int(row[3])) for row in rows]


@pytest.mark.parametrize("fps", ["24", "25", "30000/1001", "30", "50", "60"])
def test_chunks_join_without_a_seam_at_every_rate(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fps: str
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 4)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 5)
    # Key frames that lie on no chunk's start, and B-frames across them.
    pictures = [*media.H264, "-g", "97", "-bf", "3", "-b_strategy", "0"]
    source = media.lesson(tmp_path / "a.mp4", rate=fps, seconds=10, video=pictures)
    _, video = divided(tenant, source)

    rate = Fraction(fps)
    assert video.manifest["frames"] == math.ceil(10 * rate)
    assert video.manifest["chunks"] == 3
    assert not video.manifest["damaged"]
    # Compared one frame late, moving pictures would not be like themselves.
    assert video.manifest["quality"]["ssim"] > 0.97
    folder = fetched(video, tmp_path / "out")
    frames = frames_of(folder, "180p.m3u8")
    assert len(frames) == video.manifest["frames"]
    steps = {after[0] - before[0] for before, after in pairwise(frames)}
    assert len(steps) == 1, "constant pts step over every seam"
    seen = media.shown(folder, "180p.m3u8", "audio.m3u8")
    assert (len(seen.flashes), len(seen.beeps)) == (5, 5), "one before the seams, two after each"
    for flash, beep in zip(seen.flashes, seen.beeps, strict=True):
        assert abs(flash - beep) < 1 / rate
    sound = frames_of(folder, "audio.m3u8", "0:a:0")
    assert abs(sound[-1][0] / 48_000 - seen.frames[-1]) < 0.1


def test_every_piece_is_a_job_and_early_ones_come_first(tenant: Tenant, tmp_path: Path) -> None:
    source = media.clip(tmp_path / "a.mp4", size="1280x720", rate="10", seconds=22)
    job, video = divided(tenant, source)

    names = list(job.children.order_by("id").values_list("child_key", flat=True))
    assert names == ["early-0000", "audio", "early-0001", "chunk-0000", "chunk-0001", "chunk-0002"]
    assert [r["name"] for r in video.manifest["renditions"]] == ["720p", "480p", "360p"]
    folder = fetched(video, tmp_path / "out")
    counts = {len(frames_of(folder, f"{name}.m3u8")) for name in ("720p", "480p", "360p")}
    assert counts == {220}
    plan = store(Bucket.VIDEO).read(video.output_prefix + "plan.json").decode()
    assert "220 frames in 3 chunks" in plan


def test_a_replay_makes_nothing_again_that_is_done(tenant: Tenant, tmp_path: Path) -> None:
    source = media.clip(tmp_path / "a.mp4", size="640x360", rate="10", seconds=20)
    job = submit(tenant, uploaded(tenant, source))
    run(job)
    pieces = list(job.children.order_by("id"))
    for piece in pieces[:2]:
        run(piece)
    job_cancel(tenant=tenant, job_id=job.pk)
    before = set(VideoPiece.objects.for_tenant(tenant).values_list("name", flat=True))

    again = job_replay(by=Submitter(tenant, "test"), job_id=job.pk)
    drain("video")
    again.refresh_from_db()

    assert again.state == "succeeded", (again.error_code, again.error_params)
    made = set(again.children.values_list("child_key", flat=True))
    assert made.isdisjoint(before)
    assert made | before == {piece.child_key for piece in pieces}


@pytest.mark.parametrize("suffix", ["ts", "mkv", "avi", "flv"])
def test_a_container_without_parts_is_divided_all_the_same(
    tenant: Tenant, tmp_path: Path, suffix: str
) -> None:
    plain = media.clip(tmp_path / "a.mp4", size="320x180", seconds=18, extra=["-g", "60"])
    source = tmp_path / f"a.{suffix}"
    media.ffmpeg("-i", str(plain), "-c", "copy", str(source))
    _, video = divided(tenant, source)

    folder = fetched(video, tmp_path / "out")
    assert abs(len(frames_of(folder, "180p.m3u8")) - 540) <= 2
    assert not video.manifest["damaged"], video.manifest["damage"]
