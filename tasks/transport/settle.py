"""Settling received messages off the event loop, in batches.

Deleting is the only thing here that cannot be undone, and it is asked for only when a task is done.
Everything else that can go wrong ends in a redelivery.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from time import monotonic
from typing import Any

from tasks.transport.policy import MAX_ENTRIES, Backoff

logger = logging.getLogger(__name__)

_RETRY = Backoff(base=0.2, factor=3, cap=5)
#: The receipt handle is not, or no longer, the message's: it was received again or deleted.
_STALE = frozenset({"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"})


class Action(Enum):
    """What is asked of SQS."""

    DELETE = "delete"
    RELEASE = "release"
    REJECT = "reject"


@dataclass(frozen=True)
class Settlement:
    """One received message and what is to become of it.

    ``visibility`` is for a release: seconds until the message is seen again.
    """

    action: Action
    queue: str
    queue_url: str
    receipt_handle: str
    visibility: int = 0
    due: float = 0.0
    attempts: int = 0


class Settler:
    """A thread that settles messages with clients of its own.

    *connect* makes a boto3 client for a queue. *keeps_rejected* says whether a queue's rejected
    messages travel to a dead-letter queue; where not, they are deleted.
    """

    def __init__(
        self,
        connect: Callable[[str], Any],
        *,
        keeps_rejected: Callable[[str, str], bool],
        reject_visibility: int | None = None,
        delay: float = 0.1,
        attempts: int = 5,
    ) -> None:
        self._connect = connect
        self._keeps_rejected = keeps_rejected
        self._reject_visibility = reject_visibility
        self._delay = delay
        self._attempts = attempts
        self._clients: dict[str, Any] = {}
        self._pending: list[Settlement] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._deadline: float | None = None

    def put(self, settlement: Settlement) -> None:
        """Settle a message soon; returns at once, from any thread."""
        with self._changed:
            if self._deadline is not None:
                logger.warning("A message of %s was settled too late; SQS redelivers it.",
                               settlement.queue)  # fmt: skip
                return
            self._pending.append(replace(settlement, due=monotonic() + self._delay))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sqs-settle", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """Settle what is pending, for *timeout* seconds at most, and end the thread."""
        if self._pid != os.getpid():
            return  # a forked child has neither the thread nor a right to settle
        with self._changed:
            if self._deadline is None:
                self._deadline = monotonic() + timeout
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while (ready := self._take()) is not None:
            for key, group in _grouped(ready):
                for start in range(0, len(group), MAX_ENTRIES):
                    self._settle(*key, group[start : start + MAX_ENTRIES])

    def _take(self) -> list[Settlement] | None:
        """Wait for a full batch or the oldest one's time; None when closed and done."""
        with self._changed:
            while True:
                now = monotonic()
                closing = self._deadline is not None
                if self._deadline is not None and (not self._pending or now >= self._deadline):
                    if self._pending:
                        logger.warning("Closed with %d messages not settled; SQS redelivers them.",
                                       len(self._pending))  # fmt: skip
                    return None
                fresh = [one for one in self._pending if not one.attempts]
                retries_due = [one for one in self._pending if one.attempts and one.due <= now]
                if fresh and (closing or len(fresh) >= MAX_ENTRIES or fresh[0].due <= now):
                    ready = fresh + retries_due
                else:
                    ready = retries_due
                if ready:
                    taken = set(map(id, ready))
                    self._pending = [one for one in self._pending if id(one) not in taken]
                    return ready
                dues = [one.due for one in self._pending]
                if self._deadline is not None:
                    dues.append(self._deadline)
                self._changed.wait(min(dues) - now if dues else None)

    def _settle(self, action: Action, queue: str, queue_url: str, group: list[Settlement]) -> None:
        try:
            failed = self._request(action, queue, queue_url, group)
        except Exception as exc:  # noqa: BLE001 - a thread that dies would settle nothing any more
            failed = dict.fromkeys(range(len(group)), _reason(exc))
        # One time for all of them: what failed together is one request again.
        due = monotonic() + _RETRY.delay(1 + max(one.attempts for one in group))
        for index, reason in failed.items():
            self._retry(group[index], reason, due)

    def _request(
        self, action: Action, queue: str, queue_url: str, group: list[Settlement]
    ) -> dict[int, str]:
        """Send one batch; returns the entries that failed, with the reason."""
        client = self._clients.get(queue)
        if client is None:
            client = self._clients[queue] = self._connect(queue)
        handles = [
            {"Id": str(index), "ReceiptHandle": one.receipt_handle}
            for index, one in enumerate(group)
        ]
        if action is Action.REJECT:
            if not self._keeps_rejected(queue, queue_url):
                action = Action.DELETE
            elif self._reject_visibility is None:
                return {}
        if action is Action.DELETE:
            answer = client.delete_message_batch(QueueUrl=queue_url, Entries=handles)
        else:
            entries = [
                {**handle, "VisibilityTimeout": self._visibility(one)}
                for handle, one in zip(handles, group, strict=True)
            ]
            answer = client.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
        return {
            int(one["Id"]): str(one.get("Code")).rpartition(".")[2]
            for one in answer.get("Failed") or ()
        }

    def _visibility(self, settlement: Settlement) -> int:
        if settlement.action is Action.REJECT:
            return self._reject_visibility or 0
        return settlement.visibility

    def _retry(self, settlement: Settlement, reason: str, due: float) -> None:
        attempts = settlement.attempts + 1
        what = f"{settlement.action.value} a message of {settlement.queue}"
        if reason in _STALE:
            logger.warning("Could not %s: %s. Its receipt is out of date.", what, reason)
        elif attempts >= self._attempts:
            logger.error("Gave up trying to %s: %s. SQS redelivers it.", what, reason)
        else:
            if attempts == 1:
                logger.warning("Could not %s: %s. Trying again.", what, reason)
            with self._changed:
                self._pending.append(replace(settlement, attempts=attempts, due=due))


def _grouped(
    ready: Iterable[Settlement],
) -> list[tuple[tuple[Action, str, str], list[Settlement]]]:
    groups: dict[tuple[Action, str, str], list[Settlement]] = defaultdict(list)
    for one in ready:
        groups[one.action, one.queue, one.queue_url].append(one)
    return list(groups.items())


def _reason(exc: Exception) -> str:
    response = getattr(exc, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code") or type(exc).__name__)
    return type(exc).__name__
