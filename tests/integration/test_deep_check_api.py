"""The deep check over REST: who may, what runs at once, and that it lives in rows alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from academy.core import clock
from academy.core.errors import AppError
from academy.fleet import queue_access, services
from academy.fleet.models import OperatorAction
from academy.fleet.queue_access import QueueDepth
from academy.jobs.models import Job
from academy.ops.deep import check, pings, probes
from academy.ops.deep.probes import Found
from academy.ops.deep.report import Status
from academy.tenants.models import ApiKey, Member, QueueLimit, Tenant
from academy.tenants.services import tenant_change
from tests.support.jobs import drain, make_tenant
from tests.support.rest import client_with, error_of, key_client, staff_client

pytestmark = [pytest.mark.integration("postgres", "s3"), pytest.mark.django_db]

URL = "/api/v1/ops/deep-checks"


class Quiet:
    """The table of queues, and depths that need no SQS."""

    def __init__(self, real: Any) -> None:
        self.facts = real.facts

    def depths(self) -> list[QueueDepth]:
        return [QueueDepth(facts.name, ready=0, dead=0) for facts in self.facts()]


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch, buckets: None) -> Iterator[None]:
    """Every part answers; no process runs."""
    before = queue_access.queue_access()
    queue_access.register(Quiet(before))  # type: ignore[arg-type]
    monkeypatch.setattr(probes, "PROBES", dict.fromkeys(probes.PROBES, Found))
    try:
        yield
    finally:
        queue_access.register(before)


@pytest.fixture
def staff() -> Any:
    return staff_client()[0]


def started(staff: Any, **body: Any) -> dict[str, Any]:
    answer = staff.post(URL, body, format="json")
    assert answer.status_code == 202, answer.content
    assert answer.headers["Location"] == f"{URL}/{answer.json()['id']}"
    return dict(answer.json())


def read(staff: Any, check_id: str) -> dict[str, Any]:
    answer = staff.get(f"{URL}/{check_id}")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def test_it_runs_from_start_to_result(staff: Any) -> None:
    body = started(staff, queues=["ai-lite", "messaging"])
    assert body["verdict"] == "running"
    assert [queue["status"] for queue in body["queues"]] == ["running", "running"]
    assert [part["name"] for part in body["parts"]] == list(probes.PROBES)

    drain("ai-lite")
    body = read(staff, body["id"])
    assert [queue["status"] for queue in body["queues"]] == ["ok", "running"]
    assert body["finished_at"] is None

    drain("messaging")
    body = read(staff, body["id"])
    assert (body["verdict"], body["queues"][1]["reached"]) == ("ok", "settled")
    assert body["finished_at"] is not None
    assert body == read(staff, body["id"])


def test_a_check_that_nobody_followed_is_settled_by_whoever_looks_next(staff: Any) -> None:
    body = started(staff, queues=["ai-lite"], timeout_seconds=20)
    later = clock.now() + timedelta(seconds=21)

    with clock.frozen(later):
        found = read(staff, body["id"])

    (queue,) = found["queues"]
    assert (found["verdict"], queue["status"], queue["reached"]) == ("broken", "broken", "stored")
    assert queue["finding"] == "relay_did_not_publish"
    assert Job.unscoped.get(pk=queue["job"]).state == "cancelled"
    assert found == read(staff, body["id"])


def test_two_never_run_at_once_and_none_right_after_another(staff: Any) -> None:
    first = started(staff, queues=["ai-lite"])

    refused = error_of(staff.post(URL, {}, format="json"), 409)
    assert (refused["code"], refused["details"]["id"]) == ("deep_check_running", first["id"])

    drain("ai-lite")
    answer = staff.post(URL, {}, format="json")
    assert error_of(answer, 429)["code"] == "deep_check_too_soon"
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    with clock.frozen(clock.now() + timedelta(seconds=6)):
        started(staff, queues=["ai-lite"])


def test_a_paused_queue_gets_no_job(staff: Any) -> None:
    services.queue_pause(queue="video", by="user:1", reason="a test")

    body = started(staff, queues=["video"])

    # Nothing is left to wait for, so the first look is the last.
    assert body["verdict"] == "attention"
    (queue,) = body["queues"]
    assert (queue["status"], queue["job"], queue["reached"]) == ("paused", None, None)
    assert not Job.unscoped.filter(tenant_id=pings.TENANT_ID).exists()


def test_a_ping_that_fails_ends_the_check_at_once(
    staff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AppError("storage_refused")

    monkeypatch.setattr("academy.jobs.kinds_system.use_store", refuse)
    body = started(staff, queues=["ai-lite"])
    drain("ai-lite")

    body = read(staff, body["id"])

    (queue,) = body["queues"]
    assert (body["verdict"], queue["finding"]) == ("broken", "worker_store")
    assert queue["facts"]["code"] == "storage_refused"


def test_a_part_that_warns_is_attention_and_one_that_hangs_is_broken(
    staff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        probes.PROBES,  # type: ignore[arg-type]
        "database",
        lambda: Found(Status.WARNING, "connections_near_limit", {"used": 391, "limit": 400}),
    )
    body = started(staff, queues=["ai-lite"])
    drain("ai-lite")
    body = read(staff, body["id"])
    assert body["verdict"] == "attention"
    assert "391 of 400" in body["parts"][0]["message"]["en"]
    assert "391/400" in body["parts"][0]["message"]["ko"]

    release = threading.Event()

    def hang() -> Found:
        release.wait(20)
        return Found()

    monkeypatch.setitem(probes.PROBES, "broker", hang)  # type: ignore[arg-type]
    try:
        (broker,) = (part for part in probes.run(0.2) if part.name == "broker")
    finally:
        release.set()
    assert (broker.status, broker.finding, broker.seconds) == (Status.BROKEN, "no_answer", None)


def test_the_checks_own_academy_is_made_once_and_is_held_to_limits(staff: Any) -> None:
    started(staff, queues=["ai-lite"])
    tenant_change(tenant_id=pings.TENANT_ID, name=None, plan=None, is_active=False)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        started(staff, queues=["ai-lite", "video"])

    tenant = Tenant.objects.get(slug=pings.TENANT_SLUG)
    assert (tenant.pk, tenant.is_active) == (pings.TENANT_ID, True)
    assert QueueLimit.unscoped.filter(tenant=tenant).count() == 2
    assert not Member.unscoped.filter(tenant=tenant).exists()
    assert not ApiKey.unscoped.filter(tenant=tenant).exists()


def test_an_academy_of_that_name_is_never_used(staff: Any) -> None:
    taken = make_tenant()
    Tenant.objects.filter(pk=taken.pk).update(slug=pings.TENANT_SLUG)

    assert error_of(staff.post(URL, {}, format="json"), 409)["code"] == "deep_check_slug_taken"
    assert not Job.unscoped.filter(tenant=taken).exists()
    assert not OperatorAction.objects.filter(action=check.START).exists()


def test_who_started_it_is_on_record(staff: Any) -> None:
    body = started(staff, queues=["ai-lite"])
    drain("ai-lite")
    read(staff, body["id"])

    start = OperatorAction.objects.get(pk=body["id"])
    result = OperatorAction.objects.get(action=check.RESULT)
    assert start.by == result.by
    assert start.by.startswith("user:")
    assert result.data["verdict"] == "ok"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"queues": ["none"]}, 404, "queue_unknown"),
        ({"queues": "ai-lite"}, 400, "validation_failed"),
        ({"timeout_seconds": 1}, 400, "validation_failed"),
        ({"timeout_seconds": "20"}, 400, "validation_failed"),
        ({"timeout_seconds": 3600}, 400, "validation_failed"),
        ({"force": True}, 400, "unknown_field"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    staff: Any, body: dict[str, Any], status: int, code: str
) -> None:
    assert error_of(staff.post(URL, body, format="json"), status)["code"] == code


def test_an_unknown_check_is_404(staff: Any) -> None:
    assert error_of(staff.get(f"{URL}/{uuid4()}"), 404)["code"] == "deep_check_not_found"


def test_academies_and_strangers_may_neither_start_nor_read_one(staff: Any) -> None:
    check_id = started(staff, queues=["ai-lite"])["id"]
    key = key_client(make_tenant())
    for client, status in ((key, 403), (client_with(None), 401)):
        error_of(client.post(URL, {}, format="json"), status)
        error_of(client.get(f"{URL}/{check_id}"), status)
    assert Client().get(f"{URL}/{check_id}").status_code == 401
