"""Celery's consumer, so that no message is lost unrun and none can stop the worker.

Stock Celery acknowledges, and so deletes, a message whose body cannot be decoded; it logs whole
bodies; and some headers raise where nothing catches them, which ends the worker. Here such messages
are rejected: SQS hands them out again until the queue's redrive policy moves them to the DLQ.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from celery.worker import consumer

from tasks import queues
from tasks.transport.envelope import receive_count
from tasks.worker.allowlist import RefusedMessageError, check

logger = logging.getLogger(__name__)


class Consumer(consumer.Consumer):
    """The consumer of a worker of one queue of :mod:`tasks.queues`."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Celery's handler of received messages behind the allow-list."""
        handle = super().create_task_handler(*args, **kwargs)
        # The boot checks have made sure that there is exactly one.
        (name,) = self.app.amqp.queues.consume_from
        queue = queues.by_name(name)

        def on_message(message: Any) -> None:
            try:
                check(message, queue)
                _stamp(message)
                handle(message)
            except RefusedMessageError as refusal:
                self._refuse(message, str(refusal))
            except self.connection_errors:
                raise
            except Exception as exc:  # noqa: BLE001 - one message must not end the worker
                self._refuse(message, f"{type(exc).__name__} while it was read", exc)

        return on_message

    def call_soon_ack(self, p: Any, *args: Any, **kwargs: Any) -> Any:
        """Settle now, from whichever thread: the transport allows it and does no I/O for it.

        Celery would queue it for the event loop, which no longer runs while a warm shutdown waits
        for the tasks: their messages would be deleted only after the last of them.
        """
        p(*args, **kwargs)
        return p

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Reject what cannot be decoded (stock: acknowledge, so it is lost)."""
        self._refuse(message, f"{type(exc).__name__}: its body cannot be decoded")

    def on_unknown_message(self, body: Any, message: Any) -> None:  # noqa: ARG002
        """Reject what is no task, without writing it to the log."""
        self._refuse(message, "it is no task message")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:  # noqa: ARG002
        """Reject a task that this worker does not have."""
        self._refuse(message, "its task is not registered here")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:  # noqa: ARG002
        """Reject a task that Celery cannot make sense of."""
        self._refuse(message, f"{type(exc).__name__}: it is no valid task")

    def _refuse(self, message: Any, reason: str, exc: Exception | None = None) -> None:
        info = message.delivery_info
        sqs_message = info.get("sqs_message") or {}
        # Frames without the error's text, and an id that SQS gave: neither quotes the message.
        frames = "".join(traceback.format_tb(exc.__traceback__)) if exc else ""
        logger.error(
            "Refused a message of %s (SQS id %s, receive %s): %s. It goes to the dead-letter queue."
            "%s",
            info.get("routing_key"),
            sqs_message.get("MessageId"),
            (sqs_message.get("Attributes") or {}).get("ApproximateReceiveCount"),
            reason,
            f"\n{frames}" if frames else "",
        )
        if not message.acknowledged:
            message.reject_log_error(logger, self.connection_errors)


def _stamp(message: Any) -> None:
    """Tell the task what SQS says: ``request.sqs_message_id``, ``request.sqs_receive_count``.

    As headers, because a prefork child sees nothing else; what the sender put there is replaced.
    """
    sqs_message = message.delivery_info.get("sqs_message") or {}
    message.headers["sqs_message_id"] = sqs_message.get("MessageId")
    message.headers["sqs_receive_count"] = receive_count(sqs_message.get("Attributes") or {})
