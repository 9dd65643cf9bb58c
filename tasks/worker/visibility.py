"""The visibility heartbeat: a message stays invisible for as long as this worker holds it.

SQS hands a message out again when its visibility ends, and neither kombu nor Celery ever extends
it: without this, whatever runs longer than the visibility timeout runs twice, at the same time.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from celery import bootsteps

from academy.core import clock
from tasks import provision, queues

logger = logging.getLogger(__name__)

_BATCH = 10
#: Receipts that SQS no longer knows as this worker's.
_LOST = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"})


@dataclass(frozen=True)
class _Held:
    """A message held: when it was first seen here, and whether SQS still lets it be extended."""

    since: float
    given_up: bool = False


@dataclass
class Extender:
    """Extends everything held, once a beat. ``visibility`` is seconds from each beat."""

    client: Any
    visibility: int
    now: Callable[[], float] = clock.monotonic
    limit: float = queues.MAX_INVISIBLE_SECONDS
    _seen: dict[str, _Held] = field(default_factory=dict)

    def beat(self, messages: list[Any]) -> bool:
        """Extend *messages* (kombu's); False when some should be tried again soon. Never raises."""
        now = self.now()
        self._seen = {
            message.delivery_tag: self._seen.get(message.delivery_tag) or _Held(now)
            for message in messages
        }
        by_queue: dict[str, list[str]] = defaultdict(list)
        for message in messages:
            handle = message.delivery_tag
            if self._may_extend(message, now):
                by_queue[message.delivery_info["sqs_queue"]].append(handle)
        good = True
        for queue_url, handles in by_queue.items():
            for start in range(0, len(handles), _BATCH):
                good &= self._extend(queue_url, handles[start : start + _BATCH], now)
        return good

    def _may_extend(self, message: Any, now: float) -> bool:
        held = self._seen[message.delivery_tag]
        if held.given_up:
            return False
        if now - held.since + self.visibility >= self.limit:
            logger.critical(
                "A message of %s has been held for %.1f hours, the longest that SQS allows: it is "
                "handed out again within %d s while its task still runs here.",
                message.delivery_info.get("routing_key"), (now - held.since) / 3600,
                self.visibility,
            )  # fmt: skip
            self._seen[message.delivery_tag] = _Held(held.since, given_up=True)
            return False
        return True

    def _extend(self, queue_url: str, handles: list[str], now: float) -> bool:
        entries = [
            {"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": self.visibility}
            for i, handle in enumerate(handles)
        ]
        try:
            answer = self.client.change_message_visibility_batch(
                QueueUrl=queue_url, Entries=entries
            )
        except Exception as exc:  # noqa: BLE001 - a heartbeat that stops lets every task run twice
            logger.warning("Could not extend %d messages: %s.", len(handles), type(exc).__name__)
            return False
        good = True
        for entry in answer.get("Failed") or ():
            code = str(entry.get("Code")).rpartition(".")[2]
            logger.warning("Could not extend a message: %s.", code)
            if code in _LOST:
                self._seen[handles[int(entry["Id"])]] = _Held(now, given_up=True)
            else:
                good = False
        return good


class Heartbeat(bootsteps.StartStopStep):
    """Consumer step: a daemon thread that extends everything held, every third of the visibility.

    It has no ``stop``: a warm shutdown stops the consumer first and then waits for the tasks, whose
    messages must stay invisible until the last of them is done. After a reconnect it follows the
    consumer's new channel.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)
    label = "visibility heartbeat"

    def __init__(self, c: Any, **options: Any) -> None:
        super().__init__(c, **options)
        self._channel: Any = None
        self._thread: threading.Thread | None = None

    def start(self, c: Any) -> None:
        """Follow the consumer's channel; the first time, start the thread."""
        self._channel = c.task_consumer.channel
        if self._thread is None:
            (name,) = c.app.amqp.queues.consume_from
            self._thread = threading.Thread(
                target=self._run,
                args=(queues.by_name(name).visibility_seconds,),
                name="visibility-heartbeat",
                daemon=True,
            )
            self._thread.start()

    def stop(self, c: Any) -> None:
        """Keep beating: see the class."""

    def terminate(self, c: Any) -> None:
        """Keep beating: see the class."""

    def _run(self, visibility: int) -> None:
        interval = visibility / 3
        # A client of its own: a hanging request delays this thread alone, and never past a beat.
        timeout = max(0.5, min(5.0, interval / 2))
        config = Config(
            connect_timeout=timeout, read_timeout=timeout, retries={"total_max_attempts": 1}
        )
        extender = Extender(provision.client(config=config), visibility)
        pause, never = interval, threading.Event()
        while not never.wait(pause):
            began = clock.monotonic()
            channel = self._channel
            good = channel.closed or extender.beat(channel.held())
            # A beat that failed is tried again well before the visibility's two thirds are over.
            pause = max(interval - (clock.monotonic() - began), 0) if good else interval / 4
