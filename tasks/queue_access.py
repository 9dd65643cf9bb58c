"""SQS behind the port :mod:`academy.fleet.queue_access`, for the platform's pages and sweeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from academy.fleet.queue_access import DeadMessage, QueueAccessError, QueueDepth, QueueFacts
from tasks import depths, provision, queues

_BATCH = 10

Rows = Sequence[depths.QueueDepth]


class SqsAccess:
    """The adapter; it opens its clients on first use, so that whoever asks nothing pays nothing."""

    def __init__(
        self, *, client: Callable[[], Any] = provision.client, reader: depths.Depths | None = None
    ) -> None:
        self._make_client = client
        self._reader = reader
        self._client: Any = None
        self._urls: dict[str, str] = {}
        self._lock = threading.Lock()

    def facts(self) -> Sequence[QueueFacts]:
        """The table of queues."""
        return [
            QueueFacts(
                name=row.name,
                sqs_name=row.sqs_name,
                dlq_name=row.dlq_name,
                pool=row.pool,
                concurrency=row.concurrency,
                host_kinds=frozenset(row.host_kinds),
                visibility_seconds=row.visibility_seconds,
                max_receive_count=row.max_receive_count,
                publish_window=row.publish_window,
            )
            for row in queues.table()
        ]

    def depths(self) -> Sequence[QueueDepth]:
        """What stands in every queue; read at most every 2 s."""
        return [_depth(row.name, row) for row in self._read() if row.dead is not None]

    def events_depths(self) -> Sequence[QueueDepth]:
        """What stands in every events queue; of the same reading as the depths."""
        return [_depth(row.queue.sqs_name, row) for row in self._read() if row.dead is None]

    def _read(self) -> Rows:
        with self._lock:
            if self._reader is None:
                names = [queue.sqs_name for queue in queues.events_queues()]
                self._reader = depths.from_environment(names)
        return self._reader.read()

    def receive_dead(self, queue: str, *, limit: int, hold_seconds: int) -> list[DeadMessage]:
        """Up to *limit* dead letters; SQS gives at most ten at a time."""
        answer = self._call(
            "receive_message",
            queue,
            dead=True,
            MaxNumberOfMessages=min(limit, _BATCH),
            VisibilityTimeout=hold_seconds,
            WaitTimeSeconds=0,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [_dead_message(message) for message in answer.get("Messages") or []]

    def delete_dead(self, queue: str, receipts: Sequence[str]) -> list[str]:
        """Delete up to ten; returns the receipts that SQS refused."""
        if not receipts:
            return []
        entries = [{"Id": str(i), "ReceiptHandle": one} for i, one in enumerate(receipts)]
        answer = self._call("delete_message_batch", queue, dead=True, Entries=entries)
        return [receipts[int(entry["Id"])] for entry in answer.get("Failed") or []]

    def send(self, queue: str, body: str, *, group: str = "") -> str:
        """Send a raw body to the queue itself."""
        options: dict[str, Any] = {"MessageGroupId": group} if group else {}
        return str(self._call("send_message", queue, MessageBody=body, **options)["MessageId"])

    def _call(self, operation: str, queue: str, *, dead: bool = False, **options: Any) -> Any:
        row = queues.by_name(queue)
        name = row.dlq_name if dead else row.sqs_name
        try:
            with self._lock:
                if self._client is None:
                    self._client = self._make_client()
                if name not in self._urls:
                    self._urls[name] = str(self._client.get_queue_url(QueueName=name)["QueueUrl"])
            return getattr(self._client, operation)(QueueUrl=self._urls[name], **options)
        except Exception as exc:
            self._urls.pop(name, None)
            raise QueueAccessError(f"{operation} on {name}: {type(exc).__name__}") from exc


def _depth(name: str, row: depths.QueueDepth) -> QueueDepth:
    return QueueDepth(
        name=name,
        ready=row.queue.ready,
        in_flight=row.queue.in_flight,
        delayed=row.queue.delayed,
        oldest_seconds=row.queue.oldest_seconds,
        dead=row.dead.total if row.dead is not None else None,
        problem=row.queue.problem,
    )


def _dead_message(message: dict[str, Any]) -> DeadMessage:
    attributes = {str(key): str(value) for key, value in (message.get("Attributes") or {}).items()}
    sent = attributes.get("SentTimestamp", "")
    return DeadMessage(
        message_id=str(message["MessageId"]),
        receipt=str(message["ReceiptHandle"]),
        body=str(message.get("Body") or ""),
        sent_at=datetime.fromtimestamp(int(sent) / 1000, UTC) if sent.isdecimal() else None,
        receive_count=int(attributes.get("ApproximateReceiveCount") or 1),
        group=attributes.get("MessageGroupId", ""),
        attributes=attributes,
    )
