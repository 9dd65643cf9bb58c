"""Chapters of a video: written by people or by what was heard, served to players, and kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client

from academy.core import clock
from academy.core.ids import new_id
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.video import deletion, outline, playback, watching
from academy.video.models import Outline, Video, Viewing
from academy.video.outline import Heard
from academy.video.playback import Audience
from tests.integration.test_video_playback import path_of
from tests.support import lectures
from tests.support.jobs import drain, make_tenant

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
HEARD = [(0.0, "1"), (20.0, "2"), (41.5, "3")]
SILENCES = [(17.0, 20.5), (38.0, 42.0)]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def video(tenant: Tenant) -> Video:
    """A video of 60 s that plays."""
    return lectures.ready(tenant)


def client_of(tenant: Tenant, *scopes: str) -> Client:
    wanted = frozenset(scopes or ("videos:read", "videos:write"))
    token = key_create(tenant=tenant, name=new_id().hex[-8:], scopes=wanted).token
    return Client(headers={"Authorization": f"Bearer {token}"})


def put(client: Client, video: Video, *items: Any) -> Any:
    return client.put(
        f"/api/v1/videos/{video.pk}/chapters", {"items": items}, content_type="application/json"
    )


def shown(client: Client, video: Video) -> Any:
    return client.get(f"/api/v1/videos/{video.pk}/chapters").json()


def hear(video: Video, *, recording: UUID | None = None) -> UUID:
    heard = Heard(recording or video.upload_id, new_id(), HEARD, SILENCES)
    with transaction.atomic():
        outline.speech_heard(tenant_id=video.tenant_id, video_id=video.pk, heard=heard)
    return heard.job


def player_state(video: Video, audience: Audience = playback.ANYBODY) -> Any:
    path, _, query = path_of(playback.player_link(video, audience).url).partition("?")
    return Client().get(f"{path}/state?{query}").json()


def test_chapters_are_written_shown_and_served_as_webvtt(tenant: Tenant, video: Video) -> None:
    client = client_of(tenant)
    assert shown(client, video)["items"] == []
    answer = put(client, video, {"start": 0, "title": " 시작 "}, {"start": 20.5}, {"start": 40})
    assert answer.status_code == 200
    body = shown(client, video)
    assert body == answer.json() | {"vtt_url": body["vtt_url"]}
    assert [(one["start"], one["end"], one["title"]) for one in body["items"]] == [
        (0.0, 20.5, "시작"), (20.5, 40.0, "2"), (40.0, 60.0, "3"),
    ]  # fmt: skip
    assert body["by_hand"]
    put(client, video, {"start": 1, "title": "f(x) < 0 & g"})
    served = Client().get(path_of(body["vtt_url"]))
    assert served["Content-Type"].startswith("text/vtt")
    assert served["Cache-Control"] == "no-store"
    assert served.content.decode() == (
        "WEBVTT\n\n00:00:01.000 --> 00:01:00.000\nf(x) &lt; 0 &amp; g\n"
    )
    assert put(client, video).json()["items"] == []
    assert Client().get(path_of(body["vtt_url"])).status_code == 404


def test_what_are_no_chapters_is_refused_and_changes_nothing(tenant: Tenant, video: Video) -> None:
    client = client_of(tenant)
    put(client, video, {"start": 3, "title": "하나"})

    def refused(*items: Any) -> tuple[int, str]:
        answer = put(client, video, *items)
        return answer.status_code, answer.json()["error"]["code"]

    assert refused({"start": 0}, {"start": 0.5}) == (422, "chapters_out_of_order")
    assert refused({"start": 30}, {"start": 10}) == (422, "chapters_out_of_order")
    assert refused({"start": 0}, {"start": 59.5}) == (422, "chapters_beyond_end")
    assert refused(*({"start": 2 * n} for n in range(201))) == (422, "chapters_too_many")
    for wrong in ({"start": -1}, {"start": True}, {"start": 0, "title": "한\n줄"},
                  {"start": 0, "title": "긴" * 101}, {"title": "없음"}):  # fmt: skip
        assert refused(wrong) == (400, "validation_failed"), wrong
    assert refused({"start": 0, "end": 5}) == (400, "unknown_field")
    assert [one["start"] for one in shown(client, video)["items"]] == [3.0]


def test_chapters_need_a_video_of_ones_own_that_plays_and_the_right_to_write(
    tenant: Tenant, video: Video
) -> None:
    assert put(client_of(make_tenant()), video, {"start": 0}).status_code == 404
    assert put(client_of(tenant, "videos:read"), video, {"start": 0}).status_code == 403
    answer = put(client_of(tenant), lectures.submitted(tenant), {"start": 0})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "video_not_ready")


def test_what_was_heard_is_shown_until_somebody_writes_chapters(
    tenant: Tenant, video: Video
) -> None:
    client = client_of(tenant)
    job = hear(video)
    body = shown(client, video)
    assert (body["by_hand"], body["job"]) == (False, str(job))
    assert [one["title"] for one in body["items"]] == ["1", "2", "3"]
    assert body["silences"] == [list(one) for one in SILENCES]
    state = player_state(video)
    assert state["silences"] == body["silences"]
    assert Client().get(path_of(state["chapters_url"])).content.count(b"-->") == 3

    put(client, video, {"start": 5, "title": "내가 쓴 장"})
    hear(video)
    assert [one["title"] for one in shown(client, video)["items"]] == ["내가 쓴 장"]
    put(client, video)
    hear(video)
    assert len(shown(client, video)["items"]) == 3, "nothing written: suggestions come through"


def test_another_recording_keeps_what_was_written_and_not_what_was_heard(
    tenant: Tenant, video: Video
) -> None:
    client = client_of(tenant)
    hear(video, recording=new_id())
    assert not Outline.objects.for_tenant(tenant).exists(), "heard in what no longer plays"
    hear(video)
    other = lectures.uploaded(tenant)
    Video.objects.for_tenant(tenant).filter(pk=video.pk).update(upload=other, duration=30.0)
    body = shown(client, video)
    assert (body["items"], body["silences"], body["vtt_url"]) == ([], [], None)
    Video.objects.for_tenant(tenant).filter(pk=video.pk).update(duration=60.0)
    put(client, video, {"start": 0}, {"start": 45})
    Video.objects.for_tenant(tenant).filter(pk=video.pk).update(duration=30.0)
    assert [(one["start"], one["end"]) for one in shown(client, video)["items"]] == [(0.0, 30.0)]


def test_silences_need_not_be_watched_to_complete_a_video(tenant: Tenant, video: Video) -> None:
    hear(video)
    silent = sum(end - begin for begin, end in SILENCES)

    def watched(*intervals: tuple[float, float]) -> Any:
        began = clock.now() - timedelta(hours=1)
        viewing = Viewing.objects.for_tenant(tenant).create(
            video=video, viewer=new_id().hex, device="d" * 20, policy_version=1,
            started_at=began, seen_at=began, credit=100.0,
        )  # fmt: skip
        with transaction.atomic():
            return watching.record(viewing, video, watching.Report(list(intervals), 0.0))

    row = watched((0.0, 17.4), (20.1, 38.4), (41.6, 60.0))
    assert row.completed_at is not None
    assert row.seconds == pytest.approx(60 - silent + 0.4 + 0.4 + 0.4 + 0.4, abs=0.05)
    assert row.seconds < 60 * watching.COMPLETE_SHARE + 1
    assert watched((0.0, 40.0)).completed_at is None
    assert watched((10.0, 60.0)).completed_at is None, "silence does not stand in for speech"


def test_losses_are_said_to_students_and_all_warnings_to_the_academy(
    tenant: Tenant, video: Video
) -> None:
    damage = {"message": {"ko": "원본이 손상되었습니다.", "en": "The recording is damaged."}}
    low = {"code": "video_quality_low", "message": {"ko": "화질", "en": "quality"}}
    manifest = {**(video.manifest or {}), "damage": damage, "warnings": [low]}
    Video.objects.for_tenant(tenant).filter(pk=video.pk).update(manifest=manifest)
    lost = {"code": "video_source_damaged", "message": damage["message"]}
    assert player_state(video)["warnings"] == [lost, low]
    assert player_state(video, Audience("student-17"))["warnings"] == [lost]
    body = client_of(tenant).get(f"/api/v1/videos/{video.pk}").json()
    assert body["warnings"] == [lost, low]


def test_a_purged_video_forgets_its_chapters(tenant: Tenant, video: Video) -> None:
    hear(video)
    deletion.video_delete(tenant=tenant, video_id=video.pk, by="test")
    deletion.video_purge(tenant=tenant, video_id=video.pk)
    drain("video")
    assert not Outline.objects.for_tenant(tenant).exists()
