"""`ai.homework_video` from the submission to the pages, and what strangers send instead."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import pytest

from academy.ai.homework import commands, handler
from academy.ai.homework.results import HomeworkResult
from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.jobs.errors import TransientError
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.media.source import VideoTrack
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from tests.support import media, workbook
from tests.support.jobs import let_wait_pass, make_tenant, run
from tests.support.rest import key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
KIND = "ai.homework_video"


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(plan="start")


def uploaded(tenant: Tenant, path: Path, **fields: Any) -> Upload:
    """A complete upload of a video."""
    upload_id = new_id()
    key = f"t/{tenant.pk}/uploads/{upload_id}/source"
    store(Bucket.VIDEO).put_file(key, path, "application/octet-stream")
    values: dict[str, Any] = {
        "id": upload_id, "bucket": "video", "key": key, "filename": path.name,
        "size": path.stat().st_size, "content_type": "video/mp4", "purpose": "video",
        "state": UploadState.COMPLETE, "completed_at": clock.now(), "expires_at": clock.now(),
    } | fields  # fmt: skip
    return Upload.objects.for_tenant(tenant).create(**values)


def watched(tenant: Tenant, path: Path, **params: Any) -> Job:
    order = Order(KIND, {"upload": str(uploaded(tenant, path).pk), **params})
    job = job_submit(by=Submitter(tenant, "test"), order=order)
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    HomeworkResult.model_validate(job.result)
    return job.result


def test_every_page_is_found_once_though_one_is_shown_twice(tenant: Tenant, tmp_path: Path) -> None:
    clip = workbook.Clip(order=(0, 1, 0, 2, 3), seed=31, light=0.4, shake=3, passing_hand=(3,))
    upload = uploaded(tenant, workbook.make(tmp_path / "a.mp4", clip))
    answer = key_client(tenant).post(
        "/api/v1/jobs", {"kind": KIND, "params": {"upload": str(upload.pk)}}, format="json"
    )
    job = Job.unscoped.get(pk=answer.json()["id"])
    assert job.queue == "ai-basic"
    run(job)
    result = result_of(job)["result"]
    pages = result["pages"]
    assert [page["n"] for page in pages] == [1, 2, 3, 4]
    assert [len(page["shown"]) for page in pages] == [2, 1, 1, 1]
    ratios = [page["ink_ratio"] for page in pages]
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.4 < ratios[-1]
    names = {one["name"]: one for one in job.artifacts}
    assert set(names) == {"contact.jpg", *(page["picture"] for page in pages)}
    target = tmp_path / "page.jpg"
    store(Bucket.AI).get_file(names[pages[2]["picture"]]["key"], target)
    picture = cv2.imread(str(target), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (pages[2]["height"], pages[2]["width"])
    # Straight and clean: paper to the corners, and of the page's own form.
    assert min(picture[at].mean() for at in (6, -6)) > 225
    wanted = workbook.PAGE[0] / workbook.PAGE[1]
    assert pages[2]["height"] / pages[2]["width"] == pytest.approx(wanted, rel=0.06)


def test_a_turned_video_is_shown_upright_and_the_desk_is_no_page(
    tenant: Tenant, tmp_path: Path
) -> None:
    clip = workbook.Clip(
        order=(0, 1), answers=(2, 7), seed=32, rotated=90, pen="pencil", desk_first=True
    )
    pages = result_of(watched(tenant, workbook.make(tmp_path / "a.mp4", clip)))["result"]["pages"]
    assert len(pages) == 2
    assert all(page["height"] > page["width"] for page in pages)
    assert pages[0]["ink_ratio"] < pages[1]["ink_ratio"]


def test_a_hand_that_stays_on_the_page_sends_it_to_a_person(tenant: Tenant, tmp_path: Path) -> None:
    clip = workbook.Clip(order=(0, 1), answers=(3, 5), seed=33, resting_hand=(1,), hand_reach=0.3)
    job = watched(tenant, workbook.make(tmp_path / "a.mp4", clip))
    result = result_of(job)
    assert result["review_required"]
    assert {"code": "homework_page_covered", "params": {"pages": [2]}} in result["warnings"]


def test_a_later_attempt_does_not_look_for_the_views_again(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = workbook.Clip(order=(0, 1), answers=(1, 4), seed=34, steady_seconds=0.9)
    upload = uploaded(tenant, workbook.make(tmp_path / "a.mp4", clip))
    job = job_submit(by=Submitter(tenant, "test"), order=Order(KIND, {"upload": str(upload.pk)}))
    with monkeypatch.context() as broken:
        broken.setattr(handler, "_pictures", _interrupted)
        run(job)
    assert job.state == JobState.RETRY_WAIT
    monkeypatch.setattr(commands, "sample", _interrupted)
    let_wait_pass(job)
    Job.unscoped.filter(pk=job.pk).update(state="queued", version=job.version + 1)
    run(job)
    assert result_of(job)["result"]["count"] == 2


def _interrupted(*_: Any, **__: Any) -> Any:
    raise TransientError("document_reader_killed")


def text(path: Path) -> Path:
    path.write_text("This is no video at all.\n" * 40)
    return path


def playlist(path: Path) -> Path:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n")
    return path


def concat(path: Path) -> Path:
    path.write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    return path


def half(path: Path) -> Path:
    whole = media.clip(path.with_suffix(".whole.mp4"), seconds=3)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path


def only_sound(path: Path) -> Path:
    media.ffmpeg(*media.sound(2), "-c:a", "aac", str(path))
    return path


def nothing_still(path: Path) -> Path:
    media.ffmpeg(
        "-f", "lavfi", "-i", "mandelbrot=s=320x180:r=12:end_scale=0.0001:end_pts=30", "-t", "2",
        "-vf", "rotate=t*4", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
        str(path),
    )  # fmt: skip
    return path


def twelve_hours(path: Path) -> Path:
    """One picture that lasts twelve hours."""
    media.ffmpeg(
        "-f", "lavfi", "-i", "color=s=64x64:r=1/21600:d=43200", "-c:v", "libx264", "-pix_fmt",
        "yuv420p", str(path),
    )  # fmt: skip
    return path


def twenty_minutes(path: Path) -> Path:
    media.ffmpeg(
        "-f", "lavfi", "-i", "color=s=64x64:r=1/10:d=1200", "-c:v", "libx264", "-pix_fmt",
        "yuv420p", str(path),
    )  # fmt: skip
    return path


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (text, "video_not_media"),
        (playlist, "video_not_media"),
        (concat, "video_not_media"),
        (half, "video_damaged"),
        (only_sound, "homework_no_picture"),
        (nothing_still, "homework_no_pages"),
        (twelve_hours, "video_too_long"),
        (twenty_minutes, "homework_too_long"),
    ],
)
def test_what_is_no_homework_is_refused_with_its_own_reason(
    tenant: Tenant, tmp_path: Path, make: Any, code: str
) -> None:
    job = watched(tenant, make(tmp_path / "a.mp4"))
    assert (job.state, job.error_code) == (JobState.FAILED, code)


def test_a_file_of_a_hundred_streams_is_read_by_its_first_picture(
    tenant: Tenant, tmp_path: Path
) -> None:
    clip = workbook.make(
        tmp_path / "one.mp4", workbook.Clip(order=(0,), answers=(2,), seed=35, steady_seconds=1)
    )
    path = tmp_path / "a.mkv"
    media.ffmpeg("-i", str(clip), *["-map", "0:v"] * 100, "-c", "copy", str(path))
    assert result_of(watched(tenant, path))["result"]["count"] == 1


def test_a_video_that_breaks_off_says_so(tenant: Tenant, tmp_path: Path) -> None:
    clip = workbook.Clip(order=(0, 1, 2), answers=(1, 3, 5), seed=36)
    whole = workbook.make(tmp_path / "whole.mp4", clip)
    path = media.truncated(tmp_path / "a.mp4", whole, 0.5)
    result = result_of(watched(tenant, path))
    assert result["review_required"]
    assert "homework_cut_short" in {warning["code"] for warning in result["warnings"]}
    assert 1 <= result["result"]["count"] <= 2


def test_ffmpeg_is_given_nothing_but_the_file(tmp_path: Path) -> None:
    """The whitelists stand before the input, in both commands."""
    track = _track()
    for argv in (
        commands.sample("ffmpeg", tmp_path / "a.mp4", track, tmp_path / "f"),
        commands.extract("ffmpeg", tmp_path / "a.mp4", track, [1, 5], tmp_path / "p-%04d.jpg"),
    ):
        at = argv.index("-i")
        assert argv[argv.index("-protocol_whitelist") + 1] == "file"
        assert argv.index("-format_whitelist") < at
        assert argv.index("-max_pixels") < at


def _track() -> Any:
    values: dict[str, Any] = {field.name: 0 for field in fields(VideoTrack)}
    return VideoTrack(**values | {"width": 640, "height": 360, "pixel_aspect": 1})


def test_another_academys_video_does_not_exist(tenant: Tenant, tmp_path: Path) -> None:
    foreign = uploaded(make_tenant(), text(tmp_path / "a.mp4"))
    with pytest.raises(AppError) as refused:
        job_submit(by=Submitter(tenant, "test"), order=Order(KIND, {"upload": str(foreign.pk)}))
    assert refused.value.code == "upload_not_found"
