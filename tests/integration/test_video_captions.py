"""Captions: put over REST, shown by the playlists at once, placed where the pictures are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from academy.core.storage import Bucket, store
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.video import captions, playback
from academy.video.models import Caption, Video
from tests.integration.test_video_transcode import transcoded
from tests.support import media, stream
from tests.support.jobs import make_tenant

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

SRT = "1\n00:00:01,000 --> 00:00:02,000\n함수 <b>f</b>\n\n2\n00:00:02,500 --> 00:00:03,000\n끝\n"


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def client_of(tenant: Tenant) -> Client:
    scopes = frozenset({"videos:read", "videos:write"})
    token = key_create(tenant=tenant, name="teacher", scopes=scopes).token
    return Client(headers={"Authorization": f"Bearer {token}"})


def put(client: Client, video: Video, language: str, data: bytes, **options: Any) -> Any:
    kind = options.pop("content_type", "application/x-subrip")
    path = f"/api/v1/videos/{video.pk}/captions/{language}"
    return client.put(path, data, content_type=kind, query_params=options)


def objects_of(video: Video) -> list[str]:
    return list(store(Bucket.VIDEO).keys(f"t/{video.tenant_id}/videos/{video.pk}/"))


def test_captions_of_two_languages_play_in_time_and_change_without_encoding(
    tenant: Tenant, tmp_path: Path
) -> None:
    source = media.clip(tmp_path / "a.mp4", size="320x180", rate="30000/1001", seconds=4)
    _, video = transcoded(tenant, source)
    client = client_of(tenant)
    answer = put(client, video, "KO", SRT.encode("cp949"))
    assert (answer.status_code, answer.json()["language"]) == (201, "ko")
    english = "WEBVTT\n\n00:01.000 --> 00:02.000\nA function\n"
    answer = put(client, video, "en", english.encode(), content_type="text/vtt", label="English CC")
    assert answer.status_code == 201

    link = playback.media_link(video).url
    master = stream.get(link).decode()
    assert 'TYPE=SUBTITLES,GROUP-ID="captions",NAME="한국어"' in master
    assert 'NAME="English CC"' in master
    assert master.count('SUBTITLES="captions"') == master.count("#EXT-X-STREAM-INF")
    # 29.97 frames a second begin 30 frames in: 1.001 s.
    text = stream.get(link.replace("master.m3u8", "captions_ko.vtt")).decode()
    assert text.startswith("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:90090,LOCAL:00:00:00.000\n\n")

    folder = stream.saved(link, tmp_path / "out").parent
    (listed,) = folder.glob("*-captions_ko.m3u8")
    media.ffmpeg("-i", str(listed), "-f", "srt", str(tmp_path / "out.srt"))
    assert "함수" in (tmp_path / "out.srt").read_text()

    before = objects_of(video)
    answer = put(client, video, "ko", SRT.replace("끝", "마침").encode())
    assert answer.status_code == 200
    assert "마침" in stream.get(link.replace("master.m3u8", "captions_ko.vtt")).decode()
    assert len(objects_of(video)) == len(before) == 2
    assert set(objects_of(video)) != set(before), "no cache can show the old ones"

    body = client.get(f"/api/v1/videos/{video.pk}").json()["playback"]["captions"]
    assert [(one["language"], one["label"]) for one in body] == [
        ("en", "English CC"), ("ko", "한국어"),
    ]  # fmt: skip
    assert client.delete(f"/api/v1/videos/{video.pk}/captions/ko").status_code == 204
    assert client.delete(f"/api/v1/videos/{video.pk}/captions/ko").status_code == 404
    items = client.get(f"/api/v1/videos/{video.pk}/captions").json()["items"]
    assert [one["language"] for one in items] == ["en"]
    assert len(objects_of(video)) == 1
    assert "한국어" not in stream.get(link).decode()


def test_what_is_no_captions_is_refused_and_changes_nothing(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = media.clip(tmp_path / "a.mp4", size="320x180", rate="10", seconds=2, with_sound=False)
    _, video = transcoded(tenant, source)
    client = client_of(tenant)

    def refused(*arguments: Any, **options: Any) -> tuple[int, str, dict[str, Any]]:
        answer = put(client, video, *arguments, **options)
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["details"]

    broken = SRT.replace("2,500 -->", "2,500 ->").encode()
    assert refused("ko", broken) == (422, "captions_no_times", {"line": 6})
    assert refused("ko", b"")[:2] == (422, "captions_empty")
    assert refused("ko", bytes(range(256)))[:2] == (422, "captions_not_text")
    assert refused("korean", SRT.encode())[:2] == (422, "captions_language_invalid")
    assert refused("ko", b"x" * (captions.MAX_BYTES + 1))[:2] == (413, "captions_too_large")
    assert refused("ko", SRT.encode(), content_type="video/mp4")[0] == 415
    monkeypatch.setattr(captions, "MAX_LANGUAGES", 1)
    assert put(client, video, "ko", SRT.encode()).status_code == 201
    assert refused("en", SRT.encode())[:2] == (409, "captions_too_many")
    assert put(client, video, "ko", SRT.encode()).status_code == 200
    assert len(objects_of(video)) == 1

    stranger = client_of(make_tenant())
    assert put(stranger, video, "ko", SRT.encode()).status_code == 404
    assert Caption.objects.for_tenant(tenant).count() == 1
