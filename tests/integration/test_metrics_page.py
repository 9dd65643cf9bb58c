"""``GET /metrics``: who may read it, what it says, and what it does when a part is away."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from academy.core import clock
from academy.fleet.models import QueueSwitch
from academy.fleet.queue_access import QueueDepth
from academy.jobs import kinds
from academy.jobs.models import Effect
from academy.telemetry import gauges, metrics, page, readers, requests, views
from academy.telemetry.page import Page
from tests.integration.test_metrics_tally import catch_up
from tests.support.jobs import QUEUE, claim, let_lease_expire, make_job, make_tenant, publish, run
from tests.support.kinds import registry

pytestmark = pytest.mark.django_db(transaction=True)


class Depths:
    """What SQS says of its queues, as soon as it is let."""

    def __init__(self, *depths: QueueDepth) -> None:
        self.found = depths
        self.hold = threading.Event()
        self.hold.set()

    def depths(self) -> tuple[QueueDepth, ...]:
        assert self.hold.wait(30)
        return self.found

    def events_depths(self) -> tuple[QueueDepth, ...]:
        return (
            QueueDepth("academy-events", ready=7, in_flight=1, delayed=0, oldest_seconds=12),
            QueueDepth("academy-events-2", problem="Away"),
        )


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings, tmp_path) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture(autouse=True)
def _fresh_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of its own for every test, without the two seconds that it lasts."""
    monkeypatch.setattr(page, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(views, "page", Page())


@pytest.fixture
def depths(monkeypatch: pytest.MonkeyPatch) -> Depths:
    fake = Depths(QueueDepth("video", 5, 2, 1, 40, 3), QueueDepth("messaging", problem="Away"))
    monkeypatch.setitem(
        gauges._readers, "sqs", readers.DepthsReader(lambda: readers.sqs_samples(fake))
    )
    return fake


@pytest.fixture
def tenant(transactional_db):
    return make_tenant()


def scrape(accept: str = "") -> dict[str, dict[tuple[str, ...], float]]:
    """The page as Prometheus reads it: values by sample name and sorted label values."""
    response = Client().get("/metrics", headers={"Accept": accept})
    assert response.status_code == 200, response.content
    parse = parse_openmetrics if "openmetrics" in accept else parse_text
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in parse(response.content.decode()):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            assert labels not in found.setdefault(sample.name, {}), (sample.name, labels)
            found[sample.name][labels] = sample.value
    return found


# ------------------------------------------------------------------ who may read


def test_without_a_token_only_this_machine_may_read_and_only_outside_production(settings, depths):
    assert Client().get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="::1").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="10.0.0.7").get("/metrics").status_code == 404
    proxied = {"X-Forwarded-For": "203.0.113.5"}
    assert Client().get("/metrics", headers=proxied).status_code == 404
    settings.METRICS_OPEN_ON_LOOPBACK = False
    assert Client().get("/metrics").status_code == 404


def test_with_a_token_everybody_needs_it(settings, depths):
    settings.METRICS_TOKEN = token = secrets.token_urlsafe(32)
    assert Client().get("/metrics").status_code == 401
    for wrong in (f"Bearer {token}x", f"Bearer {token[:-1]}", f"Basic {token}", token, "Bearer é"):
        answer = Client().get("/metrics", headers={"Authorization": wrong})
        assert answer.status_code == 401, wrong
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert b"academy_" not in answer.content
    right = {"Authorization": f"Bearer {token}"}
    assert Client(REMOTE_ADDR="10.0.0.7").get("/metrics", headers=right).status_code == 200
    assert Client().post("/metrics", headers=right).status_code == 405


# ------------------------------------------------------------------ what it says


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=1.0.0"])
def test_both_formats_parse_and_every_sample_is_in_the_table(tenant, depths, accept):
    run(make_job(tenant))
    catch_up()
    found = scrape(accept)
    known = set()
    for metric in metrics.all_metrics():
        suffixes = ("_bucket", "_count", "_sum") if metric.buckets else ("",)
        known |= {metric.name + suffix for suffix in suffixes}
    assert set(found) <= known
    assert found["academy_job_events_total"]["succeeded", "test.ok", QUEUE, "grow"] == 1
    assert found["academy_job_run_seconds_count"]["test.ok", "succeeded", QUEUE] == 1
    last = found["academy_job_run_seconds_bucket"]["test.ok", "+Inf", "succeeded", QUEUE]
    assert last == 1


def test_buckets_are_cumulative_and_end_with_everything(tenant, depths):
    for _ in range(4):
        run(make_job(tenant))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job_attempt SET ended_at = started_at + (ARRAY["
            "interval '0.2 s', '3 s', '3 s', '5 hours'])[n] FROM (SELECT job_id, number,"
            " row_number() OVER () AS n FROM job_attempt) AS row"
            " WHERE row.job_id = job_attempt.job_id"
        )
    catch_up()
    found = scrape()
    series = {
        float(labels[1]): count
        for labels, count in found["academy_job_run_seconds_bucket"].items()
        if labels[0] == "test.ok"
    }
    assert sorted(series)[:-1] == list(metrics.JOB_BUCKETS)
    assert [series[bound] for bound in (0.1, 0.25, 2.5, 5.0, 14_400.0)] == [0, 1, 1, 3, 3]
    assert series[float("inf")] == 4
    total = found["academy_job_run_seconds_sum"]["test.ok", "succeeded", QUEUE]
    assert total == pytest.approx(18_006.2)


def test_rare_and_bad_events_begin_at_zero(tenant, depths):
    found = scrape()
    assert found["academy_lease_takeovers_total"]["claim", "test.ok", QUEUE] == 0
    assert found["academy_job_events_total"]["dead", "test.ok", QUEUE, "start"] == 0


def test_ages_say_how_long_jobs_wait_to_be_published_and_claimed(tenant, depths):
    first, second, third = (make_job(tenant, priority=n) for n in (3, 5, 9))
    make_job(tenant, not_before=clock.now() + timedelta(days=1))
    make_job(make_tenant(is_active=False))
    age("job_event", "at", first=30, second=600, third=90)
    assert scrape()["academy_outbox_oldest_seconds"][QUEUE,] < 5
    with connection.cursor() as cursor:
        cursor.execute("UPDATE job SET not_before = now() - interval '2 hours'")
    found = scrape()["academy_outbox_oldest_seconds"]
    assert 600 <= found[QUEUE,] < 700
    assert found["video",] == 0
    publish()
    claim(second)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job SET published_at = now() - interval '3 minutes' WHERE state = 'published'"
        )
    let_lease_expire(second)
    found_all = scrape()
    assert found_all["academy_outbox_oldest_seconds"][QUEUE,] == 0
    assert 180 <= found_all["academy_published_oldest_seconds"][QUEUE,] < 240
    assert found_all["academy_leases_expired"][QUEUE,] == 1
    assert {first.priority, third.priority} == {3, 9}


def age(table: str, column: str, **seconds: int) -> None:
    """Move the events of the jobs of priority 3, 5 and 9 back by so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER job_event_append_only")
        for priority, name in ((3, "first"), (5, "second"), (9, "third")):
            cursor.execute(
                f"UPDATE {table} SET {column} = {column} - make_interval(secs => %s) WHERE job_id "
                "IN (SELECT id FROM job WHERE priority = %s AND not_before <= now())",
                [seconds[name], priority],
            )
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER job_event_append_only")


def test_a_job_that_was_queued_again_is_as_old_as_its_last_step(tenant, depths):
    job = make_job(tenant)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_event DISABLE TRIGGER job_event_append_only")
        cursor.execute("UPDATE job_event SET at = at - interval '1 day'")
        cursor.execute("ALTER TABLE job_event ENABLE TRIGGER job_event_append_only")
        cursor.execute("UPDATE job SET not_before = now() - interval '1 day'")
    assert scrape()["academy_outbox_oldest_seconds"][QUEUE,] > 86_000
    claim(job)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE job SET state = 'queued', version = 2, lease_until = NULL")
    assert scrape()["academy_outbox_oldest_seconds"][QUEUE,] < 60


def test_the_page_says_what_it_was_made_from(tenant, depths, settings):
    settings.RELEASE = "2026.3.2+4f1c"
    assert scrape()["academy_build_info"] == {("2026.3.2+4f1c",): 1}


def test_queues_show_what_sqs_says_and_nothing_where_it_does_not(tenant, depths):
    found = scrape()
    assert found["academy_queue_messages"] == {
        ("video", "ready"): 5, ("video", "in_flight"): 2, ("video", "delayed"): 1,
    }  # fmt: skip
    assert found["academy_queue_up"] == {("video",): 1, ("messaging",): 0}
    assert found["academy_dead_letter_queue_messages"] == {("video",): 3}
    assert found["academy_queue_oldest_message_seconds"] == {("video",): 40}
    assert found["academy_queue_in_flight_limit"]["video",] == 120_000
    assert found["academy_events_queue_messages"] == {
        ("academy-events", "ready"): 7, ("academy-events", "in_flight"): 1,
    }  # fmt: skip
    assert found["academy_events_queue_oldest_message_seconds"] == {("academy-events",): 12}


def test_an_sqs_that_hangs_holds_up_nothing_and_is_shown_as_away(tenant, depths):
    depths.hold.clear()
    started = clock.monotonic()
    found = scrape()
    assert clock.monotonic() - started < 10
    assert found["academy_metrics_reader_up"]["sqs",] == 0
    assert found["academy_metrics_reader_up"]["jobs",] == 1
    assert "academy_queue_messages" not in found
    depths.hold.set()
    assert scrape()["academy_queue_messages"]["video", "ready"] == 5


def test_a_reader_that_fails_or_is_too_slow_takes_only_its_own_metrics_away(
    tenant, depths, monkeypatch
):
    def slow() -> list[gauges.Sample]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")
        return []

    def broken() -> list[gauges.Sample]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
        return []

    readers_now = {"slow": slow, "broken": broken, **gauges._readers}
    monkeypatch.setattr(gauges, "_readers", readers_now)
    monkeypatch.setattr(gauges, "BUDGET_SECONDS", 15.0)
    monkeypatch.setattr(gauges, "STATEMENT_MS", 300)
    found = scrape()
    up = found["academy_metrics_reader_up"]
    assert (up["slow",], up["broken",], up["jobs",], up["fleet",]) == (0, 0, 1, 1)
    assert found["academy_database_connections"][()] >= 1


def test_workers_are_added_up_and_a_paused_queue_is_shown(tenant, depths):
    now = clock.now()
    with connection.cursor() as cursor:
        for number, state in enumerate(("working", "working", "draining", "stopped")):
            columns = [f"w{number}", QUEUE, state, {"working": 2}.get(state, 1)]
            worker_row(cursor, *columns, seen="0 s")
        worker_row(cursor, "silent", QUEUE, "working", 1, seen="5 minutes")
    QueueSwitch.objects.create(queue=QUEUE, paused_at=now, paused_by="user:1", reason="a test")
    found = scrape()
    assert found["academy_workers"] == {
        ("cpu", QUEUE, "working"): 2,
        ("cpu", QUEUE, "draining"): 1,
    }
    assert found["academy_worker_slots"] == {("cpu", QUEUE): 12}
    assert found["academy_worker_held_messages"] == {("cpu", QUEUE): 5}
    assert found["academy_worker_events_dropped"] == {("cpu", QUEUE): 21}
    paused = found["academy_queue_paused"]
    assert paused.pop((QUEUE,)) == 1
    assert set(paused.values()) == {0}


def worker_row(cursor: Any, name: str, queue: str, state: str, held: int, *, seen: str) -> None:
    """A worker of four slots that dropped seven events."""
    cursor.execute(
        "INSERT INTO worker (name, life, queue, host, host_kind, pool, concurrency, release, "
        "state, held, facts, started_at, seen_at, drain_asked_by) VALUES (%s, gen_random_uuid(), "
        "%s, 'host', 'cpu', 'prefork', 4, '', %s, %s, '{\"events_dropped\": 7}', now(), "
        "now() - %s::interval, '')",
        [name, queue, state, held, seen],
    )


def test_calls_whose_end_nobody_knows_are_shown_with_their_age(tenant, depths):
    job = make_job(tenant)
    for number, state in enumerate(("unknown", "unknown", "sent")):
        Effect.unscoped.create(
            tenant=tenant, job=job, key=str(number), state=state, attempt=1,
            created_at=clock.now(), updated_at=clock.now() - timedelta(minutes=number + 1),
        )  # fmt: skip
    found = scrape()
    assert found["academy_effects_open"] == {("sending",): 0, ("unknown",): 2}
    assert 120 <= found["academy_effects_open_oldest_seconds"]["unknown",] < 180


def test_lag_is_absent_before_the_first_tally_and_small_after_it(tenant, depths):
    assert "academy_tally_lag_seconds" not in scrape()
    catch_up()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE event_tally SET caught_up_at = now() - interval '40 seconds'")
    assert 40 <= scrape()["academy_tally_lag_seconds"][()] < 60


def test_requests_reach_the_page_through_the_database(tenant, depths, monkeypatch):
    fresh = requests.RequestCounters()
    monkeypatch.setattr(requests, "counters", fresh)
    Client().get("/healthz")
    Client().get("/nowhere/1234")
    assert fresh.flush()
    found = scrape()
    assert found["academy_http_requests_total"]["GET", "/healthz", "200"] == 1
    assert found["academy_http_requests_total"]["GET", "none", "404"] == 1
    assert found["academy_http_request_seconds_count"]["GET", "/healthz"] == 1


# ------------------------------------------------------------------ many, and none


def test_scrapes_at_once_share_one_reading(tenant, depths, monkeypatch):
    monkeypatch.setattr(page, "FRESH_SECONDS", 30.0)
    readings: list[int] = []
    read = page.read

    def counted() -> Any:
        readings.append(1)
        return read()

    monkeypatch.setattr(page, "read", counted)

    def one(_: int) -> int:
        try:
            return Client().get("/metrics").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(12))) == [200] * 12
    assert len(readings) == 1


def test_a_database_that_is_away_is_a_503_with_a_sentence(monkeypatch, transactional_db):
    def away() -> Any:
        raise OperationalError("connection refused")

    monkeypatch.setattr(page, "read", away)
    answer = Client().get("/metrics")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    error = answer.json()["error"]
    assert error["code"] == "service_unavailable"
    assert error["message"]
    assert b"refused" not in answer.content


def test_nobody_waits_long_for_the_reading_of_another(monkeypatch, transactional_db):
    reading, go_on = threading.Event(), threading.Event()

    def stuck() -> Any:
        reading.set()
        assert go_on.wait(60)
        return []

    monkeypatch.setattr(page, "read", stuck)
    monkeypatch.setattr(page, "WAIT_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: Client().get("/metrics").status_code)
        assert reading.wait(30)
        assert Client().get("/metrics").status_code == 503
        go_on.set()
        assert first.result(30) == 200
