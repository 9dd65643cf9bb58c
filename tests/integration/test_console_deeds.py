"""What operators do in the console: asked first, done once, and written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.fleet import queue_access
from academy.fleet.models import OperatorAction, QueueSwitch, Worker
from academy.jobs import kinds
from academy.jobs.models import Job
from academy.ops import services
from academy.tenants import quotas
from academy.tenants.models import QueueLimit, Tenant, VideoLimit
from academy.video import usage
from tests.support import jobs as lives
from tests.support.console import Queues, client_of, page_of, staff_user
from tests.support.jobs import make_job, make_tenant
from tests.support.kinds import registry

pytestmark = pytest.mark.django_db

WHY = {"reason": "the test says so"}


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
    monkeypatch.setattr(queue_access, "_access", Queues())
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture
def operator() -> Any:
    return staff_user()


@pytest.fixture
def client(operator: Any) -> Client:
    return client_of(operator)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def actions() -> list[tuple[str, str, str]]:
    """What is in the audit log, oldest first: action, target, reason."""
    rows = OperatorAction.objects.order_by("at", "id")
    return list(rows.values_list("action", "target", "reason"))


class TestQueueSwitch:
    def test_a_pause_is_asked_done_shown_and_written_down(
        self, client: Client, operator: Any
    ) -> None:
        url = reverse("console:queue-pause", args=["video"])
        assert "What runs now goes on to its end." in page_of(client.get(url))
        assert not QueueSwitch.objects.exists()
        answer = client.post(url, WHY)
        assert answer["Location"] == reverse("console:queues")
        text = page_of(client.get(answer["Location"]))
        assert "video is paused." in text
        assert f"Paused by {operator.username}: the test says so" in text
        assert actions() == [("queue.pause", "video", "the test says so")]
        assert OperatorAction.objects.get().by == f"user:{operator.pk}"

        again = reverse("console:queue-resume", args=["video"])
        assert "It was paused for: the test says so" in page_of(client.get(again))
        assert "video runs again." in page_of(client.post(again, follow=True))
        assert "video was not paused." in page_of(client.post(again, follow=True))
        assert [action for action, _, _ in actions()] == ["queue.pause", "queue.resume"]

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "nul \0"])
    def test_no_pause_without_a_reason_that_can_be_kept(self, client: Client, reason: str) -> None:
        answer = client.post(reverse("console:queue-pause", args=["video"]), {"reason": reason})
        page_of(answer, 400)
        assert actions() == []
        assert not QueueSwitch.objects.exists()


class TestWorkerSwitch:
    def test_drain_and_take_work_again(self, client: Client) -> None:
        now = clock.now()
        Worker.objects.create(
            name="video@here", queue="video", host="here", host_kind="cpu", pool="prefork",
            concurrency=1, state="working", started_at=now, seen_at=now,
        )  # fmt: skip
        url = reverse("console:worker-drain", args=["video@here"])
        text = page_of(client.post(url, WHY, follow=True))
        assert "video@here takes nothing new." in text
        assert "Take work" in text
        again = reverse("console:worker-undrain", args=["video@here"])
        assert "takes work again" in page_of(client.post(again, follow=True))
        assert [action for action, _, _ in actions()] == ["worker.drain", "worker.undrain"]

    def test_a_stopped_worker_has_nothing_to_drain(self, client: Client) -> None:
        now = clock.now()
        Worker.objects.create(
            name="video@gone", queue="video", host="gone", host_kind="cpu", pool="prefork",
            concurrency=1, state="stopped", started_at=now, seen_at=now,
        )  # fmt: skip
        answer = client.post(reverse("console:worker-drain", args=["video@gone"]), WHY)
        assert "The worker video@gone has stopped." in page_of(answer, 409)
        assert actions() == []


class TestJobDeeds:
    def test_cancel_ends_a_waiting_job_and_says_who_did_it(
        self, client: Client, tenant: Tenant
    ) -> None:
        job = make_job(tenant)
        url = reverse("console:job-cancel", args=[job.pk])
        page_of(client.get(url))
        text = page_of(client.post(url, WHY, follow=True))
        assert "The job is cancelled." in text
        assert lives.state_of(job) == "cancelled"
        assert actions() == [("job.cancel", str(job.pk), "the test says so")]
        assert "job.cancel : the test says so" in text

    def test_cancel_tells_the_worker_of_a_running_job(self, client: Client, tenant: Tenant) -> None:
        job = make_job(tenant)
        lives.claim(job)
        text = page_of(client.post(reverse("console:job-cancel", args=[job.pk]), WHY, follow=True))
        assert "Its worker was told to stop" in text
        job.refresh_from_db()
        assert job.cancel_requested_at is not None

    def test_a_refused_deed_leaves_no_record(self, client: Client, tenant: Tenant) -> None:
        job = make_job(tenant, "test.ok")
        lives.run(job)
        for name in ("job-cancel", "job-retry", "job-replay"):
            answer = client.post(reverse(f"console:{name}", args=[job.pk]), WHY)
            assert "succeeded" in page_of(answer, 409)
        assert actions() == []
        assert Job.unscoped.count() == 1

    def test_a_cancelled_part_ends_its_flow(self, tenant: Tenant) -> None:
        parent = make_job(tenant, "test.fan_out", params={"children": 2})
        lives.run(parent)
        child = Job.unscoped.filter(parent=parent).first()
        assert child is not None
        services.job_cancel(job_id=child.pk, by="user:1", reason="test")
        assert lives.state_of(parent) == "failed"

    def test_retry_ends_the_wait(self, client: Client, tenant: Tenant) -> None:
        job = make_job(tenant, "test.transient")
        lives.run(job)
        assert lives.state_of(job) == "retry_wait"
        text = page_of(client.post(reverse("console:job-retry", args=[job.pk]), WHY, follow=True))
        assert "The job is due now." in text
        assert lives.state_of(job) == "queued"
        assert actions() == [("job.retry", str(job.pk), "the test says so")]

    def test_replay_makes_a_new_job_for_the_same_academy(
        self, client: Client, operator: Any, tenant: Tenant
    ) -> None:
        job = make_job(tenant, "test.poison")
        lives.run(job)
        page_of(client.post(reverse("console:job-replay", args=[job.pk]), WHY, follow=True))
        again = Job.unscoped.get(replay_of=job)
        assert (again.tenant_id, again.state) == (tenant.pk, "queued")
        assert again.submitted_by == f"user:{operator.pk}"
        assert OperatorAction.objects.get().data["replayed_as"] == str(again.pk)

    def test_replay_is_refused_for_an_academy_that_is_stopped(
        self, client: Client, tenant: Tenant
    ) -> None:
        job = make_job(tenant, "test.poison")
        lives.run(job)
        Tenant.objects.filter(pk=tenant.pk).update(is_active=False)
        answer = client.post(reverse("console:job-replay", args=[job.pk]), WHY)
        assert answer.status_code == AppError("tenant_inactive").status
        assert Job.unscoped.count() == 1


@pytest.mark.integration("s3")
@pytest.mark.usefixtures("buckets")
def test_a_file_is_opened_by_a_link_made_and_noted_when_asked_for(
    client: Client, tenant: Tenant
) -> None:
    job = make_job(tenant, "test.output", params={"objects": 2})
    lives.run(job)
    page = client.get(reverse("console:job", args=[job.pk]))
    page_of(page)
    assert "Signature" not in page.content.decode()
    answer = client.get(reverse("console:job-artifact", args=[job.pk, 1]))
    assert answer.status_code == 302
    assert answer["Referrer-Policy"] == "no-referrer"
    assert store(Bucket.STORAGE).bucket in answer["Location"]
    assert "Signature=" in answer["Location"]
    assert actions() == [("job.artifact", str(job.pk), "")]
    page_of(client.get(reverse("console:job-artifact", args=[job.pk, 2])), 404)


class TestLimits:
    def test_an_exception_applies_until_its_end_and_no_longer(
        self, client: Client, tenant: Tenant
    ) -> None:
        plan = quotas.limits_for(tenant.pk, "video")
        ends = clock.now() + timedelta(days=2)
        url = reverse("console:limit", args=[tenant.pk, "video"])
        korean = ends + timedelta(hours=9)
        values = {**WHY, "in_flight": "50", "until": f"{korean:%Y-%m-%dT%H:%M}"}
        text = page_of(client.post(url, values, follow=True))
        assert "The new limits on video apply at once." in text
        assert "in force until" in text

        row = QueueLimit.objects.for_tenant(tenant).get(queue="video")
        assert row.until is not None
        assert abs(row.until - ends) < timedelta(minutes=1)
        now = quotas.limits_for(tenant.pk, "video")
        assert (now.in_flight, now.backlog, now.per_day) == (50, plan.backlog, plan.per_day)
        with clock.shifted(timedelta(days=3)):
            assert quotas.limits_for(tenant.pk, "video") == plan
            assert "ended" in page_of(client.get(reverse("console:tenant", args=[tenant.pk])))

    def test_changing_and_removing_say_what_was_before(
        self, client: Client, tenant: Tenant
    ) -> None:
        url = reverse("console:limit", args=[tenant.pk, "video"])
        client.post(url, {**WHY, "per_day": "5"})
        form = client.get(url).content.decode()
        assert 'name="per_day" value="5"' in form
        client.post(url, {**WHY, "backlog": "7"})
        row = QueueLimit.objects.for_tenant(tenant).get(queue="video")
        assert (row.per_day, row.backlog, row.until) == (None, 7, None)
        remove = reverse("console:limit-remove", args=[tenant.pk, "video"])
        page_of(client.get(remove))
        page_of(client.post(remove, WHY, follow=True))
        assert not QueueLimit.objects.for_tenant(tenant).exists()
        first, second, third = OperatorAction.objects.order_by("at", "id")
        assert [first.action, second.action, third.action] == [
            "limit.set",
            "limit.set",
            "limit.remove",
        ]
        assert first.data["before"] is None
        assert second.data["before"]["per_day"] == 5
        assert third.data["before"]["backlog"] == 7
        assert first.target == tenant.slug

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({}, "Give at least one limit."),
            ({"per_day": "-1"}, "greater than or equal to 0"),
            ({"per_day": "2147483648"}, "less than or equal to 2147483647"),
            ({"per_day": "9" * 400}, "less than or equal to 2147483647"),
            ({"per_day": "many"}, "Enter a whole number."),
            ({"per_day": "5", "until": "2020-01-01T00:00"}, "This moment has passed."),
            ({"per_day": "5", "until": "some day"}, "Enter a valid date/time."),
            ({"per_day": "5", "reason": ""}, "This field is required."),
        ],
    )
    def test_what_makes_no_sense_is_refused_beside_its_field(
        self, client: Client, tenant: Tenant, values: dict[str, str], words: str
    ) -> None:
        url = reverse("console:limit", args=[tenant.pk, "video"])
        assert words in page_of(client.post(url, {**WHY, **values}), 400)
        assert not QueueLimit.objects.for_tenant(tenant).exists()
        assert actions() == []

    def test_the_service_refuses_what_the_form_would_have(self, tenant: Tenant) -> None:
        values: dict[str, Any] = {"in_flight": None, "backlog": None, "per_day": 1, "until": None}
        by = {"tenant_id": tenant.pk, "by": "user:1", "reason": "test"}
        with pytest.raises(AppError, match="limit_invalid"):
            services.limit_set(queue="video", **by, **{**values, "per_day": None})
        with pytest.raises(AppError, match="limit_invalid"):
            services.limit_set(queue="video", **by, **{**values, "until": clock.now()})
        with pytest.raises(AppError, match="queue_unknown"):
            services.limit_set(queue="nonsense", **by, **values)
        with pytest.raises(AppError, match="not_found"):
            services.limit_set(queue="video", **{**by, "tenant_id": new_id()}, **values)
        assert actions() == []

    def test_removing_what_is_not_there_is_no_deed(self, tenant: Tenant) -> None:
        removed = services.limit_remove(
            tenant_id=tenant.pk, queue="video", by="user:1", reason="test"
        )
        assert not removed
        assert actions() == []


class TestLimitsOnLectures:
    def test_an_exception_applies_until_its_end_and_no_longer(
        self, client: Client, tenant: Tenant
    ) -> None:
        lectures, viewers = quotas.video_limits_of(tenant), quotas.playback_limits_of(tenant)
        korean = clock.now() + timedelta(days=2, hours=9)
        values = {"minutes_per_month": "9000", "storage_gb": "0", "devices": "7"}
        until = {"until": f"{korean:%Y-%m-%dT%H:%M}"}
        url = reverse("console:video-limit", args=[tenant.pk])
        text = page_of(client.post(url, {**WHY, **values, **until}, follow=True))
        assert "The new limits on lectures apply at once." in text
        assert "in force until" in text
        assert "/ 9,000" in text

        for known in (tenant, tenant.pk):
            now = quotas.video_limits_of(known)
            assert (now.minutes_per_month, now.storage_bytes) == (9000, 0)
            assert quotas.playback_limits_of(known) == replace(viewers, devices=7)
        with pytest.raises(AppError, match="video_storage_full"):
            usage.storage_check(tenant, 1)
        with clock.shifted(timedelta(days=3)):
            assert quotas.video_limits_of(tenant) == lectures
            assert quotas.playback_limits_of(tenant) == viewers
            assert "ended" in page_of(client.get(reverse("console:tenant", args=[tenant.pk])))

    def test_changing_and_removing_say_what_was_before(
        self, client: Client, tenant: Tenant
    ) -> None:
        url = reverse("console:video-limit", args=[tenant.pk])
        client.post(url, {**WHY, "storage_gb": "750"})
        assert 'name="storage_gb" value="750"' in client.get(url).content.decode()
        client.post(url, {**WHY, "viewings": "4"})
        row = VideoLimit.objects.for_tenant(tenant).get()
        assert (row.storage_bytes, row.viewings, row.until) == (None, 4, None)
        remove = reverse("console:video-limit-remove", args=[tenant.pk])
        page_of(client.get(remove))
        page_of(client.post(remove, WHY, follow=True))
        assert not VideoLimit.objects.for_tenant(tenant).exists()
        first, second, third = OperatorAction.objects.order_by("at", "id")
        assert [first.action, second.action, third.action] == [
            *("video_limit.set", "video_limit.set", "video_limit.remove")
        ]
        assert second.data["before"]["storage_bytes"] == 750 * 10**9
        assert third.data["before"]["viewings"] == 4
        assert not services.video_limit_remove(tenant_id=tenant.pk, by="user:1", reason="again")

    def test_what_makes_no_sense_is_refused(self, client: Client, tenant: Tenant) -> None:
        url = reverse("console:video-limit", args=[tenant.pk])
        assert "Give at least one limit." in page_of(client.post(url, WHY), 400)
        assert "greater than or equal to 0" in page_of(
            client.post(url, {**WHY, "devices": -1}), 400
        )
        with pytest.raises(AppError, match="not_found"):
            quotas.playback_limits_of(new_id())
        assert actions() == []


def test_an_academy_is_stopped_and_let_work_again(client: Client, tenant: Tenant) -> None:
    url = reverse("console:tenant-switch", args=[tenant.pk])
    assert "Its people cannot sign in" in page_of(client.get(url))
    assert f"{tenant.slug} is stopped." in page_of(client.post(url, WHY, follow=True))
    tenant.refresh_from_db()
    assert not tenant.is_active
    assert f"{tenant.slug} works again." in page_of(client.post(url, WHY, follow=True))
    assert [action for action, _, _ in actions()] == ["tenant.deactivate", "tenant.activate"]


class TestAudit:
    def test_newest_first_by_name_and_page_by_page(self, client: Client, operator: Any) -> None:
        for number in range(60):
            OperatorAction.objects.create(
                at=clock.now() + timedelta(seconds=number),
                by=f"user:{operator.pk}" if number % 2 else "command:root",
                action="queue.pause",
                target=f"thing-{number:02d}",
            )
        seen: list[str] = []
        query: dict[str, str] = {}
        while True:
            answer = client.get(reverse("console:audit"), query)
            page_of(answer)
            page = answer.context["page"]
            seen += [deed.action.target for deed in page.deeds]
            assert {deed.who for deed in page.deeds} == {operator.username, "command:root"}
            if page.cursor is None:
                break
            query = {"cursor": page.cursor}
        assert seen == [f"thing-{number:02d}" for number in range(59, -1, -1)]

    def test_one_thing_alone(self, client: Client, tenant: Tenant) -> None:
        client.post(reverse("console:queue-pause", args=["video"]), WHY)
        client.post(reverse("console:queue-pause", args=["messaging"]), WHY)
        answer = client.get(reverse("console:audit"), {"target": "video"})
        assert [deed.action.target for deed in answer.context["page"].deeds] == ["video"]
