"""Videos over REST, signed links, the player page, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.test import Client

from academy.core import clock
from academy.core.ids import new_id
from academy.core.masking import mask
from academy.core.storage import Bucket, store
from academy.jobs.cancel import job_cancel
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from academy.video import cdn, playback
from academy.video.models import Video
from tests.support.jobs import make_job, make_tenant, run
from tests.support.openapi import Document

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

MASTER = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n360p.m3u8\n"
MEDIA = b"""#EXTM3U
#EXT-X-MAP:URI="360p_init.mp4"
#EXTINF:4.000000,
360p_00000.m4s
#EXT-X-ENDLIST
"""
SEGMENT = bytes(range(256)) * 8


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def client_of(tenant: Tenant, *scopes: str) -> Client:
    key = key_create(
        tenant=tenant, name=new_id().hex[-8:], scopes=frozenset(scopes or {"videos:read"})
    )
    return Client(headers={"Authorization": f"Bearer {key.token}"})


def video_of(tenant: Tenant, *, ready: bool = True, title: str = "Lesson 1") -> Video:
    """A video with a job that waits, and, when ready, an output of three objects."""
    upload = Upload.objects.for_tenant(tenant).create(
        bucket="video", key=f"t/{tenant.pk}/uploads/{new_id()}/source", filename="a.mp4", size=1,
        content_type="video/mp4", purpose="video", state=UploadState.COMPLETE,
        completed_at=clock.now(), expires_at=clock.now(),
    )  # fmt: skip
    params = {"upload": str(upload.pk), "title": title}
    job = make_job(tenant, "video.transcode", params=params)
    video = Video.objects.for_tenant(tenant).create(title=title, upload=upload, job=job)
    if ready:
        video.output_prefix = f"t/{tenant.pk}/jobs/{job.pk}/a1/"
        video.manifest = {"damaged": False, "damage": None, "renditions": []}
        video.duration = 60.0
        video.save()
        objects = store(Bucket.VIDEO)
        objects.put_bytes(video.output_prefix + "master.m3u8", MASTER, "application/x-mpegurl")
        objects.put_bytes(video.output_prefix + "360p.m3u8", MEDIA, "application/x-mpegurl")
        for name in ("360p_init.mp4", "360p_00000.m4s"):
            objects.put_bytes(video.output_prefix + name, SEGMENT, "video/mp4")
        objects.put_bytes(video.output_prefix + "manifest.json", b"{}", "application/json")
    return video


def path_of(url: str) -> str:
    assert url.startswith(django_settings.PUBLIC_BASE_URL)
    return url.removeprefix(django_settings.PUBLIC_BASE_URL)


def media_path(video: Video, name: str = "master.m3u8") -> str:
    return path_of(playback.media_link(video, name).url)


def session_of(video: Video, **fields: Any) -> dict[str, Any]:
    """What a page that opens a video's link is given to play."""
    path, _, query = path_of(playback.player_link(video).url).partition("?")
    answer = Client().post(
        f"{path}/viewings?{query}", {"device": "d" * 22, **fields}, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def code_of(response: Any) -> str:
    return str(response.json()["error"]["code"])


# ---------------------------------------------------------------- media


def test_the_master_playlist_is_served_as_it_is(tenant: Tenant) -> None:
    listed = Client().get(media_path(video_of(tenant)))
    assert (listed.status_code, listed.content) == (200, MASTER)
    assert listed["Content-Type"] == "application/vnd.apple.mpegurl"


def test_a_media_playlist_leads_straight_to_the_object_store(tenant: Tenant) -> None:
    path = media_path(video_of(tenant)).replace("master", "360p")
    lines = Client().get(path).content.decode().splitlines()
    segment = next(line for line in lines if not line.startswith("#"))
    init = next(line for line in lines if line.startswith("#EXT-X-MAP")).split('"')[1]
    for url in (segment, init):
        assert url.startswith(django_settings.R2_PUBLIC_ENDPOINT_URL)
        fetched = httpx.get(url, headers={"Range": "bytes=0-99"})
        assert (fetched.status_code, fetched.content) == (206, SEGMENT[:100])
    assert [line for line in lines if line.startswith("#EXTINF")] == ["#EXTINF:4.000000,"]


def test_the_addresses_in_a_playlist_work_as_long_as_the_link_to_it(tenant: Tenant) -> None:
    video = video_of(tenant)
    link = playback.media_link(video, "360p.m3u8")
    with clock.frozen(link.expires_at - timedelta(seconds=100)):
        text = Client().get(path_of(link.url)).content.decode()
    assert set(re.findall(r"X-Amz-Expires=(\d+)", text)) == {"100"}


def test_a_segment_and_a_poster_are_redirects_that_work(tenant: Tenant) -> None:
    segment = Client().get(media_path(video_of(tenant), "360p_00000.m4s"))
    assert segment.status_code == 302
    assert httpx.get(segment["Location"]).content == SEGMENT


def test_media_answers_head_and_refuses_to_be_written(tenant: Tenant) -> None:
    path = media_path(video_of(tenant))
    assert Client().head(path).status_code == 200
    assert Client().post(path).status_code == 405


def test_a_link_works_until_it_expires(tenant: Tenant) -> None:
    video = video_of(tenant)
    link = playback.media_link(video)
    assert link.expires_at - clock.now() >= playback.lasting(video)
    with clock.frozen(link.expires_at - timedelta(seconds=1)):
        assert Client().get(path_of(link.url)).status_code == 200
    with clock.frozen(link.expires_at):
        response = Client().get(path_of(link.url))
    assert (response.status_code, code_of(response)) == (403, "playback_link_expired")


def test_links_signed_within_a_quarter_of_an_hour_are_the_same(tenant: Tenant) -> None:
    video = video_of(tenant)
    start = clock.now().replace(minute=0)
    with clock.frozen(start):
        first = playback.media_link(video)
    with clock.frozen(start + timedelta(minutes=10)):
        assert playback.media_link(video) == first


def test_every_changed_character_of_a_token_is_noticed(tenant: Tenant) -> None:
    token = media_path(video_of(tenant)).split("/")[2]
    for position, letter in enumerate(token):
        other = "A" if letter != "A" else "B"
        response = Client().get(
            f"/media/{token[:position]}{other}{token[position + 1 :]}/master.m3u8"
        )
        assert (response.status_code, code_of(response)) == (403, "playback_link_invalid"), position


@pytest.mark.parametrize("token", ["x", "=" * 56, "A" * 56, "ä" * 40, "A" * 5000, "%00"])
def test_what_is_no_token_is_refused(tenant: Tenant, token: str) -> None:
    assert Client().get(f"/media/{token}/master.m3u8").status_code in {400, 403}


def test_a_token_of_one_video_opens_no_other(tenant: Tenant) -> None:
    one, other = video_of(tenant), video_of(make_tenant())
    token = media_path(one).split("/")[2]
    data = bytearray(base64.urlsafe_b64decode(token + "=="[: -len(token) % 4]))
    data[:16] = other.pk.bytes
    forged = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    response = Client().get(f"/media/{forged}/master.m3u8")
    assert (response.status_code, code_of(response)) == (403, "playback_link_invalid")


def test_a_token_opens_nothing_once_the_video_points_elsewhere(tenant: Tenant) -> None:
    video = video_of(tenant)
    path = media_path(video)
    video.output_prefix = video.output_prefix.replace("/a1/", "/a2/")
    video.save()
    assert code_of(Client().get(path)) == "playback_link_invalid"


def test_a_link_to_a_poster_plays_nothing(tenant: Tenant) -> None:
    video = video_of(tenant)
    path = path_of(playback.poster_link(video).url)
    assert Client().get(path).status_code == 302
    for name in ("master.m3u8", "360p.m3u8", "360p_00000.m4s", "360p_00000.key"):
        refused = Client().get(path.replace("poster.jpg", name))
        assert (refused.status_code, code_of(refused)) == (403, "playback_link_invalid"), name


def test_a_link_to_what_plays_opens_the_poster_as_well(tenant: Tenant) -> None:
    path = media_path(video_of(tenant))
    assert Client().get(path.replace("master.m3u8", "poster.jpg")).status_code == 302


def test_a_player_token_is_no_media_token(tenant: Tenant) -> None:
    video = video_of(tenant)
    token = playback.player_link(video).url.partition("token=")[2]
    assert Client().get(f"/media/{token}/master.m3u8").status_code == 403


@pytest.mark.parametrize(
    "name",
    ["manifest.json", "..", "%2e%2e", "..%2fa2%2fmaster.m3u8", "..%2F..%2F..%2Fuploads", "a.exe",
     "master.m3u8%0a", "MASTER.M3U8", "%2fetc%2fpasswd", "a%5cb.m3u8", "x" * 300 + ".m3u8"],
)  # fmt: skip
def test_only_names_of_an_output_can_be_asked_for(tenant: Tenant, name: str) -> None:
    token = media_path(video_of(tenant)).split("/")[2]
    response = Client().get(f"/media/{token}/{name}")
    assert response.status_code == 404
    assert code_of(response) == "not_found"


def test_a_playlist_that_is_not_there_is_a_404(tenant: Tenant) -> None:
    token = media_path(video_of(tenant)).split("/")[2]
    response = Client().get(f"/media/{token}/720p.m3u8")
    assert (response.status_code, code_of(response)) == (404, "object_missing")


def test_no_token_is_written_to_a_log(tenant: Tenant) -> None:
    path = media_path(video_of(tenant))
    assert mask(f"GET {path} 200") == "GET /media/***/master.m3u8 200"


# ---------------------------------------------------------------- REST


def test_a_ready_video_has_links_that_play_without_a_key(tenant: Tenant) -> None:
    video = video_of(tenant)
    body = client_of(tenant).get(f"/api/v1/videos/{video.pk}").json()
    assert (body["state"], body["duration"], body["progress"]) == ("ready", 60.0, None)
    assert Client().get(path_of(body["playback"]["master_url"])).content == MASTER
    assert Client().get(path_of(body["playback"]["poster_url"])).status_code == 302
    assert Client().get(path_of(body["playback"]["player_url"])).status_code == 200


def test_a_waiting_video_shows_progress_and_no_playback(tenant: Tenant) -> None:
    video = video_of(tenant, ready=False)
    body = client_of(tenant).get(f"/api/v1/videos/{video.pk}").json()
    assert (body["state"], body["playback"], body["manifest"]) == ("waiting", None, None)
    assert body["progress"].items() >= {"step": "", "percent": 0.0, "eta_seconds": None}.items()
    assert {step["state"] for step in body["progress"]["steps"]} == {"waiting"}


def test_a_failed_video_says_why_in_both_languages(tenant: Tenant, tmp_path: Path) -> None:
    video = video_of(tenant, ready=False)
    store(Bucket.VIDEO).put_bytes(video.upload.key, b"x", "video/mp4")
    run(video.job)
    body = client_of(tenant).get(f"/api/v1/videos/{video.pk}").json()
    assert (body["state"], body["error"]["code"]) == ("failed", "video_not_media")
    assert body["error"]["message"]["ko"]
    assert body["error"]["action"]["en"]


def test_the_answers_are_what_the_openapi_document_says(tenant: Tenant) -> None:
    document = Document()
    video = video_of(tenant)
    video_of(tenant, ready=False)
    for path in ("/api/v1/videos", f"/api/v1/videos/{video.pk}"):
        response = client_of(tenant).get(path)
        document.check_answer(
            "GET", path, response.status_code, "application/json", response.json()
        )


def test_the_list_is_filtered_by_state_and_paged(tenant: Tenant) -> None:
    ready = [video_of(tenant, title=f"Lesson {number}") for number in range(3)]
    waiting = video_of(tenant, ready=False)
    cancelled = video_of(tenant, ready=False)
    job_cancel(tenant=tenant, job_id=cancelled.job_id)
    video_of(make_tenant())
    client = client_of(tenant)

    def ids(query: str) -> list[str]:
        return [item["id"] for item in client.get(f"/api/v1/videos?{query}").json()["items"]]

    assert ids("") == [str(v.pk) for v in [cancelled, waiting, *reversed(ready)]]
    assert ids("state=ready") == [str(v.pk) for v in reversed(ready)]
    assert ids("state=waiting&state=cancelled") == [str(cancelled.pk), str(waiting.pk)]
    first = client.get("/api/v1/videos?limit=2").json()
    second = client.get(f"/api/v1/videos?limit=3&cursor={first['next_cursor']}").json()
    assert [v["id"] for v in second["items"]] == [str(v.pk) for v in reversed(ready)]
    assert second["next_cursor"] is None
    assert client.get("/api/v1/videos?state=nonsense").status_code == 400
    assert client.get("/api/v1/videos?colour=blue").status_code == 400


def test_another_academy_and_a_key_without_the_scope_see_nothing(tenant: Tenant) -> None:
    video = video_of(tenant)
    path = f"/api/v1/videos/{video.pk}"
    assert client_of(make_tenant()).get(path).status_code == 404
    assert client_of(make_tenant()).get("/api/v1/videos").json()["items"] == []
    assert client_of(tenant, "jobs:read").get(path).status_code == 403
    assert Client().get(path).status_code == 401


# ---------------------------------------------------------------- player


def test_the_player_page_uses_only_scripts_and_styles_of_our_own(tenant: Tenant) -> None:
    video = video_of(tenant, title="<b>Vectors</b> & more")
    page = Client().get(path_of(playback.player_link(video).url))
    assert page.status_code == 200
    text = page.content.decode()
    assert "&lt;b&gt;Vectors&lt;/b&gt; &amp; more" in text
    sources = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert len(sources) == 9
    for source in sources:
        assert source.startswith("/static/video/")
        assert finders.find(source.removeprefix("/static/"))
    policy = page["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert django_settings.R2_PUBLIC_ENDPOINT_URL in policy


def test_the_page_tells_its_state_to_whoever_has_the_link(tenant: Tenant) -> None:
    video = video_of(tenant)
    path, _, query = path_of(playback.player_link(video).url).partition("?")
    body = Client().get(f"{path}/state?{query}").json()
    assert (body["state"], body["title"], body["watermark"]) == ("ready", "Lesson 1", "")
    assert Client().get(path_of(body["poster_url"])).status_code == 302
    assert Client().get(f"{path}/state").status_code == 403


# ---------------------------------------------------------------- links that are renewed


def segment_of(text: str) -> str:
    return next(line for line in text.splitlines() if line and not line.startswith("#"))


def test_a_page_gets_links_to_segments_that_live_for_minutes(tenant: Tenant) -> None:
    path = path_of(session_of(video_of(tenant))["master_url"]).replace("master", "360p")
    answer = Client().get(path)
    seconds = int(re.findall(r"X-Amz-Expires=(\d+)", segment_of(answer.content.decode()))[0])
    assert 300 <= seconds <= 600
    assert abs(int(answer["X-Link-Seconds"]) - seconds) <= 1
    assert answer["Cache-Control"] == "no-store"
    with clock.shifted(timedelta(seconds=3600)):
        assert 300 <= int(Client().get(path)["X-Link-Seconds"]) <= 600, "and can be had again"


def test_a_page_that_cannot_renew_gets_links_for_the_whole_lecture(tenant: Tenant) -> None:
    video = video_of(tenant)
    session = session_of(video, renews=False)
    path = path_of(session["master_url"]).replace("master", "360p")
    assert int(Client().get(path)["X-Link-Seconds"]) >= playback.lasting(video).total_seconds() - 5


def test_all_who_read_a_playlist_in_the_same_minutes_read_the_same_text(tenant: Tenant) -> None:
    video = video_of(tenant)
    with clock.frozen(clock.now().replace(minute=1, second=0)):
        texts = {
            Client().get(path_of(session_of(video)["master_url"]).replace("master", "360p")).content
            for _ in range(2)
        }
    assert len(texts) == 1


# ---------------------------------------------------------------- who may watch


def test_a_new_policy_ends_every_link_and_says_so(tenant: Tenant) -> None:
    video = video_of(tenant)
    player, master = path_of(playback.player_link(video).url), media_path(video)
    session = path_of(session_of(video)["master_url"])
    answer = client_of(tenant, "videos:write").post(f"/api/v1/videos/{video.pk}/revoke")
    assert answer.json() == {"policy_version": 2, "viewings_ended": 0}
    for path in (master, session, master.replace("master", "360p")):
        refused = Client().get(path)
        assert (refused.status_code, code_of(refused)) == (403, "playback_revoked")
    assert reason_on(Client().get(player))["en"].startswith("The academy has changed who may watch")
    video.refresh_from_db()
    assert Client().get(path_of(playback.player_link(video).url)).status_code == 200
    assert Client().get(path_of(session_of(video)["master_url"])).status_code == 200


def test_a_policy_version_cannot_be_chosen_by_the_holder(tenant: Tenant) -> None:
    video = video_of(tenant)
    token = media_path(video).split("/")[2]
    data = bytearray(base64.urlsafe_b64decode(token + "=="[: -len(token) % 4]))
    data[20:24] = (2).to_bytes(4, "big")
    Video.unscoped.filter(pk=video.pk).update(policy_version=2)
    forged = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert code_of(Client().get(f"/media/{forged}/master.m3u8")) == "playback_link_invalid"


def test_a_deleted_video_ends_every_link_and_says_so(tenant: Tenant) -> None:
    video = video_of(tenant)
    player, master = path_of(playback.player_link(video).url), media_path(video)
    Video.unscoped.filter(pk=video.pk).update(deleted_at=clock.now())
    refused = Client().get(master)
    assert (refused.status_code, code_of(refused)) == (410, "playback_gone")
    assert reason_on(Client().get(player))["ko"].startswith("이 영상은 삭제되었습니다.")


# ---------------------------------------------------------------- a CDN


def test_with_a_cdn_segments_are_read_there_by_links_that_it_checks(
    tenant: Tenant, settings: Any
) -> None:
    settings.CDN_BASE_URL, settings.CDN_SIGNING_KEY = "https://cdn.example.kr", "k1:" + "s" * 40
    video = video_of(tenant)
    session = session_of(video)
    text = Client().get(path_of(session["master_url"]).replace("master", "360p")).content.decode()
    url = segment_of(text)
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    assert (parts.netloc, parts.path) == ("cdn.example.kr", f"/{video.output_prefix}360p_00000.m4s")
    assert 300 <= int(query["exp"][0]) - clock.now().timestamp() <= 600
    key = cdn.SigningKey("k1", "s" * 40)
    signed = cdn.signature(key, parts.path, expires=int(query["exp"][0]), policy=1)
    assert (query["pv"], query["kid"], query["sig"]) == (["1"], ["k1"], [signed])
    assert "X-Amz" not in text
    poster = Client().get(media_path(video, "poster.jpg"))
    assert poster["Location"].startswith("https://cdn.example.kr/t/")
    page = Client().get(path_of(playback.player_link(video).url))
    assert "https://cdn.example.kr" in page["Content-Security-Policy"]


@pytest.mark.parametrize(("accept", "language"), [("en-GB,en", "en"), ("ko", "ko"), ("fr", "ko")])
def test_the_page_speaks_the_readers_language(tenant: Tenant, accept: str, language: str) -> None:
    link = path_of(playback.player_link(video_of(tenant)).url)
    page = Client().get(link, headers={"Accept-Language": accept})
    assert f'<html lang="{language}">' in page.content.decode()


def reason_on(page: Any) -> dict[str, str]:
    found = re.search(r'<script id="problem"[^>]*>(.*?)</script>', page.content.decode())
    assert found
    reason: dict[str, str] = json.loads(found[1])
    return reason


def test_a_bad_player_link_is_a_page_that_says_why(tenant: Tenant) -> None:
    video, other = video_of(tenant), video_of(tenant)
    link = playback.player_link(video)
    foreign = path_of(link.url).replace(str(video.pk), str(other.pk))
    page = Client().get(foreign)
    assert page.status_code == 403
    assert reason_on(page)["ko"].startswith("재생 링크가 올바르지 않습니다.")
    assert other.title not in page.content.decode()
    with clock.frozen(link.expires_at):
        expired = Client().get(path_of(link.url))
    assert reason_on(expired)["en"].startswith("The playback link has expired.")
    assert Client().get(f"/player/{new_id()}?token=AAAA").status_code == 403


def test_the_vendored_script_is_the_one_that_was_reviewed() -> None:
    folder = Path(django_settings.BASE_DIR) / "academy/video/static/video/vendor"
    script = (folder / "hls.min.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() in (folder / "README.md").read_text()
    # Django's manifest storage fails on a map that is not there.
    assert b"\n//# sourceMappingURL" not in script
