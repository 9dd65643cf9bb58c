"""The profile `encrypted`: what is stored is ciphertext, and a signed link plays it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.tenants.models import Tenant
from academy.video import chunks, encryption, fmp4, mp4, playback
from academy.video.handlers import transcode
from academy.video.models import ContentKey, Video
from tests.integration.test_video_transcode import uploaded
from tests.support import media, stream
from tests.support.jobs import drain, make_tenant

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

RATE = 10


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def encrypted(tenant: Tenant, path: Path) -> tuple[Job, Video]:
    params = {
        "upload": str(uploaded(tenant, path).pk), "title": "Lesson 1", "profile": "encrypted",
    }  # fmt: skip
    (job,) = jobs_submit(by=Submitter(tenant, "test"), orders=[Order("video.transcode", params)])
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    return job, Video.objects.for_tenant(tenant).get(job=job)


@pytest.mark.parametrize("is_divided", [False, True])
def test_an_encrypted_lecture_plays_by_its_link_and_not_without(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_divided: bool
) -> None:
    monkeypatch.setattr(encryption, "SEGMENTS_PER_KEY", 2)
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 8)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 10 if is_divided else 60)
    source = media.clip(tmp_path / "a.mp4", size="640x480", rate=str(RATE), seconds=18)
    job, video = encrypted(tenant, source)
    assert job.children.exists() is is_divided
    assert video.manifest["encrypted"]

    # Five segments, two to a key: the keys rotate, and none of them lies beside the media.
    assert ContentKey.objects.for_tenant(tenant).filter(digest=video.digest).count() == 3
    keys = list(store(Bucket.VIDEO).keys(f"t/{tenant.pk}/jobs/"))
    segments = [key for key in keys if key.endswith(".m4s")]
    assert segments
    assert not [key for key in keys if key.endswith(".key")]
    with pytest.raises(fmp4.Fmp4Error):
        fmp4.read_fragment(store(Bucket.VIDEO).read(segments[0]))

    folder = stream.saved(playback.media_link(video).url, tmp_path / "out").parent
    for name in ("480p", "360p"):
        (rung,) = folder.glob(f"*-{name}.m3u8")
        assert len(stream.frames(rung)) == 18 * RATE
    (listed,) = folder.glob("*-audio.m3u8")
    sound = stream.frames(listed, stream="0:a:0")
    assert abs(sound[-1][0] / 48_000 - 1 - 18) < 0.1


def test_a_key_leaves_through_a_valid_link_alone(tenant: Tenant, tmp_path: Path) -> None:
    source = media.clip(tmp_path / "a.mp4", size="320x180", rate=str(RATE), seconds=3)
    _, video = encrypted(tenant, source)
    url = playback.media_link(video, "180p.m3u8").url
    found = re.search(r'METHOD=AES-128,URI="([^"]+)"', stream.get(url).decode())
    assert found is not None
    path = url.replace("http://testserver", "").rsplit("/", 1)[0].split("/media/")[1]
    answer = Client().get(f"/media/{path}/{found[1]}")
    assert len(answer.content) == encryption.KEY_BYTES
    assert answer["Cache-Control"] == "no-store"
    assert Client().get(f"/media/{path[:-2]}AA/{found[1]}").status_code == 403
    assert Client().get(f"/media/{path}/180p_00009.key").status_code == 404
    with pytest.raises(AppError, match="video_download_forbidden"):
        mp4.download_request(by=Submitter(tenant, "test"), video_id=video.pk)


def test_keys_move_under_a_new_secret_and_still_play(
    tenant: Tenant, tmp_path: Path, settings: Settings
) -> None:
    source = media.clip(tmp_path / "a.mp4", size="320x180", rate=str(RATE), seconds=3)
    _, video = encrypted(tenant, source)
    name = encryption.key_name("180p", 0)

    def key() -> bytes:
        return encryption.key_read(tenant=tenant.pk, digest=video.digest, name=name)

    before = key()
    old = settings.VIDEO_KEY_SECRETS
    settings.VIDEO_KEY_SECRETS = ["new-".ljust(40, "n"), *old]
    call_command("video_keys_reseal")
    settings.VIDEO_KEY_SECRETS = ["new-".ljust(40, "n")]
    assert key() == before
    settings.VIDEO_KEY_SECRETS = old
    with pytest.raises(AppError, match="video_key_unavailable"):
        key()
