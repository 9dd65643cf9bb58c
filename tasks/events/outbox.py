"""A bounded buffer and the one thread that sends it, so that nobody waits for monitoring."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.config import Config

from tasks import provision, queues
from tasks.events.packing import Event, pack

logger = logging.getLogger(__name__)

#: Events that wait: at some 300 bytes each a few MB, and minutes of a busy worker.
CAPACITY = 10_000
#: A worker that stops has this long to say so.
CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class _Unsent:
    """One message body on its way to one queue."""

    target: str
    body: str
    events: int


class Outbox:
    """Takes events from any thread, at once, and sends them every *interval* seconds.

    What cannot be sent is kept and tried again at the next flush, while new events fill the buffer
    and, once it is full, are dropped. *client* is a boto3 SQS client that only this thread uses.
    """

    def __init__(
        self,
        client: Any,
        targets: Sequence[str],
        *,
        interval: float,
        capacity: int = CAPACITY,
    ) -> None:
        self._client = client
        self._targets = tuple(targets)
        self._interval = interval
        self._buffer: queue.Queue[Event] = queue.Queue(capacity)
        self._unsent: deque[_Unsent] = deque()
        self._urls: dict[str, str] = {}
        self._dropped = 0
        self._failures = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Events that will never arrive, since the process started."""
        return self._dropped

    def put(self, event: Event) -> None:
        """Take *event*, or drop and count it where the buffer is full. Never blocks or raises."""
        try:
            self._buffer.put_nowait(event)
        except queue.Full:
            self._dropped += 1

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Send what is left, within *timeout* seconds, and end the thread."""
        self._closing.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.warning("The events queue does not answer; its last events are lost.")

    def _run(self) -> None:
        while not self._closing.wait(self._interval):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        """Send everything there is; stop at the first failure and keep the rest."""
        if not self._unsent:
            self._take()
        while self._unsent:
            try:
                self._send(self._unsent[0])
            except Exception as exc:  # noqa: BLE001 - monitoring outlives whatever SQS or boto do
                self._on_failure(exc)
                return
            self._unsent.popleft()
        if self._failures:
            logger.warning(
                "Events reach their queue again after %d failures; %d were dropped so far.",
                self._failures, self._dropped,
            )  # fmt: skip
            self._failures = 0

    def _take(self) -> None:
        """Pack what is buffered now; what comes meanwhile waits for the next flush."""
        events = []
        for _ in range(self._buffer.qsize()):
            try:
                events.append(self._buffer.get_nowait())
            except queue.Empty:
                break
        packed = pack(events)
        self._dropped += packed.refused
        for target in self._targets:
            self._unsent.extend(_Unsent(target, body, count) for body, count in packed.bodies)

    def _send(self, unsent: _Unsent) -> None:
        url = self._urls.get(unsent.target)
        if url is None:
            url = str(self._client.get_queue_url(QueueName=unsent.target)["QueueUrl"])
            self._urls[unsent.target] = url
        self._client.send_message(QueueUrl=url, MessageBody=unsent.body)

    def _on_failure(self, exc: Exception) -> None:
        self._failures += 1
        # The queue may have been made again elsewhere.
        self._urls.clear()
        if self._failures == 1:
            logger.warning(
                "Events do not reach %s (%s); tasks run on, Flower is blind until they do.",
                self._unsent[0].target, type(exc).__name__,
            )  # fmt: skip


_outboxes: dict[int, Outbox] = {}
_lock = threading.Lock()


def outbox() -> Outbox:
    """This process's outbox; a forked child makes its own, because threads are not inherited."""
    pid = os.getpid()
    found = _outboxes.get(pid)
    if found is None:
        with _lock:
            found = _outboxes.get(pid)
            if found is None:
                found = _outboxes[pid] = _make()
    return found


def close_outbox() -> None:
    """Send what this process still has to say, within seconds; nothing where it has no outbox."""
    if found := _outboxes.pop(os.getpid(), None):
        found.close()


def _make() -> Outbox:
    # A client of its own: a request that hangs delays this thread alone.
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
    targets = [queue.sqs_name for queue in queues.events_queues()]
    interval = max(queues.events_flush_seconds(), 1)
    return Outbox(provision.client(config=config), targets, interval=interval)
