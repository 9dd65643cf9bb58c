"""The outbox: nobody waits for it, and it says what it lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tasks.events.outbox import Outbox
from tasks.events.packing import unpack


class Sqs:
    """Takes messages, or does what *trouble* does."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.trouble: Callable[[str], None] = lambda _url: None
        self.asked = 0

    def get_queue_url(self, **asked: str) -> dict[str, str]:
        return {"QueueUrl": f"http://sqs/{asked['QueueName']}"}

    def send_message(self, **asked: str) -> dict[str, str]:
        self.asked += 1
        self.trouble(asked["QueueUrl"])
        self.sent.append((asked["QueueUrl"], asked["MessageBody"]))
        return {}

    def clocks(self, queue: str = "events") -> list[int]:
        bodies = [body for url, body in self.sent if url.endswith(f"/{queue}")]
        return [event["clock"] for body in bodies for event in unpack(body)]


def event(clock: int, **fields: Any) -> dict[str, Any]:
    made = {"type": "worker-heartbeat", "hostname": "w@h", "timestamp": 1.0, "clock": clock}
    return made | fields


def until(condition: Callable[[], Any], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def refuse(_url: str) -> None:
    raise ConnectionError("no SQS")


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def outbox(sqs: Sqs) -> Iterator[Outbox]:
    with closing(Outbox(sqs, ["events"], interval=0.05, capacity=100)) as made:
        yield made


def test_events_of_one_flush_share_a_message(sqs: Sqs, outbox: Outbox) -> None:
    for number in range(20):
        outbox.put(event(number))

    until(lambda: len(sqs.clocks()) == 20)
    assert sqs.clocks() == list(range(20))
    assert len(sqs.sent) <= 2  # one, or two where a flush fell between


def test_closing_sends_what_is_left() -> None:
    sqs = Sqs()
    outbox = Outbox(sqs, ["events"], interval=60)
    outbox.put(event(1))

    outbox.close()

    assert sqs.clocks() == [1]


def test_every_flower_gets_every_event() -> None:
    sqs = Sqs()
    outbox = Outbox(sqs, ["one", "two"], interval=60)
    outbox.put(event(1))
    outbox.put(event(2))

    outbox.close()

    assert sqs.clocks("one") == sqs.clocks("two") == [1, 2]


def test_events_wait_while_sqs_is_away_and_arrive_in_order(sqs: Sqs, outbox: Outbox) -> None:
    sqs.trouble = refuse
    outbox.put(event(1))
    until(lambda: sqs.asked >= 2)
    outbox.put(event(2))
    sqs.trouble = lambda _url: None

    until(lambda: len(sqs.clocks()) == 2)
    assert sqs.clocks() == [1, 2]
    assert outbox.dropped == 0


def test_a_full_buffer_drops_and_counts(sqs: Sqs, outbox: Outbox) -> None:
    sqs.trouble = refuse
    outbox.put(event(0))
    until(lambda: sqs.asked >= 1)

    for number in range(1, 151):
        outbox.put(event(number))

    assert outbox.dropped == 50
    sqs.trouble = lambda _url: None
    until(lambda: len(sqs.clocks()) == 101)
    assert sqs.clocks() == list(range(101))


def test_whoever_puts_never_waits_for_a_hanging_sqs(sqs: Sqs, outbox: Outbox) -> None:
    answer = threading.Event()
    sqs.trouble = lambda _url: answer.wait(30) and None
    outbox.put(event(0))
    until(lambda: sqs.asked == 1)

    began = time.monotonic()
    for number in range(5_000):
        outbox.put(event(number))
    took = time.monotonic() - began
    answer.set()

    assert took < 1
    assert outbox.dropped == 4_900


def test_a_hanging_sqs_holds_up_the_end_for_no_longer_than_asked(sqs: Sqs) -> None:
    answer = threading.Event()
    sqs.trouble = lambda _url: answer.wait(30) and None
    outbox = Outbox(sqs, ["events"], interval=0.01)
    outbox.put(event(0))
    until(lambda: sqs.asked == 1)

    began = time.monotonic()
    outbox.close(timeout=0.2)
    took = time.monotonic() - began
    answer.set()

    assert 0.2 <= took < 2


def test_an_event_that_fits_no_message_is_counted(sqs: Sqs, outbox: Outbox) -> None:
    outbox.put(event(1, note="x" * 300_000))
    outbox.put(event(2))

    until(lambda: sqs.clocks() == [2])
    assert outbox.dropped == 1
