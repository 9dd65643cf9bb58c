"""What a channel holds: received, and neither acknowledged nor given back."""

from __future__ import annotations

import threading
from typing import Any

from kombu.transport import SQS


class QoS(SQS.QoS):
    """Messages held, safe to settle from one thread and to look at from another.

    kombu marks settled messages as dirty and sweeps them when the next one arrives, so a count or
    a heartbeat in between sees what is already gone. Here a message leaves when it is settled.
    """

    def __init__(self, channel: Any, prefetch_count: int = 0) -> None:
        self._lock = threading.RLock()
        super().__init__(channel, prefetch_count)

    def append(self, message: Any, delivery_tag: str) -> None:
        """Hold *message*."""
        with self._lock:
            self._delivered[delivery_tag] = message

    def settle(self, delivery_tag: str) -> Any | None:
        """Let go of a message and return it; None where it was settled before."""
        with self._lock:
            return self._delivered.pop(delivery_tag, None)

    def ack(self, delivery_tag: str) -> None:
        """Let go of a message; the channel deletes it."""
        self.settle(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: ARG002
        """Let go of a message; the channel decides when it is seen again."""
        self.settle(delivery_tag)

    def held(self) -> list[Any]:
        """The messages held at this moment."""
        with self._lock:
            return list(self._delivered.values())

    def free_slots(self, asked_for: int) -> int | None:
        """Messages that may still be asked for while *asked_for* are under way; None: no limit."""
        if not self.prefetch_count:
            return None
        with self._lock:
            free: int = self.prefetch_count - len(self._delivered) - asked_for
        return max(free, 0)

    def restore_unacked(self) -> list[Any]:
        """Give back everything held; it is visible to other consumers at once."""
        with self._lock:
            messages = self.held()
            self._delivered.clear()
        for message in messages:
            self.channel.release(message)
        return []
