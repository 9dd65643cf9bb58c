"""What a lecture need not have made: copied and superfluous rungs, through the whole flow."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from academy.core.storage import Bucket, store
from academy.tenants.models import Tenant
from academy.uploads.models import Upload
from academy.video import chunks, complexity, encoding, lecture, playlist
from academy.video.handlers import transcode
from academy.video.models import Video, VideoPiece
from tests.integration.test_video_lecture import divided, fetched, frames_of
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media
from tests.support.jobs import make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets", "short_chunks"),
]

#: A rung and one below it; key frames where no chunk would end by itself.
SIZE = "854x480"
GOP = ["-g", "97", "-keyint_min", "97", "-sc_threshold", "0", "-bf", "3", "-b_strategy", "0"]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 6)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 10)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    # testsrc2 at a rate that the rung's cap allows to be copied.
    extra = [*GOP, "-maxrate", "1500k", "-bufsize", "1500k", "-crf", "30"]
    return media.clip(tmp_path / "a.mp4", size=SIZE, seconds=12, extra=extra)


def plan_of(video: Video) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(
        store(Bucket.VIDEO).read(video.output_prefix + "plan.json")
    )
    return loaded


def manifest_of(video: Video) -> dict[str, Any]:
    assert video.manifest is not None
    summary: dict[str, Any] = video.manifest
    return summary


def packets_of(path: Path, folder: Path) -> list[str]:
    """The hash of every picture packet, as Annex B, so that only the payload counts."""
    target = folder / f"{path.stem}.hash"
    payload = "h264_mp4toannexb,filter_units=remove_types=6-9"
    media.ffmpeg(
        "-i", str(path), "-map", "0:v:0", "-c", "copy", "-bsf:v", payload,
        "-f", "framehash", "-hash", "md5", str(target),
    )  # fmt: skip
    return [line.split(",")[-1] for line in target.read_text().splitlines() if line[0] != "#"]


def durations(folder: Path, name: str) -> tuple[object, ...]:
    return playlist.parse_media((folder / f"{name}.m3u8").read_text()).durations


def test_the_top_rung_of_a_lecture_is_its_own_packets(
    tenant: Tenant, tmp_path: Path, recording: Path
) -> None:
    _, video = divided(tenant, recording)

    folder = fetched(video, tmp_path / "out")
    assert packets_of(folder / "480p.m3u8", tmp_path) == packets_of(recording, tmp_path)
    copied, made = (frames_of(folder, f"{name}.m3u8") for name in ("480p", "360p"))
    assert len(copied) == len(made) == 360
    assert [row[0] for row in copied] == [row[0] for row in made]
    assert len({after[0] - before[0] for before, after in pairwise(copied)}) == 1
    assert durations(folder, "480p") == durations(folder, "360p")
    reasons = plan_of(video)["reasons"]
    assert isinstance(reasons, list)
    assert any(reason.startswith("480p is copied: H.264 of") for reason in reasons), reasons
    assert not manifest_of(video)["damaged"]


def test_a_short_recording_is_copied_too(tenant: Tenant, tmp_path: Path) -> None:
    extra = [*GOP, "-maxrate", "1500k", "-bufsize", "1500k", "-crf", "30"]
    source = media.clip(tmp_path / "a.mp4", size=SIZE, seconds=7, extra=extra)
    job = submit(tenant, uploaded(tenant, source))
    run(job)
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    video = Video.objects.for_tenant(tenant).get(job=job)

    folder = tmp_path / "out"
    folder.mkdir()
    objects = store(Bucket.VIDEO)
    for name in json.loads(objects.read(video.output_prefix + "manifest.json"))["files"]:
        objects.get_file(video.output_prefix + name, folder / name)
    assert packets_of(folder / "480p.m3u8", tmp_path) == packets_of(source, tmp_path)
    assert len(frames_of(folder, "360p.m3u8")) == 210
    assert durations(folder, "480p") == durations(folder, "360p")
    assert manifest_of(video)["reasons"][0].startswith("480p is copied")
    assert manifest_of(video)["quality"]["rung"] == "360p"
    assert manifest_of(video)["quality"]["ssim"] > 0.97


def test_a_copy_that_fails_its_checks_is_encoded_and_the_rest_is_kept(
    tenant: Tenant, tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an ffmpeg would behave that places the packets one frame late.
    honest = encoding.copied

    def late(*arguments: object) -> dict[str, str]:
        options: dict[str, str] = honest(*arguments)  # type: ignore[arg-type]
        return options | {"bsf": options["bsf"].replace("pts=PTS+", "pts=PTS+0.04/TB+")}

    monkeypatch.setattr(encoding, "copied", late)
    job, video = divided(tenant, recording)

    assert manifest_of(video)["frames"] == 360
    folder = fetched(video, tmp_path / "out")
    assert len(frames_of(folder, "480p.m3u8")) == 360
    assert durations(folder, "480p") == durations(folder, "360p")
    reasons = plan_of(video)["reasons"]
    assert isinstance(reasons, list)
    assert "480p is encoded after all" in reasons[-1]
    names = list(job.children.order_by("id").values_list("child_key", flat=True))
    assert [name for name in names if name.startswith("recoded")] == [
        name.replace("chunk", "recoded") for name in names if name.startswith("chunk")
    ]
    assert len(set(names)) == len(names), "nothing that was finished is made again"
    # Of this piece nothing was left but that: it stores nothing, and is done.
    empty = job.children.get(child_key="early-0000")
    assert empty.result is not None
    assert (empty.result["facts"], empty.artifacts) == ({}, [])
    row = VideoPiece.objects.for_tenant(tenant).get(name="early-0000")
    assert row.prefix == f"t/{tenant.pk}/jobs/{empty.pk}/a1/", "never all of the bucket"


def test_a_damaged_source_is_never_copied(tenant: Tenant, tmp_path: Path, recording: Path) -> None:
    source = media.scrambled(tmp_path / "noise.mp4", recording, 0.5, 0.505)
    _, video = divided(tenant, source)

    assert manifest_of(video)["damaged"]
    reasons = plan_of(video)["reasons"]
    assert isinstance(reasons, list)
    assert not any("is copied" in reason for reason in reasons) or "after all" in reasons[-1]
    folder = fetched(video, tmp_path / "out")
    assert len(frames_of(folder, "480p.m3u8")) == manifest_of(video)["frames"]


# ---------------------------------------------------------------- rungs that nobody would miss


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    # Standing pictures that change every six seconds, of a kind that is never copied.
    graph = "smptehdbars=s=1920x1080:r=5:d=18,hue=h='60*floor(t/6)'"
    media.ffmpeg(
        "-f", "lavfi", "-i", graph, *media.H264, "-pix_fmt", "yuv444p", "-g", "10",
        str(tmp_path / "slides.mp4"),
    )  # fmt: skip
    return tmp_path / "slides.mp4"


@pytest.fixture
def long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complexity, "MIN_SECONDS", 10)


def renditions(video: Video) -> list[str]:
    return [one["name"] for one in manifest_of(video)["renditions"]]


def planned(tenant: Tenant, upload: Upload) -> lecture.LecturePlan:
    """The plan of a lecture, before anything of it is encoded."""
    job = submit(tenant, upload)
    run(job)
    job.refresh_from_db()
    assert job.state == "waiting", (job.error_code, job.error_params)
    return lecture.loads(store(Bucket.VIDEO).read(job.checkpoint["plan"]))


@pytest.mark.usefixtures("long_enough")
def test_slides_have_no_rungs_that_nobody_would_miss(tenant: Tenant, slides: Path) -> None:
    upload = uploaded(tenant, slides)
    made = planned(tenant, upload)

    assert [rung.name for rung in made.plan.rungs] == ["1080p", "480p"]
    assert [one.at for one in made.samples] == [8.0, 2.0, 14.0]
    assert all(0 < one.kbps < complexity.SIMPLE_KBPS for one in made.samples)
    assert made.reasons[-1].startswith(
        "only 1080p, 480p are made, without 720p, 360p: 1080p needs"
    ), made.reasons
    # What is played first is made as ever.
    assert (made.pieces[0].name, made.pieces[0].rungs) == ("early-0000", ("480p",))
    later = [piece.rungs for piece in made.pieces if piece.name.startswith("chunk")]
    assert later == [("1080p",), ("1080p",)]

    # Whoever plans it again decides the same, so that finished pieces are found.
    again = planned(tenant, upload)
    assert (again.samples, again.digest) == (made.samples, made.digest)


@pytest.mark.usefixtures("long_enough")
def test_one_demanding_sample_is_enough_to_make_all_rungs(
    tenant: Tenant, slides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complexity, "SIMPLE_KBPS", 1)
    made = planned(tenant, uploaded(tenant, slides))

    assert [rung.name for rung in made.plan.rungs] == ["1080p", "720p", "480p", "360p"]
    assert len(made.samples) == 1, "and no other is taken"
    assert made.reasons[-1].startswith("all rungs are made: at 0:08 1080p needs"), made.reasons


def test_few_samples_are_not_worth_it_for_a_lecture_that_is_short(
    tenant: Tenant, slides: Path
) -> None:
    made = planned(tenant, uploaded(tenant, slides))
    assert (len(made.plan.rungs), made.samples) == (4, ())


def test_a_copied_rung_of_few_bits_needs_no_samples(tenant: Tenant, slides: Path) -> None:
    source = slides.with_name("plain.mp4")
    media.ffmpeg("-i", str(slides), *media.H264, "-g", "10", str(source))
    _, video = divided(tenant, source)

    assert renditions(video) == ["1080p", "480p"]
    plan = plan_of(video)
    assert plan["samples"] == []
    assert isinstance(plan["reasons"], list)
    assert [reason.split(":")[0] for reason in plan["reasons"][-2:]] == [
        "1080p is copied", "only 1080p, 480p are made, without 720p, 360p",
    ]  # fmt: skip
    assert manifest_of(video)["quality"]["rung"] == "480p", "a copy is as good as its source"
