"""Publishing in batches: kombu's publish-batch protocol over SendMessageBatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kombu.exceptions import BatchPublishError

from tasks.transport.policy import MAX_BYTES, cut_batches


@dataclass(frozen=True)
class FailedEntry:
    """One message of a batch that SQS did not confirm.

    ``uncertain`` is True where the request got no answer: the message may have been sent.
    ``code`` is SQS's own (``AccessDenied``, ``InternalError`` …), the name of the exception, or
    ``MessageTooLong`` for a message that was not sent at all.
    """

    queue: str
    code: str
    uncertain: bool
    message: dict[str, Any]

    @property
    def task_id(self) -> str | None:
        """The Celery task's id, where the message is one."""
        task_id = (self.message.get("headers") or {}).get("id")
        return None if task_id is None else str(task_id)


class PartialPublishError(BatchPublishError):
    """Some messages were not confirmed; ``failed`` has them, ``sent`` counts the others."""

    def __init__(self, failed: list[FailedEntry], sent: int) -> None:
        codes = ", ".join(sorted({entry.code for entry in failed}))
        super().__init__(f"{len(failed)} of {len(failed) + sent} messages were not sent: {codes}")
        self.failed = failed
        self.sent = sent


@dataclass(frozen=True)
class _Entry:
    queue: str
    queue_url: str
    parameters: dict[str, Any]
    message: dict[str, Any]
    nbytes: int


class PublishBatch:
    """The session behind ``with producer.batch():``; made by ``Channel.create_publish_batch``.

    Messages are kept until the batch is flushed: when *max_size* are kept, on ``flush()``, and when
    the context ends without an exception. A flush sends every message it can, in order per queue,
    and only then raises PartialPublishError. The batch can be used again after it.
    """

    def __init__(self, channel: Any, max_size: int) -> None:
        self.channel = channel
        self.max_size = max_size
        self._entries: list[_Entry] = []
        self._discarded = False

    def publish(self, message: dict[str, Any], **kwargs: Any) -> Any:
        """Route one prepared message; it is sent by the next flush."""
        if self._discarded:
            raise RuntimeError("This publish batch was discarded")
        result = self.channel.basic_publish(message, _publish_batch=self, **kwargs)
        if len(self._entries) >= self.max_size:
            self.flush()
        return result

    def add(
        self, queue: str, queue_url: str, parameters: dict[str, Any], message: dict[str, Any]
    ) -> None:
        """Keep one routed message; called by the channel in place of sending it."""
        nbytes = entry_size(parameters)
        self._entries.append(_Entry(queue, queue_url, parameters, message, nbytes))

    def flush(self) -> None:
        """Send what is kept. Raises PartialPublishError when anything was not confirmed."""
        entries, self._entries = self._entries, []
        by_queue: dict[str, list[_Entry]] = {}
        for entry in entries:
            by_queue.setdefault(entry.queue, []).append(entry)
        failed: list[FailedEntry] = []
        for queue, of_queue in by_queue.items():
            failed += self._send(queue, of_queue)
        if failed:
            raise PartialPublishError(failed, sent=len(entries) - len(failed))

    def discard(self) -> None:
        """Forget what is kept."""
        self._discarded = True
        self._entries = []

    def close(self) -> None:
        """Forget what is kept; the client belongs to the channel."""
        self._entries = []

    def _send(self, queue: str, entries: list[_Entry]) -> list[FailedEntry]:
        failed = [_failure(one, "MessageTooLong") for one in entries if one.nbytes > MAX_BYTES]
        fitting = [one for one in entries if one.nbytes <= MAX_BYTES]
        unreachable: str | None = None
        for batch in cut_batches(fitting, lambda one: one.nbytes):
            if unreachable is not None:
                failed += [_failure(one, unreachable) for one in batch]
                continue
            try:
                failed += self._send_batch(queue, batch)
            except ClientError as exc:
                code = str(exc.response.get("Error", {}).get("Code"))
                status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
                failed += [_failure(one, code, uncertain=status >= 500) for one in batch]
            except (BotoCoreError, OSError) as exc:
                # Every further batch would wait for the same time-out.
                unreachable = type(exc).__name__
                failed += [_failure(one, unreachable, uncertain=True) for one in batch]
        return failed

    def _send_batch(self, queue: str, batch: list[_Entry]) -> list[FailedEntry]:
        client = self.channel.sqs(queue=self.channel.canonical_queue_name(queue))
        answer = client.send_message_batch(
            QueueUrl=batch[0].queue_url,
            Entries=[{"Id": str(i), **one.parameters} for i, one in enumerate(batch)],
        )
        confirmed = {one["Id"] for one in answer.get("Successful") or ()}
        codes = {one["Id"]: str(one.get("Code")) for one in answer.get("Failed") or ()}
        return [
            _failure(one, codes.get(str(i), "NoAnswer"), uncertain=str(i) not in codes)
            for i, one in enumerate(batch)
            if str(i) not in confirmed
        ]


def entry_size(parameters: dict[str, Any]) -> int:
    """Bytes that SQS counts for a message: its body and its attributes' names, types, values."""
    size = len(parameters["MessageBody"].encode())
    for name, attribute in (parameters.get("MessageAttributes") or {}).items():
        size += len(name.encode()) + len(str(attribute.get("DataType", "")).encode())
        size += len(str(attribute.get("StringValue") or "").encode())
        size += len(attribute.get("BinaryValue") or b"")
    return size


def _failure(entry: _Entry, code: str, *, uncertain: bool = False) -> FailedEntry:
    return FailedEntry(entry.queue, code, uncertain, entry.message)
