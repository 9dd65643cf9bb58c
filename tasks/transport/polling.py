"""When a channel polls which queue, for how many messages; runs on the event loop."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from tasks.transport.policy import Backoff, share_slots

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Poll:
    """A receive under way: how many messages were asked for, held open how long, since when."""

    queue: str
    count: int
    wait: int
    asked: float


class Poller:
    """Keeps the free slots of a channel filled.

    Slots are shared over all queues in turn. A queue has one long poll under way, or up to
    *max_polls* while its polls bring messages. A poll that fails pauses its queue alone, for a
    delay of *backoff*. *contended_wait* is the long poll's length where the queues outnumber the
    slots, so that an empty queue does not keep the slot from the others.
    """

    def __init__(
        self, channel: Any, *, backoff: Backoff, max_polls: int, contended_wait: int
    ) -> None:
        self._channel = channel
        self._backoff = backoff
        self._max_polls = max_polls
        self._contended_wait = contended_wait
        self._under_way: dict[str, list[int]] = {}
        self._hot: set[str] = set()
        self._paused: set[str] = set()
        self._failures: dict[str, int] = {}
        self._turn = 0
        self._wake_pending = False
        #: ``time.monotonic()`` of each queue's last answered poll, or of its start.
        self.last_good: dict[str, float] = {}

    @property
    def under_way(self) -> int:
        """Receives that were asked for and are not answered yet."""
        return sum(map(len, self._under_way.values()))

    def add(self, queue: str) -> None:
        """Count the age of *queue*'s last good poll from now."""
        self.last_good.setdefault(queue, monotonic())

    def start_again(self) -> None:
        """Poll after a pause; no age is counted from before it."""
        self.last_good = dict.fromkeys(self.last_good, monotonic())
        self.wake()

    def wake(self) -> None:
        """Have the event loop look for free slots; callable from any thread."""
        channel = self._channel
        if channel.hub is not None and not self._wake_pending and not channel.closed:
            self._wake_pending = True
            channel.hub.call_soon(self.fill)

    def fill(self) -> None:
        """Ask for as many messages as there are free slots."""
        self._wake_pending = False
        channel = self._channel
        queues = channel.consumed_queues
        if channel.closed or not queues:
            return
        turn = self._turn % len(queues)
        ready = [queue for queue in queues[turn:] + queues[:turn] if self._may_poll(queue)]
        free = channel.qos.free_slots(sum(map(sum, self._under_way.values())))
        wait = channel.wait_time_seconds
        if channel.qos.prefetch_count and channel.qos.prefetch_count < len(queues):
            wait = min(wait, self._contended_wait)
        for queue, count in zip(ready, share_slots(free, len(ready)), strict=True):
            if count:
                self._turn = queues.index(queue) + 1
                self._ask(_Poll(queue, count, wait, monotonic()))

    def _may_poll(self, queue: str) -> bool:
        if queue in self._paused:
            return False
        under_way = len(self._under_way.get(queue, ()))
        return under_way == 0 or (queue in self._hot and under_way < self._max_polls)

    def _ask(self, poll: _Poll) -> None:
        self._under_way.setdefault(poll.queue, []).append(poll.count)
        on_answer = partial(self._on_answer, poll)
        try:
            self._channel.receive(
                poll.queue, count=poll.count, wait_seconds=poll.wait, on_answer=on_answer
            )
        except Exception as exc:  # noqa: BLE001 - signing and credential providers raise anything
            on_answer(None, f"could not ask: {type(exc).__name__}")

    def _on_answer(
        self, poll: _Poll, messages: list[dict[str, Any]] | None, problem: str | None
    ) -> None:
        queue, now = poll.queue, monotonic()
        self._under_way[queue].remove(poll.count)
        if messages is None:
            self._on_failure(queue, str(problem))
            return
        if failures := self._failures.pop(queue, 0):
            logger.warning("Polling of %s works again after %d failures.", queue, failures)
        self.last_good[queue] = now
        (self._hot.add if messages else self._hot.discard)(queue)
        self._channel.deliver(queue, messages)
        # An endpoint that does not hold an empty receive open would be asked without end.
        if not messages and now - poll.asked < min(poll.wait, 1) / 2:
            self._pause(queue, self._channel.empty_poll_pause)
        self.wake()

    def _on_failure(self, queue: str, problem: str) -> None:
        self._hot.discard(queue)
        failures = self._failures[queue] = self._failures.get(queue, 0) + 1
        delay = self._backoff.delay(failures)
        logger.warning(
            "Polling of %s failed (%s), time %d in a row; next try in %.1f s.",
            queue, problem, failures, delay,
        )  # fmt: skip
        self._pause(queue, delay)
        self.wake()

    def _pause(self, queue: str, seconds: float) -> None:
        self._paused.add(queue)
        self._channel.hub.call_later(seconds, self._resume, queue)

    def _resume(self, queue: str) -> None:
        self._paused.discard(queue)
        self.fill()
