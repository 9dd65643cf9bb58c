"""The seek preview: pictures of the right moments, with signed addresses."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from academy.tenants.models import Tenant
from academy.video import chunks, playback, storyboard
from academy.video.handlers import transcode
from academy.video.ladder import Rung
from academy.video.models import Video
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media, stream
from tests.support.jobs import drain, make_tenant

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

SECONDS = 18
_CUE = re.compile(r"(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)")


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def brightening(path: Path) -> Path:
    """A clip whose grey level says which second it is."""
    media.ffmpeg(
        "-f", "lavfi", "-i", f"color=black:s=320x180:r=10:d={SECONDS}",
        "-vf", f"geq=lum='16+T*200/{SECONDS}':cb=128:cr=128",
        "-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-pix_fmt", "yuv420p", str(path),
    )  # fmt: skip
    return path


def seconds(text: str) -> float:
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def grey(image: Path, x: int, y: int, width: int, height: int) -> float:
    """The mean grey level of a part of an image."""
    done = subprocess.run(
        [media.binaries().ffmpeg, "-v", "error", "-i", str(image), "-vf",
         f"crop={width}:{height}:{x}:{y},scale=1:1,format=gray", "-f", "rawvideo", "-"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    return float(done.stdout[0])


@pytest.mark.parametrize("is_divided", [False, True])
def test_each_cue_shows_its_moment(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_divided: bool
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 8)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 10 if is_divided else 60)
    monkeypatch.setattr(storyboard, "EVERY_SECONDS", 2)
    job = submit(tenant, uploaded(tenant, brightening(tmp_path / "a.mp4")))
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    video = Video.objects.for_tenant(tenant).get(job=job)

    text = stream.get(playback.media_link(video, storyboard.STORYBOARD).url).decode()
    cues = _CUE.findall(text)
    assert len(cues) == SECONDS / 2
    images: dict[str, Path] = {}
    for number, (start, end, address, *part) in enumerate(cues):
        assert (seconds(start), seconds(end)) == (2 * number, 2 * number + 2)
        if address not in images:
            images[address] = tmp_path / f"sprite-{len(images)}.jpg"
            images[address].write_bytes(stream.get(address))
        x, y, width, height = map(int, part)
        assert (width, height) == (160, 90)
        shown = grey(images[address], x, y, width, height) * 219 / 255 + 16
        assert abs((shown - 16) * SECONDS / 200 - 2 * number) < 1, "the picture of that second"
    assert len(images) == (2 if is_divided else 1)


def test_portrait_keeps_its_shape_and_a_moment_is_never_without_a_picture() -> None:
    made = storyboard.sprite(Rung("360p", 360, 640, 1037), 3, 180.18, 240.24, 10)
    assert (made.width, made.height, made.count, made.rows) == (90, 160, 6, 1)
    text = storyboard.webvtt([made])
    times = re.findall(r"(\S+) --> (\S+)", text)
    assert times[0][0] == "00:03:00.180"
    assert times[-1][1] == "00:04:00.240"
    assert all(before[1] == after[0] for before, after in pairwise(times))
    assert storyboard.sprite(Rung("360p", 640, 360, 1037), 0, 0, 0.4, 10).count == 1
