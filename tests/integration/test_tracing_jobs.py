"""One trace from the submission to the attempts, through the service layer and a collector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import pytest

from academy.core import tracing
from academy.core.errors import AppError
from academy.jobs import kinds, replay
from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.tenants.models import QueueLimit, Tenant
from tasks import queues
from tasks.relay import Publisher
from tests.support.collector import Collector, SeenSpan, collecting
from tests.support.jobs import drain, make_tenant, publish
from tests.support.kinds import registry
from tests.support.rest import key_client

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{SPAN}-01"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector, and this process sends its spans to it."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with collecting() as made:
        tracing.configure("academy-test", made.traces_url)
        try:
            yield made
        finally:
            tracing.shutdown(1)
            tracing.configure("academy-test", None)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant()


def submit(tenant: Tenant, *orders: Order) -> list[Job]:
    return jobs_submit(by=Submitter(tenant, "test", ""), orders=orders)


def names(job: Job, span: SeenSpan) -> bool:
    """Whether the row names the span as its parent; the flags behind it say how it was sampled."""
    return job.traceparent.startswith(f"00-{span.trace}-{span.id}-")


def test_a_job_is_one_trace_from_its_submission_to_its_end(collector, tenant):
    (job,) = submit(tenant, Order("test.talk", {"lines": 2}))
    drain("ai-lite")
    (stored,) = collector.wait_for("job.submit")
    (attempt,) = collector.wait_for("job.attempt")
    (talking,) = collector.wait_for("talking")
    (settled,) = collector.wait_for("job.settle")
    assert names(job, stored)
    assert {span.trace for span in (stored, attempt, talking, settled)} == {stored.trace}
    assert (attempt.parent, talking.parent, settled.parent) == (stored.id, attempt.id, attempt.id)
    assert (stored.kind, attempt.kind) == ("producer", "consumer")
    assert attempt.name == "job.attempt test.talk"
    assert stored.attributes == {
        "academy.tenant": tenant.slug,
        "academy.jobs": 1,
        "academy.job.kind": "test.talk",
        "academy.job.id": str(job.pk),
    }
    assert attempt.attributes == {
        "academy.job.id": str(job.pk),
        "academy.job.kind": "test.talk",
        "academy.job.attempt": 1,
        "academy.job.phase": "start",
        "academy.queue": "ai-lite",
        "academy.tenant": tenant.slug,
        "academy.worker": "test-worker",
        "messaging.message.id": "test-message",
        "academy.receive_count": 1,
    }
    assert settled.attributes == {
        "academy.job.outcome": "succeeded",
        "academy.job.state": "succeeded",
    }
    assert attempt.events == [
        ("claimed", {}),
        ("step", {"academy.step": "talked", "academy.percent": 90.0}),
    ]
    assert not attempt.failed


def test_every_job_of_a_batch_is_stored_with_the_batchs_trace(collector, tenant):
    jobs = submit(tenant, *[Order("test.ok")] * 3)
    (stored,) = collector.wait_for("job.submit")
    assert all(names(job, stored) for job in jobs)
    assert stored.attributes["academy.jobs"] == 3


def test_the_parts_of_a_flow_continue_the_attempt_that_split_it(collector, tenant):
    (job,) = submit(tenant, Order("test.fan_out", {"children": 2}))
    drain("ai-lite", "ai-basic")
    attempts = collector.wait_for("job.attempt", 4)
    split = next(span for span in attempts if span.attributes["academy.job.phase"] == "start"
                 and span.name.endswith("fan_out"))  # fmt: skip
    joined = next(span for span in attempts if span.attributes["academy.job.phase"] == "join")
    parts = [span for span in attempts if span.name == "job.attempt test.part"]
    assert len(parts) == 2
    # The children are stored while the split is settled.
    settles = {span.id: span.parent for span in collector.wait_for("job.settle", 4)}
    assert {settles[part.parent] for part in parts} == {split.id}
    assert {span.trace for span in attempts} == {split.trace}
    assert job.traceparent.split("-")[2] == split.parent == joined.parent


def test_a_replay_is_a_trace_of_its_own_that_leads_to_the_first(collector, tenant):
    (job,) = submit(tenant, Order("test.permanent", {"reason": "so"}))
    drain("ai-lite")
    again = replay.job_replay(by=Submitter(tenant, "test", ""), job_id=job.pk)
    first, second = collector.wait_for("job.submit", 2)
    assert first.trace != second.trace
    assert names(again, second)
    assert second.links == [first.id]


def test_a_failure_shows_by_code_and_class_in_the_attempts_span(collector, tenant):
    submit(tenant, Order("test.permanent", {"reason": "so"}))
    drain("ai-lite")
    (attempt,) = collector.wait_for("job.attempt")
    (settled,) = collector.wait_for("job.settle")
    assert (attempt.failed, attempt.failure) == (True, "test_permanent")
    assert attempt.attributes["error.type"] == "test_permanent"
    assert ("exception", {"exception.type": "academy.jobs.errors.PermanentError"}) in attempt.events
    assert settled.attributes["academy.job.code"] == "test_permanent"
    assert settled.attributes["academy.job.state"] == "failed"


def test_a_refused_submission_is_a_failed_span_with_its_code(collector, tenant):
    QueueLimit.unscoped.create(tenant=tenant, queue="ai-lite", backlog=1)
    with pytest.raises(AppError):
        submit(tenant, *[Order("test.ok")] * 2)
    (stored,) = collector.wait_for("job.submit")
    assert (stored.failed, stored.failure) == (True, "quota_backlog_exceeded")


def test_the_request_is_the_parent_and_continues_its_callers_trace(collector, tenant):
    client = key_client(tenant)
    answer = client.post(
        "/api/v1/jobs?secret=1",
        {"kind": "test.ok"},
        headers={"traceparent": CALLER, "X-Request-ID": "request-of-a-test"},
    )
    assert answer.status_code == 202
    (served,) = collector.wait_for("POST")
    (stored,) = collector.wait_for("job.submit")
    assert (served.kind, served.trace, served.parent) == ("server", TRACE, SPAN)
    assert (stored.trace, stored.parent) == (TRACE, served.id)
    assert served.name == "POST /api/v1/jobs"
    assert served.attributes["http.route"] == "/api/v1/jobs"
    assert served.attributes["http.response.status_code"] == 202
    assert served.attributes["academy.request_id"] == "request-of-a-test"
    assert b"secret" not in b"".join(collector.raw)


def test_a_route_is_named_by_its_template_and_health_is_not_traced(collector, tenant):
    (job,) = submit(tenant, Order("test.ok"))
    client = key_client(tenant)
    client.get("/healthz")
    client.get(f"/api/v1/jobs/{job.pk}")
    client.get("/no/such/page")
    read, missing = collector.wait_for("GET", 2)
    assert read.name == "GET /api/v1/jobs/{job_id}"
    assert (missing.name, missing.attributes["http.response.status_code"]) == ("GET", 404)
    assert not missing.failed
    assert not [span for span in collector.spans() if "health" in span.name]


def test_while_tracing_is_off_the_callers_trace_reaches_the_row_and_the_parts(tenant):
    client = key_client(tenant)
    for header, stored in [(CALLER, CALLER), ("nonsense", "")]:
        answer = client.post(
            "/api/v1/jobs",
            {"kind": "test.fan_out", "params": {"children": 1}},
            headers={"traceparent": header},
        )
        assert Job.unscoped.get(pk=answer.json()["id"]).traceparent == stored
    drain("ai-lite", "ai-basic")
    parts = Job.unscoped.filter(kind="test.part")
    assert sorted(part.traceparent for part in parts) == ["", CALLER]


class Broker:
    """Stands where the broker's producer is, and keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def batch(self, max_size: int) -> Broker:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Everything is sent."""

    def publish(self, body: Any, **options: Any) -> None:
        self.sent.append({"body": body, **options})


def test_the_relays_message_carries_the_rows_trace_and_its_span_lies_between(collector, tenant):
    (job,) = submit(tenant, Order("test.ok"))
    Job.unscoped.create(
        tenant=tenant, kind="test.ok", kind_version=1, queue="ai-lite", params={},
        created_at=job.created_at, not_before=job.created_at, submitted_by="test",
    )  # fmt: skip
    due = publish("ai-lite")
    publisher, broker = Publisher(), Broker()
    publisher._producer = broker
    assert len(publisher.publish(queues.by_name("ai-lite"), due)) == 2
    headers = {message["headers"]["id"]: message["headers"] for message in broker.sent}
    assert headers[f"{job.pk}-v1"]["traceparent"] == job.traceparent
    assert sum("traceparent" in header for header in headers.values()) == 1
    (published,) = collector.wait_for("job.publish")
    (stored,) = collector.wait_for("job.submit")
    assert (published.trace, published.parent) == (stored.trace, stored.id)
    assert published.attributes["academy.job.id"] == str(job.pk)
    assert published.attributes["academy.batch"] == 2
