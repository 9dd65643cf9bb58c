"""A paused channel on a real SQS: polls, what a last poll brings, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Any

import pytest
from kombu import Connection, Consumer, Queue
from kombu.asynchronous import Hub, get_event_loop, set_event_loop

from tasks import queues
from tasks.transport.envelope import receive_count
from tests.support.workers import Site

pytestmark = [
    pytest.mark.integration("sqs"),
    # kombu's HTTP client uses what pycurl deprecates; elsewhere it runs in worker processes.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:kombu.asynchronous.http.curl"),
]

QUEUE = "ai-basic"


class Pair:
    """Two consumers with two slots each, on one event loop, and what they were given."""

    def __init__(self, site: Site, stack: ExitStack) -> None:
        self.site = site
        self.hub = Hub()
        before = get_event_loop()
        set_event_loop(self.hub)
        stack.callback(set_event_loop, before)
        stack.callback(self.hub.close)
        self.given: list[Any] = []
        self.channels = [self._consume(stack) for _ in range(2)]

    def _consume(self, stack: ExitStack) -> Any:
        connection = Connection(
            "sqs://",
            transport="tasks.transport:Transport",
            transport_options=queues.transport_options(self.site.environ),
        )
        stack.callback(connection.release)
        channel = connection.channel()
        channel.basic_qos(0, 2)
        consumer = Consumer(
            channel, [Queue(QUEUE, routing_key=QUEUE)], auto_declare=False,
            on_message=self.given.append,
        )  # fmt: skip
        connection.transport.register_with_event_loop(connection.connection, self.hub)
        consumer.consume()
        return channel

    def run_until(self, holds: Callable[[], Any], seconds: float, what: str) -> None:
        deadline = monotonic() + seconds
        while not holds():
            assert monotonic() < deadline, f"not within {seconds} s: {what}"
            self.hub.call_later(0.05, lambda: None)
            self.hub.run_once()

    def all_poll(self) -> bool:
        polling = all(channel.polls_under_way for channel in self.channels)
        return polling and self.site.proxy.counts["ReceiveMessage"] == len(self.channels)

    def none_polls(self) -> bool:
        return not any(channel.polls_under_way for channel in self.channels)


@pytest.fixture
def pair(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    site.wait = 3
    site.provision(QUEUE)
    for name, value in site.environ.items():
        if name.startswith(("AWS_", "SQS_")):
            monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        yield Pair(site, stack)


def count_of(message: Any) -> int:
    return receive_count(message.delivery_info["sqs_message"]["Attributes"])


def test_what_the_last_polls_bring_is_received_once_and_comes_back_later(pair: Pair) -> None:
    pair.run_until(pair.all_poll, 10, "both poll")
    for channel in pair.channels:
        channel.pause(6)
    paused_at = monotonic()
    pair.site.send(QUEUE, "late")

    pair.run_until(pair.none_polls, 15, "the last polls are answered")
    assert pair.given == []
    # Released, it is seen when no poll of anybody who pauses can be open any more.
    pair.run_until(lambda: pair.site.counts(QUEUE) == (1, 0), 15, "it is back")
    assert monotonic() - paused_at >= 5
    assert pair.site.proxy.counts["ReceiveMessage"] == 2
    assert not any(channel.held() for channel in pair.channels)

    pair.channels[0].go_on()
    pair.run_until(lambda: pair.given, 5, "it is given to the consumer")
    assert count_of(pair.given[0]) == 2
    pair.given[0].ack()


def test_a_held_message_that_is_requeued_during_a_pause_is_given_back(pair: Pair) -> None:
    pair.site.send(QUEUE, "held")
    pair.run_until(lambda: pair.given, 10, "it is held")
    for channel in pair.channels:
        channel.pause()
    pair.given.pop().requeue()

    pair.run_until(pair.none_polls, 15, "nobody polls")
    pair.run_until(lambda: pair.site.counts(QUEUE) == (1, 0), 10, "it is let go")
    assert pair.given == []


def test_a_pause_makes_no_poll_look_old_when_it_ends(pair: Pair) -> None:
    channel = pair.channels[0]
    pair.run_until(channel.last_good_polls, 10, "a queue is consumed")
    channel.pause()
    paused_at = monotonic()
    assert channel.takes_nothing
    pair.run_until(lambda: monotonic() > paused_at + 0.2, 5, "some time has passed")
    channel.go_on()
    assert monotonic() - channel.last_good_polls()[QUEUE] < 0.2
