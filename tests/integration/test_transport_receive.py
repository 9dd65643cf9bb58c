"""What SQS may answer to ReceiveMessage, or not answer, and the worker that polls on."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sqs_proxy import SqsProxy, wait_until
from tests.support.workers import Site, Worker

pytestmark = pytest.mark.integration("sqs")

FAULTS: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "503": {"status": 503, "code": "ServiceUnavailable"},
    "access denied": {"status": 403, "code": "AccessDenied"},
    "expired token": {"status": 403, "code": "ExpiredToken"},
    "throttled": {"status": 400, "code": "RequestThrottled"},
    "no such queue": {"status": 400, "code": "QueueDoesNotExist"},
    "200 with garbage": {"status": 200, "body": b'{"Messages": [{"Body": '},
    "200 with another type": {"status": 200, "body": b'{"Messages": 7}'},
    "200 with an empty body": {"status": 200, "body": b""},
    "closed without an answer": {"drop": True},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Worker]]:
    """One worker that has to live through every fault of this module."""
    with SqsProxy(os.environ["SQS_ENDPOINT_URL"]) as proxy:
        account = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
        site = Site(tmp_path_factory.mktemp("receive"), account, proxy)
        try:
            site.provision("ai-basic")
            yield site, site.start("ai-basic").ready()
        finally:
            site.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_receive_is_an_empty_answer(shared: tuple[Site, Worker], fault: str) -> None:
    site, worker = shared
    injected = site.proxy.fault("ReceiveMessage", times=2, **FAULTS[fault])
    wait_until(lambda: injected.times == 0, 10, "the fault has happened twice")

    tag = f"after-{fault.replace(' ', '-')}"
    site.send("ai-basic", tag)

    site.done(tag)
    assert worker.alive


def test_a_lost_answer_brings_the_message_again_after_its_visibility(site: Site) -> None:
    site.visibility = 2
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()

    def brings_a_message(_request: dict[str, Any]) -> bool:
        return site.counts("ai-basic")[0] > 0

    site.proxy.fault("ReceiveMessage", lose_answer=True, decide=brings_a_message)
    wait_until(lambda: site.proxy.counts["ReceiveMessage"] > 1, 5)
    site.send("ai-basic", "lost-answer")

    site.done("lost-answer")
    assert site.runs("start")["lost-answer"] == 1
    assert worker.alive


def test_a_poll_that_is_never_answered_is_given_up(shared: tuple[Site, Worker]) -> None:
    site, worker = shared
    injected = site.proxy.fault("ReceiveMessage", hang=120)
    wait_until(lambda: injected.times == 0, 10, "a poll hangs")
    site.send("ai-basic", "after-silence")

    # The long poll (1 s) and the margin (7 s).
    site.done("after-silence", timeout=15)
    assert worker.alive


def test_a_broker_that_was_away_is_found_again(shared: tuple[Site, Worker]) -> None:
    site, worker = shared
    failures = worker.log.count("failed (no answer")
    site.proxy.down()
    # Three failures take longer than the poll that was under way: it cannot take the message.
    wait_until(lambda: worker.log.count("failed (no answer") - failures >= 3, 10)
    site.send("ai-basic", "while-away")
    assert not site.runs("start")["while-away"]

    site.proxy.up()

    site.done("while-away")
    assert worker.alive
    wait_until(lambda: "works again after" in worker.log, 5)


def test_an_idle_worker_asks_once_a_long_poll(shared: tuple[Site, Worker]) -> None:
    site, _ = shared
    site.send("ai-basic", "before-idling")
    site.done("before-idling")
    site.empty("ai-basic")
    before = site.proxy.counts["ReceiveMessage"]

    with pytest.raises(AssertionError):
        wait_until(lambda: site.proxy.counts["ReceiveMessage"] - before > 6, 3)


def test_an_endpoint_that_answers_empty_at_once_is_not_asked_without_end(
    shared: tuple[Site, Worker],
) -> None:
    site, _ = shared
    before = site.proxy.counts["ReceiveMessage"]
    site.proxy.fault("ReceiveMessage", times=None, status=200, body=b"{}")
    try:
        with pytest.raises(AssertionError):
            wait_until(lambda: site.proxy.counts["ReceiveMessage"] - before > 6, 3)
    finally:
        site.proxy.heal()
