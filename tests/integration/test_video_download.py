"""A video as one MP4: made once, without encoding, and in time with itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import psutil
import pytest
from django.test import Client

from academy.core.errors import AppError
from academy.core.storage import Bucket, ObjectStore, StorageError, store
from academy.jobs import admission
from academy.jobs.models import Job
from academy.jobs.replay import job_retry
from academy.jobs.submit import Submitter
from academy.media import commands
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.video import chunks, command, deletion, mp4, services, usage
from academy.video.handlers import transcode
from academy.video.models import Video
from tests.integration.test_video_transcode import submit, transcoded, uploaded
from tests.support import media
from tests.support.jobs import drain, let_wait_pass, make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def client_of(tenant: Tenant) -> Client:
    scopes = frozenset({"videos:read", "videos:write"})
    token = key_create(tenant=tenant, name="teacher", scopes=scopes).token
    return Client(headers={"Authorization": f"Bearer {token}"})


def streams_of(path: Path) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [media.binaries().ffprobe, "-v", "error", "-count_frames", "-of", "json",
         "-show_streams", str(path)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return {found["codec_type"]: found for found in json.loads(done.stdout)["streams"]}


def test_a_divided_lecture_becomes_one_file_that_is_made_once(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 8)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 10)
    source = media.clip(tmp_path / "a.mp4", size="640x480", rate="10", seconds=18)
    job = submit(tenant, uploaded(tenant, source), title="함수 1/2: 시작")
    drain("video")
    video = Video.objects.for_tenant(tenant).get(job=job)
    client, path = client_of(tenant), f"/api/v1/videos/{video.pk}/download"
    assert client.get(path).json()["state"] == "none"

    first = client.post(path, {}, content_type="application/json")
    again = client.post(path, {}, content_type="application/json")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["job"] == again.json()["job"]
    drain("video")
    body = client.get(path).json()
    assert body["state"] == "ready", body
    assert body["filename"] == "함수 1 2 시작 (480p).mp4"
    said = parse_qs(urlsplit(body["url"]).query)["response-content-disposition"][0]
    assert unquote(said).endswith("filename*=UTF-8''함수 1 2 시작 (480p).mp4")

    file = tmp_path / "got.mp4"
    file.write_bytes(httpx.get(body["url"]).content)
    assert file.stat().st_size == body["size"]
    assert file.read_bytes().index(b"moov") < file.read_bytes().index(b"mdat")
    found = streams_of(file)
    assert (found["video"]["height"], found["video"]["nb_read_frames"]) == (480, "180")
    assert abs(float(found["video"]["start_time"])) < 0.01
    assert abs(float(found["audio"]["start_time"])) < 0.05
    assert abs(float(found["audio"]["duration"]) - 18) < 0.1

    assert client.post(path, {}, content_type="application/json").status_code == 200
    (made,) = Job.objects.for_tenant(tenant).filter(kind=mp4.DOWNLOAD_KIND)
    assert made.state == "succeeded"
    # It lies beside the output, and goes with that.
    store(Bucket.VIDEO).delete_prefix(video.output_prefix)
    assert client.get(path).json()["state"] == "none"


def test_sound_alone_and_what_cannot_be_had(tenant: Tenant, tmp_path: Path) -> None:
    sound = tmp_path / "a.m4a"
    media.ffmpeg(*media.sound(3), "-c:a", "aac", str(sound))
    _, video = transcoded(tenant, sound)
    client, path = client_of(tenant), f"/api/v1/videos/{video.pk}/download"
    assert client.post(path, {}, content_type="application/json").json()["rendition"] == ""
    drain("video")
    body = client.get(path).json()
    file = tmp_path / "got.mp4"
    file.write_bytes(httpx.get(body["url"]).content)
    assert list(streams_of(file)) == ["audio"]

    waiting = submit(tenant, uploaded(tenant, sound))
    unready = Video.objects.for_tenant(tenant).get(job=waiting)
    answer = client.post(
        f"/api/v1/videos/{unready.pk}/download", {}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "video_not_ready")
    stranger = client_of(make_tenant())
    assert stranger.get(path).status_code == 404


def _unavailable(_: ObjectStore, key: str, *__: Any, **___: Any) -> None:
    raise StorageError("storage_unavailable", "put_file", key)


def test_the_file_counts_as_stored_and_a_job_of_what_was_replaced_makes_none(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = media.clip(tmp_path / "a.mp4", size="320x180", rate="10", seconds=2, with_sound=False)
    _, video = transcoded(tenant, clip)
    by = Submitter(tenant, "test")
    plain = usage.stored_bytes(tenant.pk)
    made = mp4.download_request(by=by, video_id=video.pk).job
    assert made is not None
    drain("video")
    file = store(Bucket.VIDEO).head(video.output_prefix + "download_180p.mp4")
    assert file is not None
    assert usage.stored_bytes(tenant.pk) == plain + file.size

    # The file is lost, its next job waits for a store, and comes back when another plays.
    store(Bucket.VIDEO).delete(video.output_prefix + "download_180p.mp4")
    late = mp4.download_request(by=by, video_id=video.pk).job
    assert late is not None
    with monkeypatch.context() as down:
        down.setattr(ObjectStore, "put_file", _unavailable)
        run(late)
    assert (late.state, late.error_code) == ("retry_wait", "storage_unavailable")
    services.video_replace(by=by, video_id=video.pk, upload_id=uploaded(tenant, clip).pk)
    drain("video")
    job_retry(by=by, job_id=late.pk)
    run(late)
    assert (late.state, late.error_code) == ("failed", "video_superseded")
    current = Video.objects.for_tenant(tenant).get(pk=video.pk)
    assert current.output_prefix != video.output_prefix
    assert current.download_size == 0
    assert not [key for key in store(Bucket.VIDEO).keys(f"t/{tenant.pk}/") if "download" in key]

    anew = mp4.download_request(by=by, video_id=video.pk).job
    assert anew is not None
    drain("video")
    anew.refresh_from_db()
    assert (anew.state, anew.artifacts) == ("succeeded", [])
    deletion.video_delete(tenant=tenant, video_id=video.pk, by="test")
    deletion.video_purge(tenant=tenant, video_id=video.pk)
    drain("video")
    assert list(store(Bucket.VIDEO).keys(f"t/{tenant.pk}/")) == []
    assert usage.stored_bytes(tenant.pk) == 0


def test_no_file_is_made_beyond_the_academys_storage(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = media.clip(tmp_path / "a.mp4", size="320x180", rate="10", seconds=2, with_sound=False)
    _, video = transcoded(tenant, clip)
    limits = usage.video_limits_of(tenant)
    full = replace(limits, storage_bytes=usage.stored_bytes(tenant.pk))
    monkeypatch.setattr(usage, "video_limits_of", lambda _: full)
    with pytest.raises(AppError, match="video_storage_full"):
        mp4.download_request(by=Submitter(tenant, "test"), video_id=video.pk)


def test_a_file_of_what_was_replaced_meanwhile_is_not_made(tenant: Tenant, tmp_path: Path) -> None:
    clip = media.clip(tmp_path / "a.mp4", size="320x180", rate="10", seconds=2, with_sound=False)
    _, video = transcoded(tenant, clip)
    client, path = client_of(tenant), f"/api/v1/videos/{video.pk}/download"
    job_id = client.post(path, {}, content_type="application/json").json()["job"]
    Video.unscoped.filter(pk=video.pk).update(output_prefix=video.output_prefix + "new/")
    drain("video")
    job = Job.objects.for_tenant(tenant).get(pk=job_id)
    assert (job.state, job.error_code) == ("failed", "video_superseded")
    assert store(Bucket.VIDEO).head(f"{video.output_prefix}download_180p.mp4") is None


def test_a_remux_that_hangs_is_stopped_and_tried_again(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = media.clip(tmp_path / "a.mp4", size="320x180", rate="10", seconds=2, with_sound=False)
    _, video = transcoded(tenant, clip)
    client, path = client_of(tenant), f"/api/v1/videos/{video.pk}/download"
    job_id = client.post(path, {}, content_type="application/json").json()["job"]
    job = Job.objects.for_tenant(tenant).get(pk=job_id)

    def endless(ffmpeg: str, *_: Any) -> list[str]:
        return [ffmpeg, "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "anullsrc",
                "-f", "null", "-"]  # fmt: skip

    with monkeypatch.context() as hanging:
        hanging.setattr(commands, "STALL_SECONDS", 1.0)
        hanging.setattr(command, "remux", endless)
        run(job)
    assert (job.state, job.error_code) == ("retry_wait", "video_stalled")
    assert not [child for child in psutil.Process().children() if "ffmpeg" in child.name()]
    assert store(Bucket.VIDEO).head(f"{video.output_prefix}download_180p.mp4") is None
    let_wait_pass(job)
    admission.promote_retries()
    drain("video")
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("succeeded", "")
