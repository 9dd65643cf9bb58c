"""What the console's pages say, and what they cost."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from academy.core import clock, health, ids
from academy.core.ids import first_id_at, new_id, time_of
from academy.deadletters import collect
from academy.fleet import queue_access
from academy.fleet.models import QueueSwitch, Worker
from academy.fleet.queue_access import QueueDepth
from academy.jobs import admission, kinds, lease
from academy.jobs.models import Effect, Job, JobLog
from academy.jobs.reap import sweep
from academy.ops import attention, selectors_queues
from academy.ops.attention import Relay, Weight
from academy.ops.selectors_jobs import JobFilter, jobs_page
from academy.ops.story import tell
from academy.tenants.models import QueueLimit, Tenant
from tests.support import jobs as lives
from tests.support.console import Queues, client_of, page_of, staff_user
from tests.support.jobs import make_job, make_tenant
from tests.support.kinds import registry

pytestmark = pytest.mark.django_db

OVERVIEW = "console:overview"


@pytest.fixture(autouse=True)
def queues(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> Queues:
    made = Queues()
    monkeypatch.setattr(queue_access, "_access", made)
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path
    return made


@pytest.fixture
def client() -> Client:
    return client_of(staff_user())


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def make_worker(queue: str = "video", *, silent: float = 0.0, **fields: Any) -> Worker:
    now = clock.now()
    host = f"host-{new_id().hex[-8:]}"
    values = {
        "name": f"{queue}@{host}",
        "queue": queue,
        "host": host,
        "host_kind": "cpu",
        "pool": "prefork",
        "concurrency": 1,
        "state": "working",
        "started_at": now,
        "seen_at": now - timedelta(seconds=silent),
    }
    return Worker.objects.create(**{**values, **fields})


def titles(page: Any) -> list[str]:
    """The steps of a job's story, in order."""
    return [step.title for step in page.context["steps"]]


# ---------------------------------------------------------------------------- overview


class TestOverview:
    def test_a_platform_with_nobody_at_work_says_so_first(
        self, client: Client, tenant: Tenant
    ) -> None:
        make_job(tenant, "test.ok")
        text = page_of(client.get(reverse(OVERVIEW)))
        assert "No relay is at work: nothing is sent to any queue." in text
        assert "Nobody works on ai-lite, and 1 job waits." in text
        assert text.index("No relay is at work") < text.index("Nobody works on messaging.")

    def test_all_is_well_where_everybody_works(
        self, client: Client, queues: Queues, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "relay_sign", lambda: health.RelaySign(1, 0.5))
        for facts in queues.facts():
            make_worker(facts.name)
        text = page_of(client.get(reverse(OVERVIEW)))
        assert "All is well. Nothing needs a person now." in text
        assert "Workers alive 5" in text

    def test_what_failed_and_died_within_the_hour_is_counted(
        self, client: Client, tenant: Tenant
    ) -> None:
        lives.run(make_job(tenant, "test.permanent"))
        poisoned = make_job(tenant, "test.poison")
        lives.run(poisoned)
        collect.all_jobs()
        text = page_of(client.get(reverse(OVERVIEW)))
        assert "Failed or died in the last hour 2" in text
        assert "1 dead letter is open." in text


def _needed(queues: list[selectors_queues.QueueRow], **facts: Any) -> list[attention.Item]:
    relay = facts.get("relay", Relay(1, 0.1, {}))
    with translation.override("en"):
        return attention.needed(relay=relay, queues=queues, workers=facts.get("workers", []))


class TestAttention:
    def test_a_pause_is_told_with_its_reason_and_hides_that_nobody_works(self) -> None:
        QueueSwitch.objects.create(
            queue="video", paused_at=clock.now(), paused_by="user:1", reason="disk full"
        )
        rows = [row for row in selectors_queues.queues_overview() if row.name == "video"]
        assert [item.text for item in _needed(rows)] == ["video is paused: disk full"]

    def test_a_queue_near_the_limit_of_sqs_stands_still_soon(self, queues: Queues) -> None:
        make_worker("video")
        queues.known["video"] = QueueDepth("video", 0, 100_000, 0, None, 0)
        rows = [row for row in selectors_queues.queues_overview() if row.name == "video"]
        (item,) = _needed(rows)
        assert item.weight is Weight.STANDS_STILL
        assert item.text == "video has 83 % of the messages in flight that SQS allows."

    def test_a_queue_that_sqs_does_not_answer_for_is_told(self, queues: Queues) -> None:
        make_worker("video")
        queues.known["video"] = QueueDepth("video", problem="EndpointConnectionError")
        rows = [row for row in selectors_queues.queues_overview() if row.name == "video"]
        (item,) = _needed(rows)
        assert "EndpointConnectionError" in item.text

    def test_a_late_relay_is_named_with_its_worst_queue(self) -> None:
        (item,) = _needed([], relay=Relay(1, 0.1, {"video": 31.0, "ai-lite": 95.4}))
        assert item.text == "The relay is 95 s late on ai-lite."
        assert _needed([], relay=Relay(2, 0.1, {"video": 29.0})) == []

    def test_a_database_too_slow_to_ask_is_itself_the_finding(self) -> None:
        (item,) = _needed([], relay=None)
        assert item.weight is Weight.STANDS_STILL

    def test_a_worker_that_fell_silent_is_missed_for_an_hour(self) -> None:
        make_worker("video", silent=60.0, name="video@gone")
        make_worker("video", silent=7_200.0, name="video@history")
        make_worker("video", silent=60.0, name="video@stopped", state="stopped")
        make_worker("video", name="video@here")
        from academy.fleet.selectors import workers_list  # noqa: PLC0415

        items = _needed([], workers=workers_list())
        assert [item.text for item in items] == ["The worker video@gone fell silent."]


# ---------------------------------------------------------------------------- queues


class TestQueues:
    def test_every_state_of_a_queue_s_rows_is_counted_apart(
        self, client: Client, tenant: Tenant
    ) -> None:
        later = clock.now() + timedelta(hours=1)
        make_job(tenant, "test.ok", not_before=later)
        jobs = [make_job(tenant, "test.ok") for _ in range(4)]
        lives.publish("ai-lite", limit=2)
        lives.claim(jobs[0])
        (rows,) = [row.rows for row in selectors_queues.queues_overview() if row.name == "ai-lite"]
        assert rows is not None
        assert (rows.due, rows.later, rows.published, rows.running) == (2, 1, 1, 1)
        assert rows.backlog == 4
        assert rows.oldest_seconds is not None
        page_of(client.get(reverse("console:queues")))

    def test_the_time_to_drain_is_not_known_without_a_pace_and_honest_with_one(
        self, tenant: Tenant
    ) -> None:
        waiting = [make_job(tenant, "test.ok") for _ in range(10)]
        assert _row("ai-lite").drain_seconds is None
        assert _row("video").drain_seconds == 0.0
        for job in waiting[:4]:
            lives.run(job)
        # Four ended in five minutes, six are left: seven and a half minutes.
        assert _row("ai-lite").per_minute == pytest.approx(0.8)
        assert _row("ai-lite").drain_seconds == pytest.approx(450.0)
        QueueSwitch.objects.create(
            queue="ai-lite", paused_at=clock.now(), paused_by="user:1", reason="test"
        )
        assert _row("ai-lite").drain_seconds is None

    def test_a_count_that_takes_too_long_is_given_up_and_said(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(selectors_queues, "_OPEN", "SELECT pg_sleep(30)")
        monkeypatch.setattr(selectors_queues, "STATEMENT_MS", 50)
        text = page_of(client.get(reverse("console:queues")))
        assert "The database took too long to count the jobs." in text
        assert "Empty in not known" in text

    def test_unknown_depths_are_dashes_and_not_zeros(self, client: Client, queues: Queues) -> None:
        queues.known["video"] = QueueDepth("video", problem="ConnectTimeout")
        text = page_of(client.get(reverse("console:queues")))
        assert "SQS does not answer (ConnectTimeout); its figures are not known." in text
        assert "Ready \u2013" in text


def _row(queue: str) -> selectors_queues.QueueRow:
    (row,) = [row for row in selectors_queues.queues_overview() if row.name == queue]
    return row


# ---------------------------------------------------------------------------- the list of jobs


class TestJobList:
    def test_filters_hold_all_at_once(self, client: Client, tenant: Tenant) -> None:
        wanted = make_job(tenant, "test.ok", request_id="req-12345678")
        lives.run(wanted)
        others = [
            make_job(tenant, "test.ok"),
            make_job(make_tenant(), "test.ok"),
            make_job(tenant, "test.sleep"),
        ]
        url = reverse("console:jobs")
        for query in (
            {"state": "succeeded"},
            {"find": "req-12345678"},
            {"tenant": tenant.slug, "state": "succeeded", "queue": "ai-lite", "kind": "test.ok"},
        ):
            text = page_of(client.get(url, query))
            assert str(wanted.pk) in text
            assert not any(str(job.pk) in text for job in others), query

    def test_an_id_leads_to_its_job_and_a_request_to_its_jobs(
        self, client: Client, tenant: Tenant
    ) -> None:
        request_id = str(new_id())
        jobs = [make_job(tenant, request_id=request_id) for _ in range(2)]
        url = reverse("console:jobs")
        answer = client.get(url, {"find": f" {jobs[0].pk} "})
        assert answer["Location"] == reverse("console:job", args=[jobs[0].pk])
        text = page_of(client.get(url, {"find": request_id}))
        assert all(str(job.pk) in text for job in jobs)

    def test_pages_follow_each_other_without_gap_or_repeat(
        self, client: Client, tenant: Tenant
    ) -> None:
        made = [make_job(tenant).pk for _ in range(120)]
        seen: list[Any] = []
        query = f"?tenant={tenant.slug}"
        while query:
            answer = client.get(reverse("console:jobs") + query)
            page_of(answer)
            seen += [job.pk for job in answer.context["page"].jobs]
            older = answer.context["page"].older_than
            query = f"?{answer.context['older']}" if older else ""
        assert seen == made[::-1]

    def test_times_are_korean(self, client: Client, tenant: Tenant) -> None:
        moment = clock.now() - timedelta(days=1)
        job = _made_at(tenant, moment)
        korean = timedelta(hours=9)
        url = reverse("console:jobs")
        before, after = moment - timedelta(minutes=2), moment + timedelta(minutes=2)
        inside = {"since": f"{before + korean:%Y-%m-%dT%H:%M}"}
        assert str(job.pk) in page_of(client.get(url, inside))
        outside = {"since": f"{after + korean:%Y-%m-%dT%H:%M}"}
        assert str(job.pk) not in page_of(client.get(url, outside))

    def test_the_window_can_be_widened_from_the_end_of_the_list(
        self, client: Client, tenant: Tenant
    ) -> None:
        old = _made_at(tenant, clock.now() - timedelta(days=8))
        answer = client.get(reverse("console:jobs"))
        text = page_of(answer)
        assert str(old.pk) not in text
        assert "Look further back: in the last 30 days" in text
        wider = answer.context["wider"][1]
        assert str(old.pk) in page_of(client.get(f"{reverse('console:jobs')}?{wider}"))

    def test_a_search_that_takes_too_long_is_stopped_and_says_what_to_do(
        self, client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_job(tenant)
        monkeypatch.setattr("academy.ops.selectors_jobs.STATEMENT_MS", 1)
        from academy.ops import selectors_jobs  # noqa: PLC0415

        slow = Job.unscoped.extra(where=["pg_sleep(5) IS NOT NULL"])
        monkeypatch.setattr(selectors_jobs, "_matching", lambda _wanted: slow)
        text = page_of(client.get(reverse("console:jobs")), 422)
        assert "Choose a shorter time, or add an academy, a queue or a state." in text

    def test_parts_of_flows_can_be_left_out_or_asked_for(
        self, client: Client, tenant: Tenant
    ) -> None:
        parent = make_job(tenant, "test.fan_out")
        child = make_job(tenant, "test.part", parent=parent)
        url = reverse("console:jobs")
        assert str(child.pk) not in page_of(client.get(url, {"whole": "on"}))
        assert str(child.pk) in page_of(client.get(url, {"parent": str(parent.pk)}))


def _made_at(tenant: Tenant, moment: Any) -> Job:
    job_id = type(new_id())(int=first_id_at(moment).int | 0x7 << 76 | 0b10 << 62)
    return make_job(tenant, id=job_id, created_at=moment, not_before=moment)


def test_an_id_says_when_it_was_made() -> None:
    ids._generator.renew()  # other tests move the clock, and ids only go up
    before = clock.now()
    made = time_of(str(new_id()))
    assert made is not None
    assert abs(made - before) < timedelta(seconds=5)
    assert first_id_at(before).int <= new_id().int
    for text in ("", "nonsense", "ffffffff-ffff-4fff-bfff-ffffffffffff", "f" * 12 + "7" + "8" * 19):
        assert time_of(text) is None


# ---------------------------------------------------------------------------- one job


class TestStory:
    def test_a_retried_job(self, client: Client, tenant: Tenant) -> None:
        job = make_job(tenant, "test.transient", params={"times": 1})
        lives.publish("ai-basic")
        lives.run(job)
        lives.let_wait_pass(job)
        admission.promote_retries()
        lives.publish("ai-basic")
        lives.run(job)
        answer = client.get(reverse("console:job", args=[job.pk]))
        text = page_of(answer)
        assert titles(answer) == [
            "Submitted",
            "Sent to the queue ai-basic",
            "Attempt 1 began",
            "Failed for now; it will be tried again",
            "The wait is over; queued again",
            "Sent to the queue ai-basic",
            "Attempt 2 began",
            "Succeeded",
        ]
        assert "test-message, received once" in text
        assert "test_transient: A transient failure made by a test (1 of 1)." in text
        assert "2, of which 1 failed for now and 0 were lost" in text
        assert "hx-get" not in answer.content.decode(), "a job that has ended changes no more"

    def test_a_dead_job_shows_what_the_academy_reads_and_what_operators_may(
        self, client: Client, tenant: Tenant
    ) -> None:
        job = make_job(tenant, "test.poison")
        lives.run(job)
        answer = client.get(reverse("console:job", args=[job.pk]))
        text = page_of(answer)
        assert titles(answer)[-1] == "Dead: a person must look"
        assert "작업 처리 중 예상하지 못한 오류가 생겼습니다." in text
        assert "The job met an error that nobody expected." in text
        assert "LookupError: a mistake nobody foresaw" in text
        assert "Run again" in text
        assert "Its dead letter" not in text
        collect.all_jobs()
        assert "Its dead letter" in page_of(client.get(reverse("console:job", args=[job.pk])))

    def test_a_job_whose_worker_vanished(self, client: Client, tenant: Tenant) -> None:
        job = make_job(tenant, "test.ok")
        lives.claim(job, worker=lease.Worker("ai-lite@first/1"))
        lives.let_lease_expire(job)
        sweep()
        job.refresh_from_db()
        lives.claim(job, worker=lease.Worker("ai-lite@second/2"))
        lives.let_lease_expire(job)
        lives.claim(job, worker=lease.Worker("ai-lite@third/3"))
        answer = client.get(reverse("console:job", args=[job.pk]))
        text = page_of(answer)
        assert titles(answer)[1:] == [
            "Attempt 1 began",
            "Heartbeat lost: the worker is gone; queued again",
            "Attempt 2 began",
            "Attempt 2 lost its heartbeat; attempt 3 took over",
        ]
        assert "ai-lite@third/3" in text
        assert "hx-get" in answer.content.decode(), "a job at work is watched"

    def test_a_flow_shows_its_parts_the_broken_first(self, client: Client, tenant: Tenant) -> None:
        job = make_job(tenant, "test.fan_out", params={"children": 4, "fail_at": 2})
        lives.drain("ai-lite", "ai-basic")
        answer = client.get(reverse("console:job", args=[job.pk]))
        text = page_of(answer)
        assert titles(answer)[-2:] == [
            "Split into parts; waits for them",
            "Failed, for a reason the academy can read",
        ]
        assert "child_failed: The part part-0002 failed" in text
        record = answer.context["record"]
        assert record.children[0].child_key == "part-0002"
        assert sum(record.children_by_state.values()) == 4
        child = page_of(client.get(reverse("console:job", args=[record.children[0].pk])))
        assert f"Part of {job.pk}" in child

    def test_nothing_personal_or_secret_is_readable(self, client: Client, tenant: Tenant) -> None:
        phone, secret = "010-9876-5432", "hunter2hunter2"  # made up
        job = make_job(
            tenant, "test.ok", params={"note": f"call {phone}", "more": f"password={secret}"}
        )
        now = clock.now()
        Effect.unscoped.create(
            tenant=tenant, job=job, key=f"sms:{phone}", attempt=1, created_at=now, updated_at=now
        )
        answer = client.get(reverse("console:job", args=[job.pk]))
        page_of(answer)
        page = answer.content.decode()
        assert phone not in page
        assert secret not in page
        assert "010-****-****" in page

    def test_a_job_says_where_it_came_from_and_what_became_of_it(
        self, client: Client, tenant: Tenant
    ) -> None:
        first = make_job(tenant, "test.permanent", traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
        lives.run(first)
        again = make_job(tenant, "test.ok", replay_of=first)
        text = page_of(client.get(reverse("console:job", args=[first.pk])))
        assert f"Run again as {again.pk}" in text
        assert f"Trace {'ab' * 16}" in text
        assert f"Runs again {first.pk}" in page_of(
            client.get(reverse("console:job", args=[again.pk]))
        )

    def test_markup_in_what_a_tenant_wrote_stays_text(self, client: Client, tenant: Tenant) -> None:
        job = make_job(tenant, "test.permanent", params={"reason": "<script>alert(1)</script>"})
        lives.run(job)
        page = client.get(reverse("console:job", args=[job.pk])).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page

    def test_the_steps_say_how_long_each_took(self, tenant: Tenant) -> None:
        job = make_job(tenant, "test.ok")
        lives.run(job)
        events = list(job.events.order_by("seq"))
        steps = tell(job, events, list(job.attempts.all()), language="en")
        assert steps[0].since_last is None
        assert steps[2].since_last == events[2].at - events[1].at
        assert steps[1].attempt is not None
        assert steps[1].attempt.outcome == "succeeded"


class TestLog:
    def test_the_tail_first_and_older_lines_page_by_page(
        self, client: Client, tenant: Tenant
    ) -> None:
        job = make_job(tenant)
        now = clock.now()
        JobLog.objects.bulk_create(
            JobLog(
                job=job, attempt=attempt, seq=seq, at=now, level="info", logger="x",
                message=f"line {attempt}.{seq};",
            )
            for attempt in (1, 2)
            for seq in range(1, 401)
        )  # fmt: skip
        answer = client.get(reverse("console:job-log", args=[job.pk]))
        text = page_of(answer)
        assert "line 2.400;" in text
        assert "line 1.301;" in text
        assert "line 1.300;" not in text
        assert "hx-get" in answer.content.decode()
        attempt, seq = answer.context["page"].older_than
        older = client.get(
            reverse("console:job-log", args=[job.pk]), {"before": f"{attempt}.{seq}"}
        )
        text = page_of(older)
        assert "line 1.300;" in text
        assert "line 1.1;" in text
        assert "line 1.301;" not in text
        assert older.context["page"].older_than is None


# ---------------------------------------------------------------------------- the others


class TestTenants:
    def test_use_stands_beside_the_limits_in_force(self, client: Client) -> None:
        tenant = make_tenant(plan="start")
        jobs = [make_job(tenant, "test.ok") for _ in range(3)]
        lives.run(jobs[0])
        lives.claim(jobs[1])
        QueueLimit.unscoped.create(
            tenant=tenant, queue="ai-lite", per_day=7, until=clock.now() + timedelta(hours=1)
        )
        QueueLimit.unscoped.create(
            tenant=tenant, queue="video", per_day=9, until=clock.now() - timedelta(hours=1)
        )
        text = page_of(client.get(reverse("console:tenant", args=[tenant.pk])))
        assert "ai-lite 1 / 4 2 / 1,000 3 / 7 in force until" in text
        assert "video 0 / 2 0 / 200 0 / 200 ended" in text

    def test_the_list_says_who_is_nearest_to_a_limit(self, client: Client) -> None:
        tenant = make_tenant()
        make_job(tenant, "test.ok")
        QueueLimit.unscoped.create(tenant=tenant, queue="ai-lite", per_day=1)
        text = page_of(client.get(reverse("console:tenants"), {"find": tenant.slug}))
        assert "ai-lite 100 %" in text

    def test_pages_follow_each_other(self, client: Client) -> None:
        word = new_id().hex[-12:]
        slugs = [f"{word}-{number:02d}" for number in range(60)]
        Tenant.objects.bulk_create(Tenant(slug=slug, name=slug) for slug in slugs)
        seen, after = [], ""
        while True:
            answer = client.get(reverse("console:tenants"), {"find": word, "after": after})
            page = answer.context["page"]
            seen += [row.tenant.slug for row in page.rows]
            if page.after is None:
                break
            after = page.after
        assert seen == slugs


def test_workers_show_what_they_hold_and_who_fell_silent(client: Client, tenant: Tenant) -> None:
    worker = make_worker("ai-lite", host_kind="gpu", held=1)
    make_worker("video", silent=120.0, name="video@gone")
    job = make_job(tenant, "test.ok")
    lives.claim(job, worker=lease.Worker(f"{worker.name}/4711", "gpu"))
    answer = client.get(reverse("console:workers"))
    text = page_of(answer)
    rows = {row.view.row.name: row for row in answer.context["rows"]}
    assert [held.pk for held in rows[worker.name].jobs] == [job.pk]
    assert rows["video@gone"].state == "lost"
    assert "GPU" in text
    assert "No sign of life" in text


# ---------------------------------------------------------------------------- what it costs


def _addresses(tenant: Tenant, job: Job) -> list[str]:
    return [
        reverse(OVERVIEW),
        reverse("console:queues"),
        reverse("console:jobs"),
        reverse("console:job", args=[job.pk]),
        reverse("console:job-log", args=[job.pk]),
        reverse("console:tenants"),
        reverse("console:tenant", args=[tenant.pk]),
        reverse("console:workers"),
        reverse("console:audit"),
    ]


def _queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as found:
        page_of(client.get(path))
    return len([q for q in found if not re.match(r"(SET|SAVEPOINT|RELEASE)", q["sql"])])


def test_no_page_asks_more_because_there_is_more_to_show(client: Client, tenant: Tenant) -> None:
    job = make_job(tenant, "test.fan_out", params={"children": 3})
    lives.drain("ai-lite", "ai-basic")
    make_worker()
    before = {path: _queries(client, path) for path in _addresses(tenant, job)}
    for _ in range(5):
        more = make_tenant()
        for kind in ("test.ok", "test.permanent", "test.poison"):
            lives.run(make_job(more, kind))
        make_job(tenant, "test.ok", replay_of=job)
        make_worker(
            "ai-lite", drain_asked_at=clock.now(), drain_asked_by=f"user:{more.pk.int % 99}"
        )
        QueueLimit.unscoped.create(tenant=more, queue="video", per_day=9)
    after = {path: _queries(client, path) for path in _addresses(tenant, job)}
    grown = {path: (before[path], after[path]) for path in before if after[path] > before[path] + 1}
    assert not grown
    assert max(after.values()) <= 25, after


def test_a_list_reads_as_many_rows_as_it_shows_however_many_there_are(tenant: Tenant) -> None:
    _fill(tenant, 20_000)
    for wanted in (
        JobFilter(),
        JobFilter(since=clock.now() - timedelta(days=7)),
        JobFilter(tenant_id=tenant.pk),
        JobFilter(state="failed", since=clock.now() - timedelta(days=1)),
        JobFilter(state="queued"),
    ):
        with CaptureQueriesContext(connection) as found:
            jobs_page(wanted)
        statement = next(q["sql"] for q in found if q["sql"].startswith("SELECT"))
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            plan = cursor.fetchone()[0]
        assert "Seq Scan on job" not in str(plan), wanted
        assert _rows_read(plan[0]["Plan"]) <= 2_000, (wanted, plan)


def _rows_read(node: dict[str, Any]) -> int:
    own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int(max([own, *(_rows_read(inner) for inner in node.get("Plans", []))]))


_FILL = """
INSERT INTO job (id, tenant_id, kind, kind_version, queue, priority, params, submitted_by,
    request_id, state, version, event_seq, not_before, created_at, finished_at, attempt, failures,
    losses, lease_owner, phase, step, percent, checkpoint, artifacts, output_prefix, error_code,
    error_params, child_key)
SELECT (lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '7'
        || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid,
    %s, 'test.ok', 1, 'ai-lite', 5, '{}', 'test', '', state, 1, 1, made, made, made, 1, 0, 0, '',
    'start', '', 100, '{}', '[]', '', CASE WHEN state = 'failed' THEN 'handler_error' ELSE '' END,
    '{}', ''
FROM (SELECT i, clock_timestamp() - i * interval '30 s' AS made,
        CASE WHEN i %% 500 = 0 THEN 'failed' ELSE 'succeeded' END AS state
      FROM generate_series(1, %s) i) AS rows
"""


def _fill(tenant: Tenant, count: int) -> None:
    """Jobs that have ended, past the triggers that would walk each through its life."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_FILL, [tenant.pk, count])
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        cursor.execute("ANALYZE job")


# ---------------------------------------------------------------------------- the deep check


class TestCheck:
    def test_a_check_is_begun_watched_and_told_in_words(self, client: Client) -> None:
        url = reverse("console:check")
        assert "No check was made yet." in page_of(client.get(url))
        answer = client.post(url, follow=True)
        text = page_of(answer)
        assert "Being checked" in text
        assert "hx-get" in answer.content.decode()
        report = answer.context["report"]
        assert [row.result.queue for row in answer.context["queues"]] == [
            facts.name for facts in queue_access.queue_access().facts()
        ]

        again = page_of(client.post(url, follow=True))
        assert "Being checked" in again
        assert "banner error" in client.post(url, follow=True).content.decode()

        with clock.frozen(report.deadline_at + timedelta(seconds=1)):
            answer = client.get(url)
        text = page_of(answer)
        assert "Broken" in text
        assert "deploy/runbooks/" in text
        assert "hx-get" not in answer.content.decode()
