"""Messages that must not run: each reaches the dead-letter queue, and the worker lives on."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tasks import queues
from tests.support.sqs_proxy import wait_until
from tests.support.workers import Site, envelope

pytestmark = pytest.mark.integration("sqs")

CALL = {"task": "academy.ai_basic.run", "args": [], "kwargs": {}, "options": {}}
ETA = "2031-01-01T00:00:00+00:00"


def with_body(row: queues.Queue, body: str, **fields: Any) -> str:
    return json.dumps({**envelope(row), "body": body, **fields})


def with_properties(row: queues.Queue, **properties: Any) -> str:
    message = envelope(row)
    return json.dumps({**message, "properties": {**message["properties"], **properties}})


POISON: dict[str, Callable[[queues.Queue], str]] = {
    "no JSON": lambda _row: "<xml/>",
    "random bytes": lambda _row: random.Random(7).randbytes(300).hex(),
    "a JSON list": lambda _row: "[1, 2, 3]",
    "nested too deep": lambda _row: "[" * 100_000,
    "no envelope": lambda _row: '{"job": "x", "version": 1}',
    "properties of another type": lambda row: json.dumps({**envelope(row), "properties": 3}),
    "headers of another type": lambda row: json.dumps({**envelope(row), "headers": [1]}),
    "a body of another type": lambda row: json.dumps({**envelope(row), "body": {"a": 1}}),
    "an undecodable body": lambda row: with_body(row, "{broken"),
    "a body that is no call": lambda row: with_body(row, '"text"'),
    "base64 that is none": lambda row: with_properties(row, body_encoding="base64"),
    "an unknown encoding": lambda row: with_properties(row, body_encoding="rot13"),
    "pickle": lambda row: with_body(
        row, "gASVAAA=", **{"content-type": "application/x-python-serialize"}
    ),
    "a zip bomb": lambda row: json.dumps(
        envelope(row, compression="application/x-gzip")
        | {"body": base64.b64encode(zlib.compress(bytes(50_000_000))).decode()}
    ),
    "no task": lambda row: json.dumps(envelope(row, task=None)),
    "an unknown task": lambda row: json.dumps(envelope(row, task="os.system")),
    "another queue's task": lambda row: json.dumps(envelope(row, task="academy.video.run")),
    "an id of another type": lambda row: json.dumps(envelope(row, id=["x"])),
    "positional arguments": lambda row: json.dumps(envelope(row, args=["x"])),
    "unknown arguments": lambda row: json.dumps(envelope(row, {"surprise": 1})),
    "callbacks": lambda row: json.dumps(envelope(row, embedded={"callbacks": [CALL]})),
    "errbacks": lambda row: json.dumps(envelope(row, embedded={"errbacks": [CALL]})),
    "a chain": lambda row: json.dumps(envelope(row, embedded={"chain": [CALL]})),
    "a chord": lambda row: json.dumps(envelope(row, embedded={"chord": CALL})),
    "an ETA": lambda row: json.dumps(envelope(row, eta=ETA)),
    "an expiry": lambda row: json.dumps(envelope(row, expires="2001-01-01T00:00:00+00:00")),
    "time limits of its own": lambda row: json.dumps(envelope(row, timelimit=[1, 1])),
}


def test_every_poison_reaches_the_dead_letter_queue(make_site: Callable[..., Site]) -> None:
    site = make_site(visibility=2)
    site.provision("ai-basic")
    row = site.row("ai-basic")
    worker = site.start("ai-basic").ready()

    for make in POISON.values():
        site.send_raw("ai-basic", make(row))
    site.send("ai-basic", "failing", fail="error")
    site.send("ai-basic", "healthy")

    site.done("healthy", timeout=20)
    dead = len(POISON) + 1
    wait_until(lambda: site.counts("ai-basic", dlq=True)[0] == dead, 30, "all are dead letters")
    assert site.counts("ai-basic") == (0, 0)
    # No poison ran at all; the task that only fails had each of its receives.
    assert site.runs("start") == {"healthy": 1, "failing": row.max_receive_count}
    assert worker.alive


def test_no_refused_body_is_logged(make_site: Callable[..., Site]) -> None:
    site = make_site(visibility=2)
    site.provision("ai-basic")
    row = site.row("ai-basic")
    worker = site.start("ai-basic").ready()
    secret = "canary-3141592653"

    for body in (
        secret,
        with_body(row, secret),
        json.dumps(envelope(row, {"surprise": secret}, task=secret)),
        json.dumps(envelope(row, {"tag": secret}, embedded={"callbacks": [secret]})),
        json.dumps(envelope(row, id=[secret])),
    ):
        site.send_raw("ai-basic", body)

    wait_until(lambda: worker.log.count("Refused a message") >= 5, 10)
    assert secret not in worker.log


def test_a_message_that_lies_about_its_queue_runs_where_it_was(site: Site) -> None:
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()
    message = envelope(site.row("ai-basic"), {"tag": "lie"})
    message["properties"]["delivery_info"] = {"exchange": "x", "routing_key": "elsewhere"}

    site.send_raw("ai-basic", json.dumps(message))

    site.done("lie")
    site.empty("ai-basic")
    assert worker.alive


def test_a_body_in_base64_as_kombu_writes_it_runs(site: Site) -> None:
    site.provision("ai-basic")
    site.start("ai-basic").ready()
    message = envelope(site.row("ai-basic"), {"tag": "kombu"})
    message["body"] = base64.b64encode(message["body"].encode()).decode()
    message["properties"]["body_encoding"] = "base64"

    site.send_raw("ai-basic", base64.b64encode(json.dumps(message).encode()).decode())

    site.done("kombu")
