"""One trace over real processes, and the canary: nobody's number in any sink."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from academy.jobs.models import Job, JobLog
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.tenants.scopes import DEFAULT_KEY_SCOPES
from tests.support.collector import Collector, SeenSpan, collecting
from tests.support.processes import Process, eventually
from tests.support.world import World

pytestmark = [pytest.mark.integration("s3", "sqs"), pytest.mark.usefixtures("buckets")]

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PHONE = "010-4821-7730"
CANARY = re.compile(rb"4821.{0,3}7730")
STOP_SECONDS = 20.0


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def world(collector: Collector, django_db_blocker: Any) -> Iterator[World]:
    """A platform whose processes send their spans only when they end: the flush is what is seen."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "LOG_FORMAT": "json",
    }
    with django_db_blocker.unblock(), World(**environ) as made:
        yield made


def submit(world: World, api: str, tenant: Tenant, kind: str, params: dict[str, Any]) -> Job:
    """Over REST, in the caller's trace."""
    key = key_create(tenant=tenant, name="tracing", scopes=DEFAULT_KEY_SCOPES)
    with httpx.Client(base_url=api, trust_env=False, timeout=30) as client:

        def answers() -> bool:
            try:
                return client.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        eventually(answers, 40, "the API answers")
        answer = client.post(
            "/api/v1/jobs",
            json={"kind": kind, "params": params},
            headers={
                "Authorization": f"Bearer {key.token}",
                "traceparent": f"00-{TRACE}-{SPAN}-01",
                "X-Request-ID": "request-of-a-test",
            },
        )
    assert answer.status_code == 202, answer.text
    return Job.unscoped.get(pk=answer.json()["id"])


def lines_of(process: Process, **fields: Any) -> list[dict[str, Any]]:
    """The JSON log lines of a process that carry these fields."""
    found = []
    for text in process.log.splitlines():
        if text.startswith("{"):
            line = json.loads(text)
            if all(line.get(name) == value for name, value in fields.items()):
                found.append(line)
    return found


def span(collector: Collector, name: str, job: Job) -> SeenSpan:
    """The one span of that name about the job."""
    (found,) = [
        seen
        for seen in collector.wait_for(name)
        if seen.attributes.get("academy.job.id") == str(job.pk)
    ]
    return found


def test_one_trace_leads_from_the_request_to_the_worker_and_no_sink_holds_a_number(
    world: World, collector: Collector
) -> None:
    tenant = world.tenant()
    api, address = world.api()
    relay = world.relay()
    worker = world.worker("ai-lite").said(" ready.")
    note = f"call the parent at {PHONE}"
    well = submit(world, address, tenant, "test.talk", {"note": note})
    badly = submit(world, address, tenant, "test.talk", {"note": note, "fail": True})
    world.end(well, badly)
    assert (well.state, badly.state) == ("succeeded", "dead")
    assert not collector.spans(), "nothing is sent before its time"
    for process in (api, relay, worker):
        began = time.monotonic()
        assert process.stop(STOP_SECONDS) == 0, process.log[-2_000:]
        assert time.monotonic() - began < STOP_SECONDS

    _hold_the_trace(collector, well)
    _hold_the_logs(api, worker, well, tenant)
    failed = span(collector, "job.attempt", badly)
    assert (failed.failed, failed.attributes["error.type"]) == (True, "handler_error")
    assert ("exception", {"exception.type": "builtins.LookupError"}) in failed.events

    assert well.params["note"] == note, "the canary went the whole way"
    kept = [line.message for line in JobLog.objects.filter(job=well)]
    assert kept == ["it was said: call the parent at 010-****-****"]
    sinks = {process.name: process.log.encode() for process in (api, relay, worker)}
    sinks |= {"collector": b"".join(collector.raw)}
    sinks |= {"job log": "\n".join(JobLog.objects.values_list("message", flat=True)).encode()}
    sinks |= {"attempts": str(list(badly.attempts.values())).encode()}
    assert not [name for name, sink in sinks.items() if CANARY.search(sink)]
    assert b"010-****-****" in sinks["attempts"], "the failure that quotes it was written down"


def _hold_the_trace(collector: Collector, job: Job) -> None:
    stored = span(collector, "job.submit", job)
    published = span(collector, "job.publish", job)
    attempt = span(collector, "job.attempt", job)
    served = next(seen for seen in collector.spans("POST") if seen.id == stored.parent)
    talking = next(seen for seen in collector.spans("talking") if seen.parent == attempt.id)
    settled = next(seen for seen in collector.spans("job.settle") if seen.parent == attempt.id)
    story = [served, stored, published, attempt, talking, settled]
    assert {seen.trace for seen in story} == {TRACE}
    assert served.parent == SPAN
    assert (published.parent, attempt.parent) == (stored.id, stored.id)
    assert [seen.service for seen in story] == [
        "academy-api", "academy-api", "academy-relay", *["academy-worker-ai-lite"] * 3,
    ]  # fmt: skip
    assert {seen.release for seen in story} == {"dev"}
    assert served.started <= stored.started <= published.started
    assert stored.ended <= attempt.started <= talking.started <= settled.started
    assert attempt.attributes["academy.worker"] == job.attempts.get().worker


def _hold_the_logs(api: Process, worker: Process, job: Job, tenant: Tenant) -> None:
    belongs = {"job": str(job.pk), "trace": TRACE, "request_id": "request-of-a-test"}
    (said,) = lines_of(worker, **belongs, logger="academy.jobs.run")
    (ended,) = lines_of(worker, **belongs, logger="academy.jobs.execute")
    assert ended["event"] == "attempt ended: succeeded"
    assert {name: said[name] for name in ("tenant", "attempt", "kind", "queue")} == {
        "tenant": tenant.slug,
        "attempt": 1,
        "kind": "test.talk",
        "queue": "ai-lite",
    }
    assert not [name for name in said if name.startswith("_")]
    (access,) = lines_of(api, **belongs, logger="academy.access")
    assert access["tenant"] == tenant.slug


def test_a_message_is_thin_and_names_the_rows_trace(world: World) -> None:
    tenant = world.tenant()
    api, address = world.api()
    job = submit(world, address, tenant, "test.talk", {"note": PHONE})
    api.stop()
    relay = world.relay()
    world.becomes(job, "published")
    relay.stop()
    (message,) = world.sqs.receive_message(
        QueueUrl=world.queue_url("ai-lite"), WaitTimeSeconds=5, VisibilityTimeout=0
    )["Messages"]
    envelope = json.loads(message["Body"])
    assert envelope["headers"]["traceparent"] == job.traceparent
    assert job.traceparent.startswith(f"00-{TRACE}-")
    arguments, named, _ = json.loads(envelope["body"])
    assert (arguments, named) == ([], {"job": str(job.pk), "version": 1})
    assert not CANARY.search(message["Body"].encode())
    worker = world.worker("ai-lite").said(" ready.")
    world.end(job)
    worker.stop()


def test_a_collector_that_hangs_holds_up_no_job_and_no_end_of_a_process(
    world: World, collector: Collector
) -> None:
    tenant = world.tenant()
    collector.mode = "hang"
    try:
        impatient = {"OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}
        relay = world.relay(**impatient)
        worker = world.worker("ai-lite", **impatient).said(" ready.")
        asked = collector.requests
        jobs = world.submit(tenant, "test.talk", 30, note="hello")
        began = time.monotonic()
        # Spans belong to somebody: these were stored by a process that does not trace.
        world.end(*jobs, seconds=30)
        assert {job.state for job in jobs} == {"succeeded"}
        assert time.monotonic() - began < 30
        eventually(lambda: collector.requests > asked, 10, "the worker has tried to send")
        for process in (relay, worker):
            began = time.monotonic()
            assert process.stop(STOP_SECONDS) == 0, process.log[-2_000:]
            assert time.monotonic() - began < STOP_SECONDS
    finally:
        collector.mode = "take"
        collector.released.set()
