"""Flower's events, read from their SQS queue into a state that outlives restarts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from celery import states
from flower.events import Events
from prometheus_client import Counter

from academy.core import clock
from tasks import queues
from tasks.events.dispatcher import SNAPSHOT
from tasks.events.endings import TOLD_BY
from tasks.events.packing import Event, UnreadableBodyError, unpack

logger = logging.getLogger(__name__)

_BATCH = 10
#: A long poll outlives the process that asked, and what it brings then is unseen for 30 s: so a
#: Flower that stops waits for its last one.
WAIT_SECONDS = 5
#: How long a received batch may take to be shown before it is received once more.
_SHOW_SECONDS = 20.0
#: Ids of the last messages shown.
_REMEMBERED = 1_000
_SAVE_MILLISECONDS = 60_000
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0

#: A task's times; its own "timestamp" goes back when an old event is merged into it.
_MOMENTS = (
    *("timestamp", "received", "started", "succeeded"),
    *("failed", "retried", "revoked", "rejected"),
)

UNREADABLE = Counter("academy_flower_unreadable_messages_total", "Messages that were no events")


class Receiver(Events):
    """Flower's ``events`` object: its thread long-polls *queue* in place of a broadcast exchange.

    A message is deleted after its events are shown, so a Flower that dies shows them when it is
    back. ``on_snapshot`` is called in the event loop with each ``worker-info`` event.
    """

    def __init__(
        self,
        capp: Any,
        io_loop: Any,
        *,
        client: Any,
        queue: str,
        database: Path | None,
        max_tasks: int,
        max_workers: int,
        on_snapshot: Callable[[Event], None],
    ) -> None:
        super().__init__(
            capp,
            io_loop,
            db=str(database),
            persistent=database is not None,
            # Flower would ask for events by broadcast every five seconds; here they just come.
            enable_events=False,
            state_save_interval=_SAVE_MILLISECONDS,
            max_tasks_in_memory=max_tasks,
            max_workers_in_memory=max_workers,
        )
        self._client = client
        self._queue = queue
        self._url: str | None = None
        self._on_snapshot = on_snapshot
        self._stopping = threading.Event()
        self._failures = 0
        self._shown_ids: dict[str, None] = {}

    def stop(self) -> None:
        """End the thread after its present poll, and keep the state; called in the event loop."""
        self._stopping.set()
        super().stop()

    def save_state(self) -> None:
        """Write the state to its file; a full disk costs the history, not the present."""
        try:
            super().save_state()
        except Exception as exc:  # noqa: BLE001 - pickle and dbm raise errors of many kinds
            logger.warning("Flower's history could not be saved (%s).", type(exc).__name__)

    # ---------------------------------------------------------------- the thread

    def run(self) -> None:
        """Receive, show, delete; outlive whatever SQS does."""
        while not self._stopping.is_set():
            try:
                self._round()
            except Exception as exc:  # noqa: BLE001 - a thread that ends leaves Flower blind
                self._on_failure(exc)
                continue
            if self._failures:
                logger.warning("Events are received again, after %d failures.", self._failures)
                self._failures = 0

    def _round(self) -> None:
        if self._url is None:
            self._url = str(self._client.get_queue_url(QueueName=self._queue)["QueueUrl"])
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=min(WAIT_SECONDS, max(queues.wait_seconds(), 1)),
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages = answer.get("Messages") or []
        if not messages:
            return
        fresh = [message for message in messages if message["MessageId"] not in self._shown_ids]
        shown: Future[bool] = Future()
        self.io_loop.add_callback(partial(self._show, _read(fresh), shown))
        if self._were(shown):
            self._remember(fresh)
            self._delete(messages)
        else:
            self._give_back(messages)

    def _were(self, shown: Future[bool]) -> bool:
        """Wait for the loop's answer; a loop that has stopped gives none."""
        deadline = clock.monotonic() + _SHOW_SECONDS
        while True:
            try:
                return shown.result(timeout=0.5)
            except TimeoutError:
                if self._stopping.is_set() or clock.monotonic() >= deadline:
                    return False

    def _remember(self, messages: Sequence[dict[str, Any]]) -> None:
        """SQS hands some messages out twice; their events must not count twice."""
        self._shown_ids.update(dict.fromkeys(message["MessageId"] for message in messages))
        for old in list(self._shown_ids)[:-_REMEMBERED]:
            del self._shown_ids[old]

    def _delete(self, messages: Sequence[dict[str, Any]]) -> None:
        answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=_receipts(messages))
        if failed := answer.get("Failed"):
            logger.warning("%d messages were not deleted and will come again.", len(failed))

    def _give_back(self, messages: Sequence[dict[str, Any]]) -> None:
        """Leave *messages* to the next Flower, at once."""
        self._client.change_message_visibility_batch(
            QueueUrl=self._url, Entries=_receipts(messages, VisibilityTimeout=0)
        )

    def _on_failure(self, exc: Exception) -> None:
        self._failures += 1
        self._url = None
        pause = min(_FIRST_PAUSE * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE)
        if self._failures == 1:
            logger.warning("No events from %s (%s): %s.", self._queue, type(exc).__name__, exc)
        self._stopping.wait(pause)

    # ---------------------------------------------------------------- the event loop

    def _show(self, events: Sequence[Event], shown: Future[bool]) -> None:
        """Bring *events* into the state, which only the loop touches, unless it is saved by now."""
        if self._stopping.is_set():
            shown.set_result(False)
            return
        for event in events:
            try:
                self._take(event)
            except Exception as exc:  # noqa: BLE001 - one event must not cost the others
                logger.warning("An event %s was left out: %s.", event["type"], type(exc).__name__)
        shown.set_result(True)

    def _take(self, event: Event) -> None:
        if event["type"] == SNAPSHOT:
            self._on_snapshot(event)
            return
        if event.pop(TOLD_BY, None):
            if is_known(self.state, event):
                return
            # Said for a worker that is gone: no sign that it lives.
            event["local_received"] = 0
        if is_late(self.state, event):
            return
        self.capp.clock.adjust(int(event["clock"]))
        self.state.event(event)


def is_known(state: Any, event: Event) -> bool:
    """Whether the task has ended already, or waits for its next run as *event* says."""
    task = state.tasks.data.get(event["uuid"])
    if task is None:
        return False
    waits = event["type"] == "task-retried" and task.state == states.RETRY
    return waits or task.state in states.READY_STATES


def is_late(state: Any, event: Event) -> bool:
    """Whether *event* is older than what is known of its task, where Celery would believe it.

    Celery orders a task's events by state. That holds for one run, but after a retry the same task
    is received again, by any worker: only the time says which came first.
    """
    task = state.tasks.data.get(event.get("uuid")) if event["type"].startswith("task-") else None
    if task is None:
        return False
    known = max(getattr(task, moment) or 0 for moment in _MOMENTS)
    believed = event["type"] == "task-retried" or task.state == states.RETRY
    return bool(believed and event["timestamp"] < known)


def _receipts(messages: Sequence[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    return [
        {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"], **more}
        for i, message in enumerate(messages)
    ]


def _read(messages: Sequence[dict[str, Any]]) -> list[Event]:
    events: list[Event] = []
    for message in messages:
        try:
            said = unpack(message.get("Body") or "")
        except UnreadableBodyError as exc:
            UNREADABLE.inc()
            logger.warning("Message %s holds no events: %s.", message.get("MessageId"), exc)
            continue
        sent_at = _sent_at(message)
        events += [event | {"local_received": sent_at} for event in said]
    return events


def _sent_at(message: dict[str, Any]) -> float:
    """When SQS took the message, which is what "received" means for a worker's liveness.

    A Flower that comes back to an hour of events must not take the dead for living.
    """
    sent = (message.get("Attributes") or {}).get("SentTimestamp")
    return int(sent) / 1000 if sent else clock.now().timestamp()
