"""In a real browser: seams, an encrypted lecture, and the early beginning of an unfinished one."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from playwright.sync_api import Page

from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from academy.video import captions, chunks, lecture, playback
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
SEAM_SECONDS = 10
PRESENTED = Path(__file__).resolve().parents[1] / "support" / "presented.js"
BRIGHT = 200
"""A flash; the picture beside it is half as bright."""


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


class Timeline:
    """The pictures of a page's lecture by their numbers."""

    def __init__(self, page: Page, rate: Fraction) -> None:
        self._page = page
        self._begin = of_video(page, "buffered.start(0)")
        self._rate = rate

    def play(self) -> dict[str, Any]:
        """Play all of it; what the browser made of it (see presented.js)."""
        self._page.evaluate(PRESENTED.read_text(), self._begin)
        self._page.locator("#start").click()
        until(self._page, "v.ended && window.presented.frames > 0")
        return dict(self._page.evaluate("window.presented"))

    def place(self, time: float) -> float:
        """Which picture is shown at a time: a whole number where the picture begins."""
        return (time - self._begin) * float(self._rate)

    def shown(self, number: int) -> tuple[float, float]:
        """Show one picture: which it is, and how bright."""
        middle = self._begin + (number + 0.5) / float(self._rate)
        time, brightness = self._page.evaluate("(at) => window.presented.show(at)", middle)
        return self.place(time), brightness


@pytest.mark.parametrize("fps", ["30000/1001", "50"])
def test_a_seam_can_neither_be_seen_nor_heard(
    tenant: Tenant, url: str, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    fps: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 4)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 5)
    source = media.lesson(
        tmp_path / "a.mp4", rate=fps, seconds=SEAM_SECONDS, video=(*media.H264, "-g", "97")
    )
    _, video = submitted(tenant, source, "standard")
    drain("video")
    video.refresh_from_db()
    plan = lecture.loads(store(Bucket.VIDEO).read(video.output_prefix + lecture.PLAN))
    seams = [chunk.first for chunk in plan.chunks[1:]]
    assert len(seams) == 2
    with browser.visit(page_of(url, video)) as page:
        until(page, f"v.readyState === 4 && v.buffered.end(0) > {SEAM_SECONDS}")
        timeline = Timeline(page, Fraction(fps))
        seen = timeline.play()
        assert seen["frames"] == math.ceil(SEAM_SECONDS * Fraction(fps))
        assert of_video(page, "buffered.length") == 1
        places = [timeline.place(time) for time in seen["times"]]
        assert all(after - before > 0.5 for before, after in pairwise(places))
        assert [round(place) for place in places] == pytest.approx(places, abs=0.01)
        # A busy machine leaves pictures out while it plays; none while it stands still.
        for number in (seam + step for seam in seams for step in (-2, -1, 0, 1)):
            assert timeline.shown(number)[0] == pytest.approx(number, abs=0.01)
        assert len(seen["beeps"]) == SEAM_SECONDS / 2
        for beep in map(timeline.place, seen["beeps"]):
            around = [timeline.shown(round(beep) + step) for step in (-2, -1, 0, 1, 2)]
            flash = next(place for place, brightness in around if brightness > BRIGHT)
            assert around[0][1] < BRIGHT
            assert abs(flash - beep) < 1, "sound and pictures are less than a frame apart"


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
    made = {child.child_key: child for child in job.children.order_by("created_at", "id")}
    run(made["early-0000"])
    run(made["audio"])
    with browser.visit(page_of(url, video)) as page:
        play(page)
        assert of_video(page, "videoHeight") == 480
        run(made["early-0001"])
        # Beyond what there was when it began to play.
        reaches(page, 9)
