"""The beginning of a lecture plays while the rest of it is still being encoded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.video import captions, chunks, early, playback
from academy.video.handlers import transcode
from academy.video.models import Video
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media, stream
from tests.support.jobs import drain, make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets", "short_chunks"),
]

RATE = 10


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 8)
    monkeypatch.setattr(transcode, "DIRECT_SECONDS", 10)


def parts(job: Job) -> dict[str, Job]:
    return {child.child_key: child for child in job.children.order_by("created_at", "id")}


def segments_of(text: str) -> list[str]:
    """The segments of a playlist, without the signatures of their addresses."""
    return [line.partition("?")[0] for line in text.splitlines() if line.startswith("http")]


def picture_of(link: str, folder: Path) -> Path:
    """The stream behind a link, fetched; the playlist of its pictures."""
    (listed,) = stream.saved(link, folder).parent.glob(f"*-{early.PICTURE}")
    return listed


def seconds_of(text: str) -> float:
    return sum(float(found) for found in re.findall(r"#EXTINF:([\d.]+)", text))


def current(video: Video) -> Video:
    return Video.objects.for_tenant(video.tenant_id).select_related("job").get(pk=video.pk)


def test_the_first_pieces_play_while_later_ones_are_missing(tenant: Tenant, tmp_path: Path) -> None:
    source = media.clip(tmp_path / "a.mp4", size="640x480", rate=str(RATE), seconds=24)
    job = submit(tenant, uploaded(tenant, source))
    video = Video.objects.for_tenant(tenant).get(job=job)
    assert not early.is_playable(video)
    run(job)
    made = parts(job)
    assert list(made)[:3] == ["early-0000", "audio", "early-0001"]

    # Pictures alone are no beginning: nobody wants a lecture without its teacher's voice.
    run(made["early-0000"])
    assert not early.is_playable(current(video))
    run(made["audio"])
    video = current(video)
    assert early.is_playable(video)
    link = playback.media_link(video).url
    # There is no end yet: this ffmpeg looks twice for more, and then leaves.
    leaving = ("-live_start_index", "0", "-m3u8_hold_counters", "2")
    first = picture_of(link, tmp_path / "first")
    assert len(stream.frames(first, *leaving)) == 8 * RATE
    text = stream.get(link.replace(early.MASTER, early.PICTURE)).decode()
    sound = stream.get(link.replace(early.MASTER, early.SOUND)).decode()
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
    assert "#EXT-X-ENDLIST" not in text + sound
    assert abs(seconds_of(sound) - 8) < 0.1

    # A piece behind a hole does not count yet; the hole filled, both do.
    run(made["chunk-0002"])
    assert segments_of(stream.get(link.replace(early.MASTER, early.PICTURE)).decode()) == (
        segments_of(text)
    )
    run(made["early-0001"])
    grown = stream.get(link.replace(early.MASTER, early.PICTURE)).decode()
    assert segments_of(grown)[: len(segments_of(text))] == segments_of(text)
    assert "#EXT-X-ENDLIST" in grown
    assert len(stream.frames(picture_of(link, tmp_path / "whole"))) == 24 * RATE

    drain("video")
    video = current(video)
    assert not early.is_playable(video)
    # Whoever began early goes on to the end; who comes now gets all rungs.
    assert len(stream.frames(picture_of(link, tmp_path / "later"))) == 24 * RATE
    assert playback.media_link(video).url.endswith("/master.m3u8")


def test_the_api_offers_the_beginning_and_its_link_opens_nothing_else(
    tenant: Tenant, tmp_path: Path
) -> None:
    source = media.clip(tmp_path / "a.mp4", size="640x480", rate=str(RATE), seconds=18)
    job = submit(tenant, uploaded(tenant, source))
    video = Video.objects.for_tenant(tenant).get(job=job)
    run(job)
    made = parts(job)
    run(made["early-0000"])
    run(made["audio"])

    key = key_create(tenant=tenant, name="reader", scopes=frozenset({"videos:read"}))
    client = Client(headers={"Authorization": f"Bearer {key.token}"})
    body = client.get(f"/api/v1/videos/{video.pk}").json()
    assert body["state"] == "processing"
    assert body["playback"]["early"] is True
    assert body["playback"]["poster_url"] is None
    token = body["playback"]["master_url"].split("/")[-2]
    state = Client().get(playback.player_link(current(video)).url.replace("?", "/state?")).json()
    assert state["early"] is True

    data = "WEBVTT\n\n00:01.000 --> 00:02.000\n안녕하세요\n".encode()
    captions.caption_put(tenant=tenant, video_id=video.pk, language="ko", data=data)
    shown = client.get(f"/api/v1/videos/{video.pk}").json()["playback"]
    (offered,) = shown["captions"]
    master = stream.get(shown["master_url"]).decode()
    assert 'TYPE=SUBTITLES,GROUP-ID="captions"' in master
    assert 'SUBTITLES="captions"' in master.split("#EXT-X-STREAM-INF:")[1]
    listed = stream.get(shown["master_url"].replace(early.MASTER, "captions_ko.m3u8")).decode()
    assert abs(seconds_of(listed) - 18) < 0.2, "of the whole lecture, though it is not made yet"
    text = stream.get(offered["url"]).decode()
    assert "안녕하세요" in text

    # The recording that was uploaded lies where the plan lies: no link leads there.
    for name in ("pictures.mp4", "source.mp4", "master.m3u8", "poster.jpg", "480p_00000.m4s"):
        with pytest.raises(AppError, match="not_found"):
            playback.media_open(token, name)
    assert playback.media_open(token, early.SOUND).is_early

    drain("video")
    body = client.get(f"/api/v1/videos/{video.pk}").json()
    assert body["playback"]["early"] is False
    # Whoever began early still gets them, at the same place of the timeline.
    assert stream.get(offered["url"]).decode() == text
    assert stream.get(body["playback"]["captions"][0]["url"]).decode() == text
