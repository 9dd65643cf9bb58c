"""Publishing in batches: what arrives, and what is said of what did not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from kombu import Connection, Producer

from tasks import queues
from tasks.transport import PartialPublishError
from tests.support.workers import Site

pytestmark = pytest.mark.integration("sqs")


@pytest.fixture
def producer(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Producer]:
    """A producer on our transport, through the proxy, with one try a request."""
    site.provision("video", "ai-basic")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, site.environ[key])
    options = queues.transport_options(site.environ)
    options["client-config"] = {"read_timeout": 1, "retries": {"total_max_attempts": 1}}
    with Connection(
        "sqs://", transport="tasks.transport:Transport", transport_options=options
    ) as connection:
        yield Producer(connection, auto_declare=False)


def publish(producer: Producer, queue: str, number: int, size: int = 10) -> None:
    producer.publish(
        {"n": number, "pad": "x" * size},
        routing_key=queue,
        serializer="json",
        headers={"id": f"id-{number}"},
        MessageGroupId="tenant-1",
    )


def publish_batch(producer: Producer, numbers: Iterable[int], size: int = 10) -> None:
    """Publish to video in one batch."""
    with producer.batch(max_size=100):
        for number in numbers:
            publish(producer, "video", number, size)


def received(site: Site, queue: str) -> list[dict[str, Any]]:
    """Everything visible in a queue, with its group."""
    found: list[dict[str, Any]] = []
    while True:
        answer = site.sqs.receive_message(
            QueueUrl=site.url(queue),
            MaxNumberOfMessages=10,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        if not answer.get("Messages"):
            return found
        found += answer["Messages"]


def test_a_batch_is_sent_ten_at_a_time_and_keeps_the_group(site: Site, producer: Producer) -> None:
    assert producer.supports_batch_publish

    with producer.batch(max_size=100):
        for number in range(25):
            publish(producer, "video", number)
        assert not site.proxy.counts["SendMessageBatch"]

    messages = received(site, "video")
    assert site.proxy.counts["SendMessageBatch"] == 3
    assert not site.proxy.counts["SendMessage"]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"tenant-1"}
    bodies = [json.loads(message["Body"]) for message in messages]
    assert sorted(json.loads(body["body"])["n"] for body in bodies) == list(range(25))


def test_a_body_is_plain_json_on_the_wire(site: Site, producer: Producer) -> None:
    publish(producer, "video", 1)

    (message,) = received(site, "video")

    envelope = json.loads(message["Body"])
    assert json.loads(envelope["body"])["n"] == 1
    assert envelope["properties"]["body_encoding"] == "utf-8"


def test_a_batch_of_large_messages_is_cut_at_one_mebibyte(site: Site, producer: Producer) -> None:
    publish_batch(producer, range(7), size=300 * 1024)

    assert site.proxy.counts["SendMessageBatch"] == 3
    assert len(received(site, "video")) == 7


def test_failed_entries_are_named_and_all_others_are_sent(site: Site, producer: Producer) -> None:
    site.proxy.fault("SendMessageBatch", fail_entries={0: "InternalError", 3: "AccessDenied"})

    with pytest.raises(PartialPublishError) as caught:
        publish_batch(producer, range(25))

    failed = {entry.task_id: (entry.code, entry.uncertain) for entry in caught.value.failed}
    assert failed == {"id-0": ("InternalError", False), "id-3": ("AccessDenied", False)}
    assert caught.value.sent == 23
    assert len(received(site, "video")) == 23


def test_a_refused_request_fails_its_own_entries_only(site: Site, producer: Producer) -> None:
    site.proxy.fault("SendMessageBatch", status=403, code="AccessDenied")

    with pytest.raises(PartialPublishError) as caught:
        publish_batch(producer, range(15))

    assert {entry.task_id for entry in caught.value.failed} == {f"id-{n}" for n in range(10)}
    assert not any(entry.uncertain for entry in caught.value.failed)
    assert len(received(site, "video")) == 5


def test_a_lost_answer_leaves_its_entries_uncertain(site: Site, producer: Producer) -> None:
    site.proxy.fault("SendMessageBatch", lose_answer=True)

    with pytest.raises(PartialPublishError) as caught:
        publish_batch(producer, range(3))

    assert all(entry.uncertain for entry in caught.value.failed)
    assert len(received(site, "video")) == 3


def test_a_broker_that_is_away_is_waited_for_once(site: Site, producer: Producer) -> None:
    publish(producer, "video", 0)
    site.proxy.fault("SendMessageBatch", times=None, hang=30)

    with pytest.raises(PartialPublishError) as caught:
        publish_batch(producer, range(30))

    assert len(caught.value.failed) == 30
    assert site.proxy.counts["SendMessageBatch"] == 1


def test_a_message_above_the_limit_is_refused_and_the_others_sent(
    site: Site, producer: Producer
) -> None:
    batch = producer.batch(max_size=100).__enter__()
    publish(producer, "video", 1, size=1024 * 1024)
    publish(producer, "video", 2)

    with pytest.raises(PartialPublishError) as caught:
        batch.__exit__(None, None, None)

    assert [(entry.task_id, entry.code) for entry in caught.value.failed] == [
        ("id-1", "MessageTooLong")
    ]
    assert len(received(site, "video")) == 1


def test_an_exception_in_the_batch_sends_nothing(site: Site, producer: Producer) -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise LookupError("the rows ended badly")

    with pytest.raises(LookupError):
        publish_batch(producer, numbers())

    assert received(site, "video") == []


def test_batches_of_two_queues_reach_their_own(site: Site, producer: Producer) -> None:
    with producer.batch(max_size=100):
        for number in range(8):
            publish(producer, ("video", "ai-basic")[number % 2], number)

    assert len(received(site, "video")) == 4
    assert len(received(site, "ai-basic")) == 4
