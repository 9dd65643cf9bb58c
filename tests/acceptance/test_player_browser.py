"""Students in a real browser: a real lecture, a real API, and links that live for seconds.

``PLAYER_PICTURES=docs/images`` keeps the pictures that the documentation shows.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import transaction
from playwright.sync_api import Page, Route, expect

from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.tenants.models import Tenant
from academy.video import manifest, outline, playback, viewings
from academy.video.models import Outline, Video, Watched
from academy.video.outline import Heard
from academy.video.playback import Audience
from academy.video.validate import Damage, Gap, Track
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media
from tests.support.browser import DESKTOP, PHONE, Browser, browser, shoot
from tests.support.jobs import drain, make_tenant
from tests.support.node import NODE
from tests.support.processes import eventually
from tests.support.world import World

__all__ = ["browser"]

EDGE = Path(__file__).resolve().parents[1] / "support" / "edge.mjs"
LECTURE_SECONDS = 48
LINK_SECONDS = 4
LARGEST_PICTURE = 250_000
VIEWER = "student-17"
CHAPTERS = [(0.0, "이차함수의 그래프"), (14.0, "꼭짓점 <찾기> & 축"), (34.0, "풀이")]
SILENCES = [(5.0, 11.0), (11.5, 13.0), (38.0, 44.0)]
CAPTIONS = "WEBVTT\n\n00:00.000 --> 00:59.000\n이차함수의 그래프\n"
STORYBOARD = "WEBVTT\n\n" + "".join(
    f"00:{second:02}.000 --> 00:{second + 8:02}.000\nsprite.jpg#xywh=0,0,160,90\n\n"
    for second in range(0, LECTURE_SECONDS, 8)
)


class Site:
    """An API whose links and heartbeats are counted in seconds, and one lecture."""

    def __init__(self, world: World, url: str, video: Video) -> None:
        self.world = world
        self.url = url
        self.video = video

    def link(self, viewer: str = VIEWER, watermark: str = "", video: Video | None = None) -> str:
        made = playback.player_link(video or self.video, Audience(viewer, watermark)).url
        return self.url + made.removeprefix(django_settings.PUBLIC_BASE_URL)

    @contextmanager
    def watch(self, browser: Browser, link: str = "", **options: Any) -> Iterator[Page]:
        """The page, with the lecture playing; the browser has no say in whether it may."""
        with browser.visit(link or self.link(), **options) as page:
            play(page)
            yield page


def answers_at(url: str) -> bool:
    """Whether an API process listens yet."""
    try:
        urllib.request.urlopen(f"{url}/healthz", timeout=2).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def site(world: World, tmp_path_factory: pytest.TempPathFactory) -> Site:
    _, url = world.api(PLAYBACK_LINK_SECONDS=str(LINK_SECONDS), PLAYBACK_HEARTBEAT_SECONDS="1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "CORS_ORIGINS", [url])
        call_command("ensure_buckets", verbosity=0)
    tenant = make_tenant(plan="start")
    source = media.clip(
        tmp_path_factory.mktemp("lecture") / "a.mp4", size="854x480", rate="10",
        seconds=LECTURE_SECONDS,
    )  # fmt: skip
    job = submit(tenant, uploaded(tenant, source), title="이차함수 1강")
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    video = Video.objects.for_tenant(tenant).select_related("job").get(job=job)
    return Site(world, url, video)


@pytest.fixture(autouse=True)
def afresh(site: Site) -> None:
    """No test inherits what another has watched, or its devices."""
    Watched.unscoped.all().delete()
    Outline.unscoped.all().delete()
    viewings.devices_forget(tenant=site.video.tenant_id, viewer=VIEWER)
    site.video.refresh_from_db()


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Page, str], None]:
    """Takes the picture ``player-<name>.png``, for the documentation where asked for."""
    folder = Path(os.environ.get("PLAYER_PICTURES") or tmp_path)

    def take(page: Page, name: str) -> None:
        target = folder / f"player-{name}.png"
        shoot(page, target)
        assert 5_000 < target.stat().st_size < LARGEST_PICTURE

    return take


def of_video(page: Page, expression: str) -> Any:
    return page.evaluate(f"() => document.getElementById('video').{expression}")


def until(page: Page, expression: str) -> None:
    """Wait for something of the video element. (A bare expression would need eval: see the CSP.)"""
    page.wait_for_function(
        f"() => {{ const v = document.getElementById('video'); return {expression}; }}"
    )


def reaches(page: Page, seconds: float) -> None:
    """Wait until the lecture has played beyond a moment."""
    until(page, f"v.currentTime > {seconds} && !v.seeking && v.readyState > 2")


def play(page: Page) -> None:
    page.locator("#start").click()
    until(page, "!v.paused")
    reaches(page, of_video(page, "currentTime") + 0.3)


def watched_of(site: Site) -> Watched:
    return Watched.unscoped.get(video=site.video, viewer=VIEWER)


# ---------------------------------------------------------------- playing


def test_a_lecture_plays_and_everything_on_the_page_works(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    link = site.link(watermark="한빛학원 17번")
    with site.watch(browser, link) as page:
        frames = of_video(page, "getVideoPlaybackQuality().totalVideoFrames")
        reaches(page, of_video(page, "currentTime") + 0.5)
        assert of_video(page, "getVideoPlaybackQuality().totalVideoFrames") > frames
        expect(page.locator(".watermark")).to_have_text("한빛학원 17번")

        page.locator("#settings").click()
        quality = page.get_by_label("Quality")
        expect(quality.locator("option")).to_have_text(["Auto (480p)", "480p", "360p"])
        picture(page, "settings")
        quality.select_option(label="360p")
        until(page, "v.videoHeight === 360")
        page.get_by_label("Speed").select_option("2")
        assert of_video(page, "playbackRate") == 2

        page.locator("#settings").click()
        page.locator("#stage").focus()
        page.keyboard.press("5")
        reaches(page, LECTURE_SECONDS / 2)
        for key, holds in (
            ("<", "playbackRate === 1.75"),
            ("m", "muted"),
            ("k", "paused"),
            ("0", "currentTime === 0"),
            ("l", "currentTime === 10"),
            ("ArrowLeft", "currentTime === 5"),
            ("j", "currentTime === 0"),
        ):
            page.keyboard.press(key)
            until(page, f"v.{holds}")
        page.keyboard.press("f")
        until(page, "document.fullscreenElement?.id === 'stage'")
        expect(page.locator(".watermark")).to_be_visible()
        page.keyboard.press("f")
        until(page, "!document.fullscreenElement")


def test_links_of_seconds_are_renewed_without_a_hiccup(site: Site, browser: Browser) -> None:
    answers: list[tuple[str, int]] = []
    with browser.visit(site.link()) as page:
        page.on("response", lambda answer: answers.append((answer.url, answer.status)))
        page.evaluate(
            "window.stalls = 0; document.getElementById('video')"
            ".addEventListener('waiting', () => { window.stalls += 1; })"
        )
        play(page)
        stalls = page.evaluate("window.stalls")
        of_video(page, "playbackRate = 2")
        reaches(page, 3 * LINK_SECONDS)
        assert page.evaluate("window.stalls") == stalls
        # Past what is buffered, with links that were given out long ago.
        page.keyboard.press("9")
        reaches(page, LECTURE_SECONDS * 0.9 + 0.5)
    playlists = [url.partition("?")[0] for url, _ in answers if url.endswith("p.m3u8")]
    assert len(playlists) > len(set(playlists)), "playlists were read again for new links"
    assert {status for _, status in answers} <= {200, 201, 206, 302}


def test_segments_come_from_the_edge_worker_where_there_is_a_cdn(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    objects = store(Bucket.VIDEO)
    for key in objects.keys(site.video.output_prefix):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        objects.get_file(key, tmp_path / key)
    port, key = site.world.free_port(), "k2:" + "s" * 40
    edge = subprocess.Popen(
        [NODE, str(EDGE), str(port), str(tmp_path)],
        env={**os.environ, "SIGNING_KEYS": f"k1:{'o' * 40},{key}"},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert edge.stdout is not None
        assert edge.stdout.readline() == "ready\n"
        process, url = site.world.api(
            PLAYBACK_LINK_SECONDS=str(LINK_SECONDS), CDN_BASE_URL=f"http://127.0.0.1:{port}",
            CDN_SIGNING_KEY=key,
        )  # fmt: skip
        eventually(lambda: answers_at(url), 40, "the API with a CDN answers")
        answers: list[tuple[str, int]] = []
        with browser.visit("about:blank") as page:
            page.on("response", lambda answer: answers.append((answer.url, answer.status)))
            page.goto(Site(site.world, url, site.video).link())
            play(page)
            page.keyboard.press("9")
            reaches(page, LECTURE_SECONDS * 0.9 + 0.3)
        process.kill()
    finally:
        edge.kill()
        edge.wait()
        if edge.stdout is not None:
            edge.stdout.close()
    segments = [(url, status) for url, status in answers if ".m4s" in url]
    assert len(segments) > 8
    assert {status for _, status in segments} == {200}
    assert all(url.startswith(f"http://127.0.0.1:{port}/t/") for url, _ in segments)


def test_watching_is_recorded_as_it_was_and_goes_on_after_a_reload(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    with site.watch(browser) as page:
        reaches(page, 2)
        page.keyboard.press("5")
        reaches(page, LECTURE_SECONDS / 2 + 1.5)
        page.keyboard.press("k")
        stopped = of_video(page, "currentTime")
        eventually(
            lambda: abs(watched_of(site).position - stopped) < 0.2, 10, lambda: "no report came"
        )
        row = watched_of(site)
        first, second = row.intervals[0], row.intervals[-1]
        assert len(row.intervals) == 2, row.intervals
        assert first[0] < 0.5
        assert 1.6 <= first[1] < LECTURE_SECONDS / 2 - 5
        assert abs(second[0] - LECTURE_SECONDS / 2) < 0.5
        assert abs(second[1] - stopped) < 0.5
        assert row.seconds < LECTURE_SECONDS / 2, "what was jumped over does not count"

        page.evaluate("localStorage.removeItem('academy.position." + str(site.video.pk) + "')")
        page.reload()
        expect(page.get_by_text("Continuing at 0:2")).to_be_visible()
        until(page, f"Math.abs(v.currentTime - {stopped}) < 1")
        picture(page, "resumed")
        play(page)
        page.get_by_role("button", name="Start over").click()
        until(page, "v.currentTime < 5")


def test_captions_and_the_seek_preview_lie_over_the_picture(
    site: Site, browser: Browser, picture: Callable[[Page, str], None], tmp_path: Path
) -> None:
    sprite = tmp_path / "sprite.jpg"
    media.ffmpeg(*media.pictures("160x90", "1", 1), "-frames:v", "1", str(sprite))

    def with_extras(route: Route) -> None:
        state = route.fetch().json()
        state["captions"] = [{"language": "ko", "label": "한국어", "url": "/c/ko.vtt"}]
        state["storyboard"] = {"vtt_url": f"{site.url}/c/board.vtt"}
        route.fulfill(json=state)

    with browser.visit("about:blank") as page:
        page.route("**/state?*", with_extras)
        page.route("**/c/ko.vtt", lambda route: route.fulfill(body=CAPTIONS))
        page.route("**/c/board.vtt", lambda route: route.fulfill(body=STORYBOARD))
        page.route("**/c/sprite.jpg", lambda route: route.fulfill(path=sprite))
        page.goto(site.link(watermark="한빛학원 17번"))
        play(page)
        lines = page.locator("#caption-lines span")
        expect(lines).to_have_count(0)
        page.keyboard.press("c")
        expect(lines).to_have_text("이차함수의 그래프")
        box = page.locator("#seek").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
        expect(page.locator("#preview-time")).to_have_text("0:36")
        expect(page.locator("#preview-picture")).to_have_css("width", "160px")
        until(page, "performance.getEntriesByName(location.origin + '/c/sprite.jpg').length")
        picture(page, "playing")
        page.get_by_role("button", name="Hide captions").click()
        expect(lines).to_have_count(0)


def outlined(site: Site) -> None:
    """Chapters that somebody wrote, and silences that were heard."""
    video = site.video
    heard = Heard(video.upload_id, new_id(), [], SILENCES)
    with transaction.atomic():
        outline.speech_heard(tenant_id=video.tenant_id, video_id=video.pk, heard=heard)
    outline.chapters_put(tenant=video.tenant, video_id=video.pk, chapters=CHAPTERS)


def test_chapters_are_marked_listed_and_gone_to(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    outlined(site)
    with site.watch(browser) as page:
        expect(page.locator("#chapter-marks i")).to_have_count(2)
        now = page.locator("#chapter-now")
        expect(now).to_have_text(CHAPTERS[0][1])
        page.get_by_role("button", name="Chapters").click()
        chapters = page.locator("#chapter-list button")
        expect(chapters).to_have_text([
            "0:00이차함수의 그래프", "0:14꼭짓점 <찾기> & 축", "0:34풀이"
        ])  # fmt: skip
        expect(chapters.first).to_be_focused()
        picture(page, "chapters")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        until(page, "Math.abs(v.currentTime - 14) < 2")
        expect(now).to_have_text(CHAPTERS[1][1])
        expect(page.locator("#chapter-list")).to_be_hidden()
        page.keyboard.press("]")
        until(page, "v.currentTime >= 34 && v.currentTime < 36")
        page.keyboard.press("[")
        until(page, "v.currentTime >= 14 && v.currentTime < 16")
        box = page.locator("#seek").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
        expect(page.locator("#preview-chapter")).to_have_text("풀이")


def test_silences_are_jumped_over_and_are_not_watched(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    outlined(site)
    with site.watch(browser) as page:
        page.keyboard.press("s")
        expect(page.locator("#said")).to_have_text("Skipping silence over 2 s")
        page.evaluate(
            "window.seen = []; const v = document.getElementById('video');"
            "v.addEventListener('timeupdate', () => window.seen.push(v.currentTime))"
        )
        of_video(page, "currentTime = 4.5")
        reaches(page, 11.3)
        notice = page.locator("#jumped")
        expect(notice).to_have_text("Skipped 5 s of silence · 0:05 saved")
        picture(page, "silence")
        until(page, "v.currentTime > 12.5")
        seen = page.evaluate("window.seen")
        (begin, end), (short, _) = SILENCES[:2]
        assert not [at for at in seen if begin + 1.2 < at < end - 0.5], "the silence was skipped"
        assert [at for at in seen if short < at < short + 1.5], "a short one was not"
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("k")
        until(page, "v.paused")
        stopped = of_video(page, "currentTime")
        assert begin < stopped < end, "a step back into a silence is the viewer's wish"
        # The k of a keyboard that writes Hangul.
        page.evaluate(
            "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ㅏ', code: 'KeyK'}))"
        )
        reaches(page, stopped + 0.7)
        assert of_video(page, "currentTime") < end
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Skip silence").select_option(label="Off")
        eventually(lambda: watched_of(site).seconds > 4, 10, lambda: "no report came")
        watched = watched_of(site).intervals
        silent = [one for one in watched if one[0] < begin + 0.5 and one[1] > end - 0.5]
        assert not silent, watched


def test_what_was_lost_of_a_recording_is_said_below_the_picture(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    lost = manifest._damage_message(Damage(48, 48, 3, (Gap(Track.SOUND, 12, 20),)))
    site.video.manifest = {**(site.video.manifest or {}), "damage": {"message": lost}}
    site.video.save(update_fields=["manifest"])
    try:
        with site.watch(browser, size=PHONE) as page:
            expect(page.locator(".warning")).to_have_text(lost["en"])
            page.get_by_role("button", name="한국어").click()
            expect(page.locator(".warning")).to_have_text(lost["ko"])
            picture(page, "damaged")
    finally:
        site.video.manifest = {**site.video.manifest, "damage": None}
        site.video.save(update_fields=["manifest"])


def test_a_telephone_has_all_of_it(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    outlined(site)
    with site.watch(browser, site.link(watermark="한빛학원 17번"), size=PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        for name in ("Pause", "Back 10 seconds", "Forward 10 seconds", "Chapters", "Settings",
                     "Full screen"):  # fmt: skip
            button = page.get_by_role("button", name=name, exact=True)
            expect(button).to_be_in_viewport(ratio=1)
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 40, name
        page.get_by_role("button", name="한국어").click()
        expect(page.get_by_role("button", name="일시정지")).to_be_visible()
        picture(page, "phone")
        stage = page.locator("#stage").bounding_box()
        assert stage is not None
        before = of_video(page, "currentTime")
        for _ in range(2):
            page.touchscreen.tap(stage["x"] + stage["width"] * 0.85, stage["y"] + 60)
        until(page, f"v.currentTime >= {before + 9}")


# ---------------------------------------------------------------- endings


def test_a_revocation_ends_what_plays_and_says_so(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    with site.watch(browser, forgive=("403",)) as page:
        viewings.video_revoke(tenant=site.video.tenant_id, video_id=site.video.pk)
        expect(page.get_by_role("heading", level=2)).to_have_text("Playback has stopped")
        expect(
            page.get_by_text("The academy has changed who may watch this video.")
        ).to_be_visible()
        assert of_video(page, "paused")
        picture(page, "revoked")
        page.reload()
        expect(page.get_by_role("heading", level=2)).to_have_text("This link cannot be opened")


def test_a_second_device_takes_over_and_the_first_can_take_it_back(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    with site.watch(browser, forgive=("409",)) as laptop:
        reaches(laptop, 1.5)
        with site.watch(browser, forgive=("409",), size=PHONE) as phone:
            expect(laptop.get_by_text("The video plays on another device")).to_be_visible()
            picture(laptop, "replaced")
            laptop.get_by_role("button", name="Watch here").click()
            expect(phone.get_by_role("button", name="Watch here")).to_be_visible()
            until(laptop, "v.readyState > 2")
            assert of_video(laptop, "currentTime") > 1, "it goes on where it was"


def test_a_page_waits_with_its_reader_in_the_readers_language(
    site: Site, browser: Browser, picture: Callable[[Page, str], None]
) -> None:
    tenant = Tenant.objects.get(pk=site.video.tenant_id)
    upload = site.video.upload
    job = submit(tenant, upload, title="이차함수 2강")
    job.__class__.unscoped.filter(pk=job.pk).update(
        step="transcoding", percent=42.0, eta_seconds=95.0
    )
    video = Video.unscoped.get(job=job)
    with browser.visit(site.link(video=video), size=DESKTOP) as page:
        expect(page.get_by_text("Converting · 42 % · about 1:35 left")).to_be_visible()
        page.get_by_role("button", name="한국어").click()
        expect(page.get_by_text("변환 중 · 42 % · 약 1:35 남음")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "ko")
        picture(page, "waiting")


def test_the_keyboard_alone_is_enough_and_every_control_has_a_name(
    site: Site, browser: Browser
) -> None:
    with site.watch(browser) as page:
        page.locator("#play").focus()
        page.keyboard.press("Space")
        until(page, "v.paused")
        seen = []
        for _ in range(12):
            seen.append(page.evaluate("document.activeElement.id"))
            page.keyboard.press("Tab")
        assert {"play", "back", "forward", "mute", "volume", "settings", "fullscreen"} <= set(seen)
        tree = json.dumps(page.locator("#stage").aria_snapshot())
        assert 'button \\"Play\\"' in tree
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, input, select')].filter(e => e.offsetParent &&"
            " !(e.ariaLabel || e.labels?.length || e.textContent.trim())).map(e => e.id)"
        )
        assert unnamed == []
