"""The quality that is measured of every lecture: real ffmpeg, real frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from academy.jobs.selectors import job_logs
from academy.tenants.models import Tenant
from academy.video import chunks, encoding, measure, quality
from academy.video.api import present
from academy.video.handlers import transcode
from academy.video.models import Video
from tests.integration.test_video_lecture import divided
from tests.integration.test_video_transcode import transcoded
from tests.support import media
from tests.support.jobs import make_tenant

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
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 4)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 10)


def manifest_of(video: Video) -> dict[str, Any]:
    assert video.manifest is not None
    summary: dict[str, Any] = video.manifest
    return summary


def test_a_lecture_in_pieces_is_compared_in_its_middle(tenant: Tenant, tmp_path: Path) -> None:
    # Pictures that never stand still, and chunks that begin between key frames: were one frame
    # compared with the next, it would show.
    extra = ["-g", "97", "-bf", "3", "-pix_fmt", "yuv444p"]
    source = media.clip(tmp_path / "a.mp4", size="320x180", rate="25", seconds=12, extra=extra)
    _, video = divided(tenant, source)

    measured = manifest_of(video)["quality"]
    assert (measured["rung"], measured["at_seconds"], measured["seconds"]) == ("180p", 4.0, 4.0)
    assert measured["ssim"] > 0.97
    assert manifest_of(video)["warnings"] == []


@pytest.mark.parametrize("container", ["mkv", "ts"])
def test_a_short_recording_is_compared_past_its_beginning(
    tenant: Tenant, tmp_path: Path, container: str
) -> None:
    # Its clock starts late, and in MPEG-TS with the sound, a little before the pictures.
    extra = ["-g", "40", "-bf", "2", "-output_ts_offset", "3"]
    source = media.clip(tmp_path / f"a.{container}", size="320x180", seconds=9, extra=extra)
    _, video = transcoded(tenant, source)

    measured = manifest_of(video)["quality"]
    assert (measured["rung"], measured["at_seconds"], measured["seconds"]) == ("180p", 0.0, 8.0)
    assert measured["ssim"] > 0.97


def test_an_encode_that_people_would_complain_of_comes_with_a_warning(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = encoding.encoded
    monkeypatch.setattr(encoding, "encoded", lambda *some: honest(*some) | {"crf": 51})
    source = media.clip(tmp_path / "a.mp4", size="320x180", seconds=2)
    job, video = transcoded(tenant, source)

    measured = manifest_of(video)["quality"]
    assert measured["ssim"] < quality.SSIM_FLOOR
    (warning,) = manifest_of(video)["warnings"]
    assert warning["code"] == "video_quality_low"
    assert set(warning["message"]) == {"ko", "en"}
    assert present.video_body(video)["warnings"] == job.result["warnings"] == [warning]


def test_nothing_fails_because_quality_cannot_be_measured(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(binary: str, *_: object, **__: object) -> list[str]:
        return [binary, "-v", "level+info", "-i", "/nowhere", "-f", "null", "-"]

    monkeypatch.setattr(measure, "compare", broken)
    source = media.clip(tmp_path / "a.mp4", size="320x180", seconds=2)
    job, video = transcoded(tenant, source)

    assert manifest_of(video)["quality"] is None
    assert manifest_of(video)["warnings"] == []
    said = [line.message for line in job_logs(job.pk)]
    assert any(message.startswith("no quality sample: ") for message in said), said


def test_sound_alone_has_no_quality_of_pictures(tenant: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    media.ffmpeg(*media.sound(2), "-c:a", "aac", str(path))
    _, video = transcoded(tenant, path)
    assert manifest_of(video)["quality"] is None
