"""The visibility heartbeat's beat, against a client that answers as told."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tasks.worker.visibility import Extender


class Message:
    """As much of a kombu message as the heartbeat reads."""

    def __init__(self, tag: str, queue: str = "video") -> None:
        self.delivery_tag = tag
        self.delivery_info = {"sqs_queue": f"http://sqs/{queue}", "routing_key": queue}


class Client:
    """Records requests; *failing* maps receipts to codes."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[dict[str, Any]]]] = []
        self.failing: dict[str, str] = {}
        self.broken = False

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        self.requests.append((request["QueueUrl"], request["Entries"]))
        if self.broken:
            raise ConnectionError
        return {
            "Failed": [
                {"Id": entry["Id"], "Code": self.failing[entry["ReceiptHandle"]]}
                for entry in request["Entries"]
                if entry["ReceiptHandle"] in self.failing
            ]
        }

    def extended(self) -> list[str]:
        return [entry["ReceiptHandle"] for _, entries in self.requests for entry in entries]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def extender(client: Client, clock: Clock) -> Extender:
    return Extender(client, visibility=120, now=clock)


def test_everything_held_is_extended_ten_a_request_and_by_queue(
    extender: Extender, client: Client
) -> None:
    messages = [Message(f"v{number}") for number in range(12)] + [Message("m", "messaging")]

    assert extender.beat(messages)

    assert [(url, len(entries)) for url, entries in client.requests] == [
        ("http://sqs/video", 10),
        ("http://sqs/video", 2),
        ("http://sqs/messaging", 1),
    ]
    assert {entry["VisibilityTimeout"] for _, entries in client.requests for entry in entries} == {
        120
    }


def test_nothing_held_asks_nothing(extender: Extender, client: Client) -> None:
    assert extender.beat([])

    assert client.requests == []


def test_a_failed_beat_asks_to_be_repeated_and_is(extender: Extender, client: Client) -> None:
    client.broken = True
    assert not extender.beat([Message("a")])

    client.broken = False
    assert extender.beat([Message("a")])

    assert client.extended() == ["a", "a"]


def test_a_receipt_that_is_no_longer_ours_is_left_alone(extender: Extender, client: Client) -> None:
    client.failing = {"gone": "ReceiptHandleIsInvalid", "busy": "InternalError"}

    assert not extender.beat([Message("gone"), Message("busy")])
    extender.beat([Message("gone"), Message("busy")])

    assert client.extended() == ["gone", "busy", "busy"]


def test_twelve_hours_end_it_and_are_said_aloud_once(
    extender: Extender, client: Client, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    extender.beat([Message("long")])
    clock.now += 12 * 3600 - 121
    extender.beat([Message("long")])
    assert client.extended() == ["long", "long"]

    clock.now += 1
    with caplog.at_level(logging.CRITICAL):
        extender.beat([Message("long")])
        clock.now += 40
        extender.beat([Message("long"), Message("new")])

    assert client.extended() == ["long", "long", "new"]
    assert len(caplog.records) == 1
    assert "12.0 hours" in caplog.text


def test_what_was_let_go_is_forgotten(extender: Extender, client: Client, clock: Clock) -> None:
    extender.beat([Message("a")])
    extender.beat([])
    clock.now += 13 * 3600

    extender.beat([Message("a")])

    assert client.extended() == ["a", "a"]
