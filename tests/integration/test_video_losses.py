"""Chunks in which nothing can be decoded: the lecture is saved without them, and says so."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from academy.video.models import Video, VideoPiece
from tests.integration.test_video_inputs import divide_short, fetched
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media
from tests.support.jobs import drain, make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

RATE, SECONDS = 10, 12
BLACK = 20
#: Three chunks of four seconds; with key frames every second the top rung can be copied.
_SHORT_GROUPS = (*media.H264, "-g", "10", "-keyint_min", "10", "-sc_threshold", "0")
#: Noise is no valid frame of it; an AAC decoder makes some sound of anything.
_CHECKED = ("-c:a", "flac", "-strict", "-2")


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    divide_short(monkeypatch)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def whole(folder: Path, *, size: str = "320x180", audio: tuple[str, ...] = media.AAC) -> Path:
    return media.lesson(
        folder / "whole.mp4", size=size, rate=str(RATE), seconds=SECONDS,
        video=_SHORT_GROUPS, audio=audio, extra=("-movflags", "+faststart"),
    )  # fmt: skip


def ended(tenant: Tenant, source: Path) -> Job:
    job = submit(tenant, uploaded(tenant, source))
    drain("video")
    job.refresh_from_db()
    assert job.children.exists()
    return job


def pictures(video: Video, folder: Path) -> list[tuple[float, float]]:
    """When each picture of the top rung is shown, and how bright it is."""
    listed = fetched(video, folder) / video.manifest["renditions"][0]["playlist"]
    return media.brightness(listed)


def test_chunks_that_are_all_noise_are_black_and_the_rest_stays_in_place(
    tenant: Tenant, tmp_path: Path
) -> None:
    source = media.spoiled(tmp_path / "a.mp4", whole(tmp_path), 2.95, SECONDS + 1)
    job = ended(tenant, source)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    video = Video.objects.for_tenant(tenant).get(job=job)
    damage = job.result["damage"]
    assert damage["gaps"] == [{"track": "picture", "from": 4.0, "to": 12.0}]
    assert damage["lost_seconds"] == pytest.approx(8, abs=0.2)
    assert damage["saved_seconds"] == pytest.approx(SECONDS - 8, abs=0.2)
    for said in (damage["message"]["ko"], damage["message"]["en"]):
        assert "0:04-0:12" in said
    assert damage["message"]["ko"] != damage["message"]["en"]

    seen = pictures(video, tmp_path / "out")
    assert len(seen) == SECONDS * RATE == video.manifest["frames"]
    steps = [after[0] - before[0] for before, after in pairwise(seen)]
    assert max(steps) - min(steps) < 0.001
    dark = [number for number, (_, bright) in enumerate(seen) if bright < BLACK]
    assert dark == list(range(4 * RATE, SECONDS * RATE))
    poster = store(Bucket.VIDEO).read(video.output_prefix + "poster.jpg")
    assert len(poster) > 2_000, "not a black one"


@pytest.mark.parametrize(("start", "end", "chunk"), [(0, 7, 0), (4, 8, 4)])
def test_pictures_of_another_chunk_are_none_of_the_lost_one(
    tenant: Tenant, tmp_path: Path, start: float, end: float, chunk: float
) -> None:
    # What is fetched for a chunk reaches into the next one, whose pictures are sound.
    source = media.spoiled(tmp_path / "a.mp4", whole(tmp_path), start, end)
    job = ended(tenant, source)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    gap = {"track": "picture", "from": chunk, "to": chunk + 4}
    assert job.result["damage"]["gaps"] == [gap]
    video = Video.objects.for_tenant(tenant).get(job=job)
    assert len(pictures(video, tmp_path / "out")) == SECONDS * RATE


@pytest.mark.parametrize(
    ("start", "end", "gaps"),
    [(5, 6.9, []), (9.95, 12, [{"track": "picture", "from": 10.0, "to": 12.0}])],
    ids=["within a chunk", "at the end"],
)
def test_what_is_missing_in_a_part_of_a_chunk_stands_still_on_the_exact_grid(
    tenant: Tenant, tmp_path: Path, start: float, end: float, gaps: list[dict[str, object]]
) -> None:
    source = media.spoiled(tmp_path / "a.mp4", whole(tmp_path), start, end)
    job = ended(tenant, source)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    assert job.result["damaged"]
    assert job.result["damage"]["gaps"] == gaps
    video = Video.objects.for_tenant(tenant).get(job=job)
    seen = pictures(video, tmp_path / "out")
    assert len(seen) == SECONDS * RATE
    assert min(bright for _, bright in seen) > BLACK


def test_every_rung_loses_the_same_chunk(tenant: Tenant, tmp_path: Path) -> None:
    source = media.spoiled(tmp_path / "a.mp4", whole(tmp_path, size="656x492"), 2.95, 13)
    job = ended(tenant, source)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    video = Video.objects.for_tenant(tenant).get(job=job)
    assert len(video.manifest["renditions"]) > 1
    assert [gap["from"] for gap in job.result["damage"]["gaps"]] == [4.0]
    folder = fetched(video, tmp_path / "out")
    for rung in video.manifest["renditions"]:
        seen = media.brightness(folder / rung["playlist"])
        dark = [number for number, (_, bright) in enumerate(seen) if bright < BLACK]
        assert (len(seen), dark) == (SECONDS * RATE, list(range(4 * RATE, SECONDS * RATE)))


def test_sound_that_is_all_noise_becomes_silence(tenant: Tenant, tmp_path: Path) -> None:
    source = media.spoiled(
        tmp_path / "a.mp4", whole(tmp_path, audio=_CHECKED), 0, SECONDS + 1, track="a"
    )
    job = ended(tenant, source)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    assert job.result["damage"]["gaps"] == [{"track": "sound", "from": 0.0, "to": SECONDS}]
    assert job.result["damage"]["lost_seconds"] == pytest.approx(0, abs=0.2)
    video = Video.objects.for_tenant(tenant).get(job=job)
    playlist = video.manifest["renditions"][0]["playlist"]
    seen = media.shown(fetched(video, tmp_path / "out"), playlist, "audio.m3u8")
    assert len(seen.flashes) == SECONDS / 2
    assert seen.beeps == ()


def test_a_lecture_of_which_nothing_can_be_decoded_is_refused(
    tenant: Tenant, tmp_path: Path
) -> None:
    job = submit(tenant, uploaded(tenant, whole(tmp_path)))
    run(job)
    for piece in job.children.all():
        run(piece)
    for made in VideoPiece.objects.for_tenant(tenant).filter(name__startswith="chunk"):
        made.facts |= {"lost": 4 * RATE, "errors": 1}
        made.save()
    run(job)
    assert (job.state, job.error_code) == ("failed", "video_damaged")
