"""Lectures over REST: made, ordered, watched over, replaced, deleted; limits, and the line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.fleet.services import queue_pause
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.tenants.models import Role, Tenant
from academy.tenants.plans import VideoLimits
from academy.tenants.scopes import ROLE_SCOPES, Scope
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_create
from academy.video import deletion, line, usage
from academy.video.handlers.steps import LECTURE_STEPS, TRANSCODING
from academy.video.models import Encoding, Video
from tests.support import lectures
from tests.support.jobs import claim, make_tenant, publish
from tests.support.openapi import Document
from tests.support.rest import error_of, key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("buckets"),
]

GIB = 1024**3


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


class Checked:
    """A client whose every answer is held against the document."""

    def __init__(self, client: APIClient, document: Document) -> None:
        self._client = client
        self._document = document

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        address = f"/api/v1/{path}"
        call = getattr(self._client, method)
        sent = {} if body is None else {"data": body, "format": "json"}
        answer = call(address, headers=headers, **sent)
        plain = address.partition("?")[0]
        self._document.check_answer(
            method, plain, answer.status_code, "application/json", answer.json()
        )
        return answer


@pytest.fixture
def api(tenant: Tenant, document: Document) -> Checked:
    return Checked(key_client(tenant), document)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set what the plan allows."""

    def allow(*, minutes: int = 1_000, stored: int = 1_000 * GIB) -> None:
        monkeypatch.setattr(usage, "video_limits_of", lambda _: VideoLimits(minutes, stored))

    return allow


def read(api: Checked, video: Video) -> dict[str, Any]:
    answer = api("get", f"videos/{video.pk}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


# ---------------------------------------------------------------- made


def test_a_video_is_made_with_its_place_and_profile_once_for_each_key(
    api: Checked, tenant: Tenant
) -> None:
    body = {
        "upload": str(lectures.uploaded(tenant).pk), "title": " 이차함수 1강 ",
        "session": "수학 A", "position": 3, "profile": "saver",
    }  # fmt: skip
    key = {"Idempotency-Key": new_id().hex}
    answer = api("post", "videos", body, **key)
    made = answer.json()
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/v1/videos/{made['id']}"
    told = {name: made[name] for name in ("title", "session", "position", "profile", "state")}
    assert told == {
        "title": "이차함수 1강", "session": "수학 A", "position": 3, "profile": "saver",
        "state": "waiting",
    }  # fmt: skip
    again = api("post", "videos", body, **key)
    assert (again.json()["id"], again["Idempotency-Replayed"]) == (made["id"], "true")
    job = Job.objects.for_tenant(tenant).get()
    assert (str(job.pk), job.params["profile"]) == (made["job"], "saver")


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""}, {"title": "x" * 201}, {"title": 5}, {"title": None}, {"upload": 7},
        {"upload": "x"}, {"session": "x" * 81}, {"position": -1}, {"position": 100_001},
        {"position": "1"}, {"position": True}, {"profile": "best"}, {"colour": "blue"},
    ],
)  # fmt: skip
def test_a_video_that_says_something_wrong_is_refused(
    api: Checked, tenant: Tenant, change: dict[str, Any]
) -> None:
    body = {"upload": str(new_id()), "title": "Lesson 1", **change}
    error = error_of(api("post", "videos", body), 400)
    assert error["code"] == ("unknown_field" if "colour" in change else "validation_failed")
    assert not Job.objects.for_tenant(tenant).exists()


def test_an_upload_that_cannot_be_used_is_refused(api: Checked, tenant: Tenant) -> None:
    theirs = lectures.uploaded(make_tenant())
    for upload in (new_id(), theirs.pk):
        error = error_of(api("post", "videos", {"upload": str(upload), "title": "x"}), 404)
        assert error["code"] == "upload_not_found"
    gone = lectures.uploaded(tenant, state="deleted")
    error = error_of(api("post", "videos", {"upload": str(gone.pk), "title": "x"}), 409)
    assert error["code"] == "upload_expired"


def test_the_job_says_the_same_things_as_the_video(api: Checked, tenant: Tenant) -> None:
    video = lectures.submitted(tenant, session="A", position=1, profile="encrypted")
    body = read(api, video)
    assert (body["session"], body["position"], body["profile"]) == ("A", 1, "encrypted")


# ---------------------------------------------------------------- order and lists


def titles(api: Checked, query: str) -> list[str]:
    return [item["title"] for item in api("get", f"videos?{query}").json()["items"]]


def test_a_session_is_listed_in_its_order_page_by_page(api: Checked, tenant: Tenant) -> None:
    places = {"b": 2, "e": None, "a": 1, "f": None, "c": 2, "d": 7}
    for title, position in places.items():
        lectures.submitted(tenant, title=title, session="수학 A", position=position)
    lectures.submitted(tenant, title="other", session="수학 B")
    lectures.submitted(tenant, title="none")

    assert titles(api, "session=수학 A") == ["a", "b", "c", "d", "e", "f"]
    assert titles(api, "session=") == ["none"]
    assert len(titles(api, "")) == 8
    for size in (1, 2, 5):
        seen, cursor = [], ""
        for _ in range(10):
            page = api("get", f"videos?session=수학 A&limit={size}{cursor}").json()
            seen += [item["title"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert seen == ["a", "b", "c", "d", "e", "f"]
    error = error_of(api("get", "videos?session=x&cursor=bad"), 400)
    assert error["code"] == "invalid_cursor"


def test_lists_are_filtered_by_state_and_job(api: Checked, tenant: Tenant) -> None:
    ready, waiting = lectures.ready(tenant), lectures.submitted(tenant, title="waits")
    gone = lectures.submitted(tenant, title="gone")
    deletion.video_delete(tenant=tenant, video_id=gone.pk, by="key:test")
    assert titles(api, "state=deleted") == ["gone"]
    assert titles(api, "state=waiting") == ["waits"]
    assert sorted(titles(api, "state=waiting&state=deleted")) == ["gone", "waits"]
    found = api("get", f"videos?job={waiting.job_id}").json()["items"]
    assert [item["id"] for item in found] == [str(waiting.pk)]
    assert api("get", f"videos?job={new_id()}").json()["items"] == []
    assert api("get", "videos?state=ready").json()["items"][0]["id"] == str(ready.pk)
    for query in ("job=x", "session=a&session=b", "colour=blue"):
        assert api("get", f"videos?{query}").status_code == 400


def test_title_session_and_position_are_changed_and_nothing_else(
    api: Checked, tenant: Tenant
) -> None:
    video = lectures.submitted(tenant, session="A", position=1)
    path = f"videos/{video.pk}"
    changed = api("patch", path, {"title": "2강", "position": None}).json()
    assert (changed["title"], changed["session"], changed["position"]) == ("2강", "A", None)
    assert read(api, video)["title"] == "2강"
    assert api("patch", path, {}).json()["title"] == "2강"
    for body in ({"state": "ready"}, {"profile": "saver"}, {"title": ""}, {"position": 1.5}):
        assert api("patch", path, body).status_code == 400


# ---------------------------------------------------------------- progress and steps


def test_the_steps_that_people_know_are_shown_with_percent_and_time_left(
    api: Checked, tenant: Tenant
) -> None:
    video = lectures.submitted(tenant)
    before = read(api, video)["progress"]
    assert [step["state"] for step in before["steps"]] == ["waiting"] * len(LECTURE_STEPS)
    claim(video.job)
    Job.unscoped.filter(pk=video.job_id).update(
        step="transcoding", percent=TRANSCODING.at(0.5), eta_seconds=90.0
    )
    shown = read(api, video)["progress"]
    steps = {step.pop("name"): step for step in shown["steps"]}
    assert list(steps) == [step.name for step in LECTURE_STEPS]
    assert steps["probing"] == {"state": "done", "percent": 100.0, "eta_seconds": None}
    assert steps["transcoding"] == {"state": "running", "percent": 50.0, "eta_seconds": 90.0}
    assert steps["validating"] == {"state": "waiting", "percent": 0.0, "eta_seconds": None}
    assert read(api, video)["waiting"] is None, "it has begun"


# ---------------------------------------------------------------- retry, replace, delete


def test_a_failed_video_is_retried_once_for_each_key(api: Checked, tenant: Tenant) -> None:
    video = lectures.submitted(tenant)
    error = error_of(api("post", f"videos/{video.pk}/retry"), 409)
    assert error["code"] == "video_not_retryable"
    lectures.ended(claim(video.job), JobState.FAILED)
    failed = read(api, video)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "video_damaged")
    key = {"Idempotency-Key": new_id().hex}
    for _ in range(2):
        answer = api("post", f"videos/{video.pk}/retry", **key)
        assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert Job.objects.for_tenant(tenant).count() == 2


def test_a_replacement_is_shown_beside_what_plays(api: Checked, tenant: Tenant) -> None:
    video = lectures.ready(tenant)
    assert read(api, video)["replacement"] is None
    upload = lectures.uploaded(tenant)
    answer = api("post", f"videos/{video.pk}/replace", {"upload": str(upload.pk)})
    body = answer.json()
    assert (answer.status_code, body["state"]) == (202, "ready")
    assert body["playback"]["master_url"]
    assert body["upload"] == str(video.upload_id)
    assert (body["replacement"]["upload"], body["replacement"]["state"]) == (
        str(upload.pk), "waiting",
    )  # fmt: skip
    error = error_of(api("post", f"videos/{video.pk}/replace", {"upload": str(upload.pk)}), 409)
    assert error["code"] == "video_busy"
    lectures.ended(claim(Job.unscoped.get(pk=body["job"])), JobState.FAILED)
    shown = read(api, video)
    assert shown["replacement"]["error"]["code"] == "video_damaged"
    assert shown["state"] == "ready"


def test_deleted_restored_and_purged(api: Checked, tenant: Tenant) -> None:
    video = lectures.ready(tenant)
    path = f"videos/{video.pk}"
    first = api("delete", path)
    assert (first.status_code, first.json()["state"]) == (200, "deleted")
    assert first.json()["playback"] is None
    assert first.json()["deletion"]["restorable"] is True
    assert api("delete", path).json()["deletion"] == first.json()["deletion"]
    assert titles(api, "") == []
    assert read(api, video)["state"] == "deleted"
    assert api("patch", path, {"title": "x"}).status_code == 404
    assert api("post", f"{path}/restore").json()["state"] == "ready"
    assert error_of(api("post", f"{path}/purge"), 409)["code"] == "video_not_deleted"
    api("delete", path)
    purged = api("post", f"{path}/purge")
    assert (purged.status_code, purged.json()["deletion"]["restorable"]) == (202, False)
    assert error_of(api("post", f"{path}/restore"), 409)["code"] == "video_purge_begun"


# ---------------------------------------------------------------- whose, and who may


def operations(video: object) -> list[tuple[str, str, Any]]:
    path = f"videos/{video}"
    return [
        ("get", path, None), ("patch", path, {"title": "x"}), ("delete", path, None),
        ("post", f"{path}/retry", None), ("post", f"{path}/replace", {"upload": str(new_id())}),
        ("post", f"{path}/restore", None), ("post", f"{path}/purge", None),
    ]  # fmt: skip


def test_another_academys_video_is_not_there(tenant: Tenant, document: Document) -> None:
    video = lectures.ready(tenant)
    before = Video.unscoped.filter(pk=video.pk).values().get()
    stranger = Checked(key_client(make_tenant()), document)
    for method, path, body in operations(video.pk):
        assert error_of(stranger(method, path, body), 404)["code"] == "not_found", path
    assert stranger("get", f"videos?job={video.job_id}").json()["items"] == []
    params = {"upload": str(lectures.uploaded(make_tenant()).pk), "title": "x"}
    order = {"kind": "video.transcode", "params": {**params, "video": str(video.pk)}}
    assert stranger("post", "jobs", order).status_code == 404
    assert Video.unscoped.filter(pk=video.pk).values().get() == before


def test_another_academys_video_cannot_be_replaced_through_a_job(
    tenant: Tenant, document: Document
) -> None:
    video, other = lectures.ready(tenant), make_tenant()
    params = {
        "upload": str(lectures.uploaded(other).pk), "title": "x", "video": str(video.pk),
    }  # fmt: skip
    stranger = Checked(key_client(other), document)
    order = {"kind": "video.transcode", "params": params}
    assert error_of(stranger("post", "jobs", order), 404)["code"] == "video_not_found"


def test_each_operation_needs_its_scope(tenant: Tenant, document: Document) -> None:
    video = lectures.ready(tenant)
    reader = Checked(key_client(tenant, Scope.VIDEOS_READ), document)
    for method, path, body in operations(video.pk):
        if method != "get":
            assert error_of(reader(method, path, body), 403)["code"] == "scope_missing", path
    assert reader("post", "videos", {}).status_code == 403
    writer = Checked(key_client(tenant, Scope.VIDEOS_WRITE), document)
    assert writer("get", f"videos/{video.pk}").status_code == 403
    assert writer("delete", f"videos/{video.pk}").status_code == 200
    assert writer("post", f"videos/{video.pk}/purge").status_code == 403
    assert Scope.VIDEOS_PURGE in ROLE_SCOPES[Role.OWNER]
    assert Scope.VIDEOS_PURGE not in ROLE_SCOPES[Role.TEACHER]


# ---------------------------------------------------------------- storage


def test_beyond_the_storage_uploads_and_videos_are_refused_with_figures(
    api: Checked, tenant: Tenant, limits: Callable[..., None]
) -> None:
    full = lectures.ready(tenant, size=3 * GIB)
    upload = lectures.uploaded(tenant, size=2 * GIB)
    limits(stored=5 * GIB + 9)
    # 3 and 2 GiB, and the ten bytes of the first upload: one too many.
    body = {"upload": str(upload.pk), "title": "x"}
    error = error_of(api("post", "videos", body), 409)
    assert error["code"] == "video_storage_full"
    figures = {name: error["details"][name] for name in ("used_bytes", "limit_bytes")}
    assert figures == {"used_bytes": 5 * GIB + 10, "limit_bytes": 5 * GIB + 9}
    declared = {
        "filename": "a.mp4", "size": 1, "content_type": "video/mp4", "purpose": "video",
    }  # fmt: skip
    assert error_of(api("post", "uploads", declared), 409)["code"] == "video_storage_full"

    api("delete", f"videos/{full.pk}")
    assert usage.stored_bytes(tenant.pk) == 2 * GIB, "what is deleted counts no more, at once"
    assert api("post", "videos", body).status_code == 202
    assert api("get", "videos/usage").json()["storage"] == {
        "used_bytes": 2 * GIB, "limit_bytes": 5 * GIB + 9,
    }  # fmt: skip


def test_open_uploads_count_and_other_purposes_do_not(
    tenant: Tenant, limits: Callable[..., None]
) -> None:
    limits(stored=100)
    common: dict[str, Any] = {"tenant": tenant, "filename": "a", "multipart": False}
    upload_create(**common, size=60, content_type="video/mp4", purpose=Purpose.VIDEO)
    upload_create(**common, size=10_000, content_type="application/pdf", purpose=Purpose.PDF)
    assert usage.stored_bytes(tenant.pk) == 60
    with pytest.raises(AppError, match="storage is full"):
        upload_create(**common, size=41, content_type="video/mp4", purpose=Purpose.VIDEO)
    upload_create(**common, size=40, content_type="video/mp4", purpose=Purpose.VIDEO)


# ---------------------------------------------------------------- minutes


def due(tenant: Tenant) -> set[str]:
    """The tenant's jobs that the relay would publish at this moment, by the database's clock."""
    found = {str(row.id) for row in publish("video") if row.tenant_id == tenant.pk}
    Job.objects.for_tenant(tenant).filter(state="published").update(state="queued")
    return found


def test_beyond_the_minutes_lectures_wait_and_start_when_there_are_more(
    api: Checked, tenant: Tenant, limits: Callable[..., None]
) -> None:
    limits(minutes=2)
    first, second, third = (lectures.submitted(tenant) for _ in range(3))
    lectures.encode(first, seconds=60)
    assert due(tenant) == {str(second.job_id), str(third.job_id)}
    lectures.encode(second, seconds=60)
    assert due(tenant) == set(), "what was in the line waits too"
    later = lectures.submitted(tenant)
    for video in (third, later):
        waiting = read(api, video)["waiting"]
        _, ends = usage.month_of(clock.now())
        assert waiting["reason"] == "minutes"
        assert datetime.fromisoformat(waiting["not_before"]) == ends
        assert waiting["queue_position"] is None
        assert 0 < waiting["estimated_start_seconds"] <= 32 * 86_400
    used = api("get", "videos/usage").json()["minutes"]
    assert (used["used"], used["limit"], used["left"]) == (2.0, 2, 0.0)

    assert usage.release_sweep() == 0
    limits(minutes=3)
    assert usage.release_sweep() == 2
    assert due(tenant) == {str(third.job_id), str(later.job_id)}
    assert read(api, third)["waiting"]["reason"] == "line"


def test_the_next_month_has_its_own_minutes(tenant: Tenant, limits: Callable[..., None]) -> None:
    limits(minutes=1)
    lectures.ready(tenant, seconds=60)
    held = lectures.submitted(tenant)
    assert Video.unscoped.get(pk=held.pk).held_at is not None
    _, ends = usage.month_of(clock.now())
    assert Job.unscoped.get(pk=held.job_id).not_before == ends
    with clock.frozen(ends + timedelta(seconds=1)):
        assert usage.release_sweep() == 1
        assert not usage.is_over_minutes(tenant.pk)
    assert Video.unscoped.get(pk=held.pk).held_at is None


def test_a_held_lecture_keeps_the_time_it_was_asked_for(
    tenant: Tenant, limits: Callable[..., None]
) -> None:
    limits(minutes=0)
    _, ends = usage.month_of(clock.now())
    wanted = clock.now() + (ends - clock.now()) / 2
    soon, late = (
        lectures.submitted(tenant, not_before=moment)
        for moment in (wanted, ends + timedelta(days=3))
    )
    assert Job.unscoped.get(pk=soon.job_id).not_before == ends
    assert Job.unscoped.get(pk=late.job_id).not_before == ends + timedelta(days=3)
    limits(minutes=5)
    assert usage.release_sweep() == 1
    assert Job.unscoped.get(pk=soon.job_id).not_before == wanted
    assert Job.unscoped.get(pk=late.job_id).not_before == ends + timedelta(days=3)


def test_what_has_begun_goes_on_when_the_minutes_run_out(
    tenant: Tenant, limits: Callable[..., None]
) -> None:
    limits(minutes=1)
    begun, other = lectures.submitted(tenant), lectures.submitted(tenant)
    pieces = lectures.divided(begun.job)
    lectures.encode(other, seconds=60)
    assert {str(piece.pk) for piece in pieces} <= due(tenant)
    digest = lectures.make_digest()
    for piece in pieces:
        lectures.piece_made(piece, digest=digest)
    assert usage.hold_if_over(tenant.pk) == 0
    assert str(begun.job_id) in due(tenant), "its last phase"


def test_a_deleted_lecture_was_still_encoded(tenant: Tenant) -> None:
    video = lectures.ready(tenant, seconds=90)
    deletion.video_delete(tenant=tenant, video_id=video.pk, by="key:test")
    assert usage.usage_of(tenant).seconds == 90


# ---------------------------------------------------------------- the line


def test_everything_that_waits_shows_its_place(api: Checked, tenant: Tenant) -> None:
    lectures.submitted(make_tenant())
    first, second = lectures.submitted(tenant), lectures.submitted(tenant)
    urgent = lectures.submitted(tenant, priority=1)
    tomorrow = lectures.submitted(tenant, not_before=clock.now() + timedelta(days=1))
    places = {
        name: read(api, video)["waiting"]
        for name, video in {"first": first, "second": second, "urgent": urgent}.items()
    }
    assert {name: place["queue_position"] for name, place in places.items()} == {
        "urgent": 1, "first": 2, "second": 3,
    }  # fmt: skip
    later = read(api, tomorrow)["waiting"]
    assert (later["reason"], later["queue_position"]) == ("later", None)
    assert later["estimated_start_seconds"] == pytest.approx(86_400, abs=60)


def test_the_estimate_follows_what_the_last_lectures_took(api: Checked, tenant: Tenant) -> None:
    waits = lectures.submitted(tenant)
    assert Encoding.unscoped.count() == 0
    assert read(api, waits)["waiting"]["estimated_start_seconds"] is None, "unknown is not zero"
    done = lectures.ready(tenant)
    Encoding.unscoped.filter(job_id=done.job_id).update(work_seconds=600)
    assert read(api, waits)["waiting"]["estimated_start_seconds"] == 0, "nobody is before it"
    next_one = lectures.submitted(tenant)
    assert read(api, next_one)["waiting"]["estimated_start_seconds"] == 600
    # Two at work: one of them is free in 100 s, and two lectures go at a time.
    for _ in range(2):
        claim(lectures.submitted(tenant, priority=0).job)
    Job.objects.for_tenant(tenant).filter(state="running").update(eta_seconds=100.0)
    assert read(api, waits)["waiting"]["estimated_start_seconds"] == 100
    assert read(api, next_one)["waiting"]["estimated_start_seconds"] == 400


def test_a_newcomer_is_estimated_by_what_others_took(api: Checked, tenant: Tenant) -> None:
    done = lectures.ready(make_tenant())
    Encoding.unscoped.filter(job_id=done.job_id).update(work_seconds=300)
    lectures.submitted(tenant)
    second = lectures.submitted(tenant)
    assert read(api, second)["waiting"]["estimated_start_seconds"] == 300


def test_a_paused_queue_and_a_retry_say_so(api: Checked, tenant: Tenant) -> None:
    video, again = lectures.submitted(tenant), lectures.submitted(tenant)
    claim(again.job)
    soon = clock.now() + timedelta(seconds=30)
    Job.unscoped.filter(pk=again.job_id).update(
        state="retry_wait", not_before=soon, lease_until=None
    )
    assert read(api, again)["waiting"]["reason"] == "retry"
    assert read(api, again)["state"] == "processing"
    queue_pause(queue="video", by="user:1", reason="A broken release")
    paused = read(api, video)["waiting"]
    assert (paused["reason"], paused["queue_position"]) == ("paused", 1)
    assert paused["estimated_start_seconds"] is None
    assert paused["message"]["ko"]


def test_the_place_in_a_long_line_is_cheap(
    tenant: Tenant, django_assert_max_num_queries: Any
) -> None:
    last = lectures.submitted(tenant)
    template, before = last.job, last.job.created_at - timedelta(minutes=1)
    Job.unscoped.bulk_create(
        [
            Job(
                tenant=tenant, kind=template.kind, kind_version=template.kind_version,
                queue="video", params=template.params, submitted_by="test", created_at=before,
                not_before=before,
            )
            for _ in range(1_500)
        ],
        batch_size=500,
    )  # fmt: skip
    began = clock.monotonic()
    with django_assert_max_num_queries(6):
        wait = line.wait_of(last)
    assert wait is not None
    assert wait.position == 1_501
    assert clock.monotonic() - began < 0.5
