"""The port to SQS that the platform's pages and sweeps use, on a real queue service."""

from __future__ import annotations

from typing import Any

import pytest

from academy.fleet.queue_access import QueueAccess, QueueAccessError
from tasks import depths, provision, queues
from tasks.queue_access import SqsAccess

pytestmark = pytest.mark.integration("sqs")


@pytest.fixture
def access(sqs_client: Any) -> QueueAccess:
    provision.ensure(sqs_client, queues.table())
    reader = depths.Depths(sqs_client, [queues.EVENTS_QUEUE], depths.NoAges())
    return SqsAccess(client=lambda: sqs_client, reader=reader)


def bury(sqs: Any, queue: str, body: str) -> None:
    url = sqs.get_queue_url(QueueName=queues.by_name(queue).dlq_name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body)


def test_it_knows_every_queue_of_the_table(access: QueueAccess) -> None:
    assert [fact.name for fact in access.facts()] == [row.name for row in queues.table()]


def test_a_dead_letter_stays_until_it_is_deleted(access: QueueAccess, sqs_client: Any) -> None:
    bury(sqs_client, "video", "{not json")

    (message,) = access.receive_dead("video", limit=10, hold_seconds=0)
    (again,) = access.receive_dead("video", limit=10, hold_seconds=60)
    assert (message.body, message.receive_count) == ("{not json", 1)
    assert again.message_id == message.message_id
    assert again.receive_count == 2
    assert again.sent_at is not None

    assert access.delete_dead("video", [again.receipt]) == []
    assert access.receive_dead("video", limit=10, hold_seconds=0) == []


def test_depths_count_queues_and_their_dead_letters(access: QueueAccess, sqs_client: Any) -> None:
    access.send("messaging", "{}", group="t")
    bury(sqs_client, "messaging", "{}")

    found = {depth.name: depth for depth in access.depths()}

    assert set(found) == {row.name for row in queues.table()}
    assert (found["messaging"].ready, found["messaging"].dead) == (1, 1)
    assert (found["video"].ready, found["video"].dead, found["video"].problem) == (0, 0, "")


def test_queues_of_events_are_counted_by_their_own_names(
    access: QueueAccess, sqs_client: Any
) -> None:
    url = sqs_client.create_queue(QueueName=queues.EVENTS_QUEUE)["QueueUrl"]
    sqs_client.send_message(QueueUrl=url, MessageBody="[]")

    (found,) = access.events_depths()

    assert (found.name, found.ready, found.dead) == (queues.EVENTS_QUEUE, 1, None)


def test_a_queue_that_is_not_there_is_an_error_that_names_it(sqs_client: Any) -> None:
    access = SqsAccess(client=lambda: sqs_client)

    with pytest.raises(QueueAccessError, match="receive_message on academy-video-jobs-dlq"):
        access.receive_dead("video", limit=1, hold_seconds=0)
