"""In a real browser: an encrypted lecture, and the early beginning of one that is not finished."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command

from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from academy.video import captions, chunks, playback
from academy.video.handlers import transcode
from academy.video.models import Video
from tests.acceptance.test_player_browser import of_video, play, reaches, until
from tests.integration.test_video_transcode import uploaded
from tests.support import media
from tests.support.browser import Browser, browser
from tests.support.jobs import drain, make_tenant, run
from tests.support.world import World

__all__ = ["browser"]

RATE = 10


@pytest.fixture(scope="module")
def url(world: World) -> str:
    _, found = world.api()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "CORS_ORIGINS", [found])
        call_command("ensure_buckets", verbosity=0)
    return found


@pytest.fixture
def tenant(url: str) -> Tenant:
    return make_tenant(plan="start")


def submitted(tenant: Tenant, path: Path, profile: str) -> tuple[Job, Video]:
    params = {"upload": str(uploaded(tenant, path).pk), "title": "이차함수 2강", "profile": profile}
    job = job_submit(by=Submitter(tenant, "test"), order=Order("video.transcode", params))
    return job, Video.objects.for_tenant(tenant).get(job=job)


def page_of(url: str, video: Video) -> str:
    link = playback.player_link(video).url
    return url + link.removeprefix(django_settings.PUBLIC_BASE_URL)


def test_an_encrypted_lecture_plays_across_a_change_of_keys(
    tenant: Tenant, url: str, browser: Browser, tmp_path: Path
) -> None:
    source = media.clip(tmp_path / "a.mp4", size="320x180", rate=str(RATE), seconds=70)
    job, video = submitted(tenant, source, "encrypted")
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    captions.caption_put(
        tenant=tenant, video_id=video.pk, language="ko",
        data="1\n00:00:58,000 --> 00:01:05,000\n새 열쇠\n".encode(),
    )  # fmt: skip
    video.refresh_from_db()
    with browser.visit(page_of(url, video)) as page:
        play(page)
        # Segment 15 is the first under the second key.
        page.evaluate("() => { document.getElementById('video').currentTime = 58; }")
        reaches(page, 61)
        page.keyboard.press("c")
        until(page, "[...v.textTracks].some((t) => [...(t.activeCues || [])].length)")
        assert of_video(page, "error") is None


def test_the_early_beginning_plays_and_grows(
    tenant: Tenant, url: str, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 8)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 10)
    source = media.clip(tmp_path / "a.mp4", size="640x480", rate=str(RATE), seconds=24)
    job, video = submitted(tenant, source, "standard")
    run(job)
    made = {child.child_key: child for child in job.children.all()}
    run(made["early-0000"])
    run(made["audio"])
    with browser.visit(page_of(url, video)) as page:
        play(page)
        assert of_video(page, "videoHeight") == 480
        run(made["early-0001"])
        # Beyond what there was when it began to play.
        reaches(page, 9)
