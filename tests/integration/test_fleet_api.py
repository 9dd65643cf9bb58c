"""The fleet over REST and on the command line."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from academy.core.ids import new_id
from academy.fleet import queue_access, report
from academy.fleet.models import OperatorAction, QueueSwitch, Worker
from academy.fleet.queue_access import QueueDepth
from academy.fleet.states import WorkerState
from tasks.queue_access import SqsAccess
from tests.support.openapi import Document
from tests.support.rest import client_with, error_of, key_client, new_tenant, staff_client

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]

OPS = "/api/v1/ops"
NAME = "video@ip-10-0-3-17"
REASON = {"reason": "disk full"}


class Access(SqsAccess):
    """The platform's own table of queues, and depths as a test says."""

    def depths(self) -> list[QueueDepth]:
        return [
            QueueDepth("video", ready=3, in_flight=1, delayed=0, dead=2),
            QueueDepth("ai-lite", problem="EndpointConnectionError"),
        ]


@pytest.fixture(autouse=True)
def _depths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_access, "_access", Access())


class Client:
    """A caller whose every answer is held against the OpenAPI document."""

    def __init__(self, client: APIClient, document: Document) -> None:
        self._client = client
        self._document = document

    def get(self, path: str) -> Any:
        return self._ask("get", path, None)

    def post(self, path: str, body: Any = None) -> Any:
        return self._ask("post", path, {} if body is None else body)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        extra = {} if body is None else {"data": body, "format": "json"}
        answer = getattr(self._client, method)(OPS + path, **extra)
        media = answer.headers["Content-Type"].partition(";")[0]
        address = OPS + path.partition("?")[0]
        self._document.check_answer(method, address, answer.status_code, media, answer.json())
        return answer


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture
def staff(document: Document) -> tuple[Client, User]:
    client, user = staff_client()
    return Client(client, document), user


def a_worker(name: str = NAME, **said: Any) -> None:
    who = report.Identity(new_id(), name, "video", "ip-10-0-3-17", "cpu", "prefork", 1)
    values = {"state": WorkerState.WORKING, "held": 1, "facts": {"events_dropped": 0}} | said
    report.report(who, up_seconds=60.0, **values)


def test_a_queue_is_paused_and_resumed_and_the_log_says_by_whom(staff):
    client, user = staff
    answer = client.post("/queues/video/pause", REASON)
    assert answer.status_code == 200
    paused = answer.json()["paused"]
    assert (paused["by"], paused["reason"]) == (f"user:{user.pk}", "disk full")
    assert client.post("/queues/video/pause", {"reason": "again"}).json()["paused"] == paused

    assert client.post("/queues/video/resume").json() == {"name": "video", "paused": None}
    assert client.post("/queues/video/resume").json()["paused"] is None

    items = client.get("/actions").json()["items"]
    assert [(item["action"], item["target"], item["by"]) for item in items] == [
        ("queue.resume", "video", f"user:{user.pk}"),
        ("queue.pause", "video", f"user:{user.pk}"),
    ]
    assert items[0]["data"]["paused_seconds"] >= 0


def test_queues_show_their_depth_their_switch_and_who_is_at_work(staff):
    client, _ = staff
    a_worker()
    a_worker("video@gone", state=WorkerState.STOPPED)
    client.post("/queues/video/pause", REASON)

    items = {item["name"]: item for item in client.get("/queues").json()["items"]}
    assert list(items) == ["video", "ai-lite", "ai-basic", "ai-premium", "messaging"]
    video = items["video"]
    assert (video["depth"]["ready"], video["depth"]["dead"], video["workers_alive"]) == (3, 2, 1)
    assert video["paused"]["reason"] == "disk full"
    assert video["dlq_name"] == f"{video['sqs_name']}-dlq"
    assert items["ai-lite"]["depth"]["problem"] == "EndpointConnectionError"
    assert items["ai-lite"]["depth"]["ready"] is None
    assert (items["messaging"]["paused"], items["messaging"]["workers_alive"]) == (None, 0)


def test_a_worker_is_drained_and_undrained(staff):
    client, user = staff
    a_worker()
    drained = client.post(f"/workers/{NAME}/drain", {"reason": "kernel update"}).json()
    assert drained["drain"]["by"] == f"user:{user.pk}"
    assert client.get("/workers").json()["items"] == [drained]
    assert client.post(f"/workers/{NAME}/undrain").json()["drain"] is None
    actions = client.get(f"/actions?target={NAME}").json()["items"]
    assert [(item["action"], item["reason"]) for item in actions] == [
        ("worker.undrain", ""), ("worker.drain", "kernel update"),
    ]  # fmt: skip


def test_what_is_unknown_stopped_or_malformed_is_refused_by_code(staff):
    client, _ = staff
    a_worker(state=WorkerState.STOPPED, held=0)
    for path, body, status, code in (
        ("/queues/vide/pause", REASON, 404, "queue_unknown"),
        ("/queues/vide/resume", None, 404, "queue_unknown"),
        ("/workers/nobody/drain", None, 404, "worker_unknown"),
        ("/workers/nobody/undrain", None, 404, "worker_unknown"),
        (f"/workers/{NAME}/drain", None, 409, "worker_stopped"),
        ("/queues/video/pause", {}, 400, "validation_failed"),
        ("/queues/video/pause", {"reason": 7}, 400, "validation_failed"),
        ("/queues/video/pause", {"reason": "x" * 201}, 400, "validation_failed"),
        ("/queues/video/pause", {**REASON, "force": True}, 400, "unknown_field"),
        ("/queues/video/resume", {"force": True}, 400, "unknown_field"),
    ):
        assert error_of(client.post(path, body), status)["code"] == code, path
    assert error_of(client.get("/queues?x=1"), 400)["code"] == "unknown_field"
    assert not OperatorAction.objects.exists()


def test_only_the_platforms_staff_may_look_or_switch(document):
    tenant = new_tenant().tenant
    for client, status in ((client_with(None), 401), (key_client(tenant), 403)):
        for path in ("/queues", "/workers", "/actions"):
            error_of(client.get(OPS + path), status)
        for path in ("/queues/video/pause", "/queues/video/resume", f"/workers/{NAME}/drain"):
            error_of(client.post(OPS + path, REASON, format="json"), status)
    assert not QueueSwitch.objects.exists()


def test_the_log_is_read_in_pages(staff):
    client, _ = staff
    for _ in range(3):
        client.post("/queues/video/pause", REASON)
        client.post("/queues/video/resume")
    first = client.get("/actions?limit=4").json()
    rest = client.get(f"/actions?limit=4&cursor={first['next_cursor']}").json()
    seen = [item["id"] for page in (first, rest) for item in page["items"]]
    assert len(seen) == len(set(seen)) == 6
    assert rest["next_cursor"] is None
    assert len(client.get("/actions?action=queue.pause").json()["items"]) == 3


def test_every_operation_is_described_with_examples_that_are_true(document):
    checked = 0
    for method, path, operation in document.operations():
        if not path.startswith((f"{OPS}/queues", f"{OPS}/workers", f"{OPS}/actions")):
            continue
        assert "Scope: `ops:" in operation["description"], (method, path)
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        bodies += [answer for status, answer in operation["responses"].items() if status < "3"]
        for content in (content for body in bodies for content in body["content"].values()):
            for example in content["examples"].values():
                document.check(example["value"], content["schema"])
                checked += 1
    assert checked >= 9


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("fleet", *words, stdout=out)
    return out.getvalue()


def test_the_command_turns_the_switches_and_says_what_it_did():
    a_worker()
    assert "video is paused since" in run("pause", "video", "--reason", "disk full")
    said = run("status")
    assert re.search(r"video +paused +3 +1 +2 +1 +command:\S+: disk full", said)
    assert re.search(r"ai-lite +running +\? +\? +\? +0 +EndpointConnectionError", said)
    assert re.search(rf"{NAME} +working +1 +prefork x1 +cpu +1m +0s", said)
    assert run("resume", "video") == "video runs again.\n"
    assert run("resume", "video") == "video was not paused.\n"
    assert "takes no new work" in run("drain", NAME, "--reason", "kernel update")
    assert Worker.objects.get().drain_asked_by.startswith("command:")
    assert run("undrain", NAME) == f"{NAME} takes work.\n"
    assert Worker.objects.get().drain_asked_at is None


def test_the_command_refuses_with_a_sentence():
    for words in (
        ("pause", "vide", "--reason", "x"), ("pause", "video", "--reason", " "), ("drain", "x"),
        ("undrain", "x"), ("resume", "vide"), ("explode",),
    ):  # fmt: skip
        with pytest.raises(CommandError):
            run(*words)
    assert not OperatorAction.objects.exists()
