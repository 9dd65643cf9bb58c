"""Flower on SQS, with real workers, the real relay and jobs that end in every way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tasks.events.packing import pack
from tests.support.flower import FlowerSite, flower_site
from tests.support.sqs_proxy import wait_until

pytestmark = pytest.mark.integration("postgres", "sqs")

CANARY = "canary-in-the-arguments"
EVENTS = "academy-events"
SECOND = "academy-events-second"
SHOWN = ("name", "state", "worker", "runtime", "exception")
WORKERS = ("ai-lite", "ai-basic")


@pytest.fixture(scope="module")
def running(tmp_path_factory: Any, django_db_blocker: Any) -> Iterator[FlowerSite]:
    folder = tmp_path_factory.mktemp("flower")
    with django_db_blocker.unblock(), flower_site(folder, *WORKERS, events=(SECOND,)) as site:
        yield site


@pytest.fixture
def flower(running: FlowerSite) -> Iterator[FlowerSite]:
    yield running
    running.site.proxy.heal()


def test_workers_show_their_queue_pool_host_kind_and_that_they_live(flower: FlowerSite) -> None:
    names = {queue: flower.worker_name(queue) for queue in WORKERS}

    workers = flower.get("/api/workers").json
    alive = flower.get("/api/workers?status=1").json

    for queue, name in names.items():
        assert alive[name] is True
        assert [one["name"] for one in workers[name]["active_queues"]] == [queue]
        assert f"academy.{queue.replace('-', '_')}.run" in workers[name]["registered"]
        pool = workers[name]["stats"]["pool"]
        assert pool["host kind"] == ["CPU"]
        assert pool["implementation"] == ["prefork"]
        assert pool["events dropped"] == 0
    assert workers[names["ai-lite"]]["stats"]["pool"]["max-concurrency"] == 2


def test_tasks_show_how_their_jobs_ended_and_nothing_of_their_arguments(
    flower: FlowerSite,
) -> None:
    succeeding = flower.submit("test.ok", 3, note=CANARY)
    failing = flower.submit("test.permanent", 2, reason=CANARY)
    retrying = flower.submit("test.transient", 1)
    dying = flower.submit("test.poison", 1)
    joining = flower.submit("test.fan_out", 1, children=2)
    flower.ended(succeeding + failing + retrying + dying + joining)

    for task in flower.shown(succeeding, "SUCCESS"):
        assert task["name"] == "test.ok"
        assert task["worker"].startswith("ai-lite@")
        assert (task["args"], task["kwargs"]) == ("()", "(redacted)")
        assert task["received"] <= task["started"] <= task["succeeded"]
        assert 0 < task["runtime"] < 30
    for task in flower.shown(failing, "FAILURE"):
        assert task["exception"] == "test_permanent (failed)"
    (retried,) = flower.shown(retrying, "SUCCESS")
    assert (retried["retries"], retried["exception"]) == (1, "test_transient")
    assert retried["retried"] <= retried["succeeded"]
    (dead,) = flower.shown(dying, "FAILURE")
    assert dead["exception"].endswith("(dead)")
    flower.shown(joining, "SUCCESS")
    for path in ("/api/tasks", "/api/workers", f"/task/{failing[0]}", "/metrics"):
        assert CANARY not in flower.get(path).text


def test_every_page_is_there_with_its_data(flower: FlowerSite) -> None:
    (job,) = flower.submit("test.ok")
    flower.shown([job], "SUCCESS")
    name = flower.worker_name("ai-lite")
    datatable = "/tasks/datatable?draw=1&start=0&length=10&order[0][column]=0&order[0][dir]=asc"

    pages = {
        "/": name,
        "/workers": name,
        "/workers?json=1": name,
        f"/worker/{name}": "Host kind",
        "/tasks": "Task history",
        datatable: str(job),
        f"/task/{job}": "(redacted)",
        "/broker": "academy-ai-jobs-lite-dlq",
        "/metrics": 'flower_events_total{task="test.ok",type="task-succeeded"',
        "/api/task/types": "test.ok",
        f"/api/task/info/{job}": "SUCCESS",
    }
    for path, text in pages.items():
        answer = flower.get(path)
        assert answer.status == 200, (path, answer.text[:300])
        assert text in answer.text, path


def test_queue_lengths_cover_every_queue_and_its_dead_letters(flower: FlowerSite) -> None:
    site = flower.site
    for queue, dlq, count in (("video", False, 2), ("messaging", True, 3)):
        for _ in range(count):
            site.sqs.send_message(QueueUrl=site.url(queue, dlq=dlq), MessageBody="{}")

    def lengths() -> dict[str, Any]:
        entries = flower.get("/api/queues/length").json["active_queues"]
        found = {entry["name"]: entry for entry in entries}
        # The relay collects dead letters; a busy worker may be late with its heartbeat.
        dead = found["messaging-dlq"]["messages"] + found["messaging"]["dead_letters_open"]
        counted = dead == 3 and found["video"]["messages_ready"] == 2
        return found if counted and found["ai-lite"]["consumers"] == 1 else {}

    found = wait_until(lengths, 30, "messages, dead letters and consumers are counted")
    assert found["video"]["consumers"] == 0
    assert found["messaging-dlq"]["dead_letters_of"] == "messaging"
    assert {"ai-premium", "ai-premium-dlq", "ai-basic-dlq", "events"} <= set(found)
    assert 'class="badge platform-dead"' in flower.get("/broker").text


def test_what_sqs_cannot_do_is_refused_with_a_reason_and_offered_nowhere(
    flower: FlowerSite,
) -> None:
    name = flower.worker_name("ai-lite")
    (job,) = flower.submit("test.ok")
    flower.shown([job], "SUCCESS")

    for path, reason in {
        f"/api/worker/shutdown/{name}": "no remote control",
        f"/api/worker/pool/grow/{name}": "no remote control",
        f"/api/worker/queue/cancel-consumer/{name}": "no remote control",
        f"/api/task/revoke/{job}": "cancel a job on Flower's own pages",
        "/api/task/timeout/academy.ai_lite.run": "no remote control",
        "/api/task/async-apply/academy.ai_lite.run": "Submit a job through the platform's API",
        "/api/task/send-task/academy.ai_lite.run": "Submit a job through the platform's API",
    }.items():
        answer = flower.get(path, method="POST")
        assert answer.status == 403, path
        assert reason in answer.text, path
    assert "GET /api/v1/jobs/" in flower.get(f"/api/task/result/{job}").text
    for page in (f"/worker/{name}", f"/task/{job}"):
        text = flower.get(page).text
        for control in ("worker-shutdown", "worker-pool-grow", "task-revoke", "task-terminate"):
            assert f'id="{control}"' not in text
    assert flower.get("/api/workers?status=1").json[name] is True


def test_nobody_sees_anything_without_the_login(flower: FlowerSite) -> None:
    for path in ("/", "/tasks", "/broker", "/metrics", "/api/workers", "/api/queues/length"):
        assert flower.get(path, login="").status == 401, path
        assert flower.get(path, login="ops:a-guess-of-it").status == 401, path
    assert flower.get("/healthcheck", login="").status == 200


def test_another_sites_page_cannot_use_a_visitors_login(flower: FlowerSite) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        answer = flower.get("/api/task/revoke/x", method="POST", **headers)
        assert answer.status == 403
        assert "Cross-" in answer.text


def test_messages_that_are_no_events_and_errors_of_sqs_are_outlived(flower: FlowerSite) -> None:
    site = flower.site
    url = site.sqs.get_queue_url(QueueName=EVENTS)["QueueUrl"]
    odd = {"type": "task-succeeded", "uuid": "odd", "hostname": "w@h", "timestamp": 1, "clock": 1}
    for body in ("no json", '{"a": 1}', pack([odd | {"runtime": {}, "clock": 1e300}]).bodies[0][0]):
        site.sqs.send_message(QueueUrl=url, MessageBody=body)
    site.proxy.fault("ReceiveMessage", queue=EVENTS, status=503, times=1)
    site.proxy.fault("DeleteMessageBatch", queue=EVENTS, status=403, code="AccessDenied", times=1)

    jobs = flower.submit("test.ok", 2)

    flower.shown(jobs, "SUCCESS")
    wait_until(lambda: unreadable(flower) == 2, 10, "both bodies that were no events are counted")


def unreadable(flower: FlowerSite) -> float:
    lines = flower.get("/metrics").text.splitlines()
    (value,) = (
        line.split()[1]
        for line in lines
        if line.startswith("academy_flower_unreadable_messages_total ")
    )
    return float(value)


def test_a_flower_that_was_away_has_missed_and_forgotten_nothing(flower: FlowerSite) -> None:
    before = flower.submit("test.ok", 2)
    flower.shown(before, "SUCCESS")

    assert flower.stop("flower") == 0
    meanwhile = flower.submit("test.ok", 4) + flower.submit("test.permanent", 1)
    flower.ended(meanwhile)
    time.sleep(2)  # longer than a flush: every event of these jobs is in the queue now
    flower.start_flower()

    flower.shown(before, "SUCCESS", timeout=3)
    flower.shown(meanwhile, "SUCCESS", "FAILURE")
    alive = flower.get("/api/workers?status=1").json
    assert [alive[flower.worker_name(queue)] for queue in WORKERS] == [True, True]


def test_two_flowers_with_a_queue_each_see_the_same(flower: FlowerSite) -> None:
    before = flower.submit("test.ok", 3)
    flower.shown(before, "SUCCESS")
    second = flower.another_flower("second", FLOWER_QUEUE=SECOND)
    try:
        after = flower.submit("test.ok", 2) + flower.submit("test.permanent", 2)

        # What was said before it started waited in its queue, and neither takes from the other.
        for one in (flower, second):
            one.shown(before, "SUCCESS")
            one.shown(after, "SUCCESS", "FAILURE")
        seen = [one.tasks() for one in (flower, second)]
        for job in map(str, before + after):
            first, other = (
                {
                    key: tasks[job][key]
                    for key in ("name", "state", "worker", "runtime", "exception")
                }
                for tasks in seen
            )
            assert first == other
        for queue in WORKERS:
            name = flower.worker_name(queue)
            assert second.worker_name(queue) == name
            wait_until(
                lambda name=name: second.get("/api/workers?status=1").json[name],
                10,
                f"{name} lives",
            )
    finally:
        assert flower.stop("second") == 0


def test_an_events_queue_that_hangs_holds_up_no_task(flower: FlowerSite) -> None:
    def seconds_of(count: int) -> float:
        began = time.monotonic()
        flower.ended(flower.submit("test.ok", count))
        return time.monotonic() - began

    healthy = seconds_of(20)
    flower.site.proxy.fault("SendMessage", queue=EVENTS, hang=30, times=None)
    wait_until(lambda: flower.site.proxy.counts_of_queue["SendMessage", EVENTS], 5, "a flush hangs")
    jobs = flower.submit("test.ok", 20)
    began = time.monotonic()
    flower.ended(jobs)
    took = time.monotonic() - began

    assert took < 2 * healthy + 2
    assert not {str(job) for job in jobs} & set(flower.tasks())
    flower.site.proxy.heal()
    flower.shown(jobs, "SUCCESS", timeout=30)
