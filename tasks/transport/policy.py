"""The transport's decisions, without I/O: sharing slots, backing off, cutting batches."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: Entries SQS takes in one batch request, and messages it gives in one receive.
MAX_ENTRIES = 10
#: Bytes SQS takes in one message, and in all messages of one batch request together.
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff: ``min(base * factor ** (n - 1), cap)`` seconds, less some jitter.

    ``jitter`` is the share of the delay that chance may take away, so that ``cap`` stays a cap and
    what failed together does not return together.
    """

    base: float
    factor: float
    cap: float
    jitter: float = 0.3

    def ceiling(self, attempt: int) -> float:
        """Longest delay after the *attempt*-th failure (counted from 1)."""
        # 64 doublings pass every cap, and a float overflows above a thousand of them.
        return min(self.base * self.factor ** min(max(attempt, 1) - 1, 64), self.cap)

    def delay(self, attempt: int, chance: Callable[[], float] = random.random) -> float:
        """A delay after the *attempt*-th failure; *chance* gives a float in [0, 1)."""
        return self.ceiling(attempt) * (1 - self.jitter * chance())


def share_slots(free: int | None, queues: int, cap: int = MAX_ENTRIES) -> list[int]:
    """How many messages to ask each of *queues* for, the first ones being served first.

    The shares differ by one at most, none is above *cap*, and together they never pass *free*
    (None: no limit).
    """
    if free is None:
        return [cap] * queues
    if queues == 0:
        return []
    each, more = divmod(max(free, 0), queues)
    return [min(each + (index < more), cap) for index in range(queues)]


def cut_batches(
    items: Iterable[T],
    size: Callable[[T], int],
    *,
    max_entries: int = MAX_ENTRIES,
    max_bytes: int = MAX_BYTES,
) -> Iterator[list[T]]:
    """Cut *items* into batches within both limits, in order.

    An item larger than *max_bytes* gets a batch of its own: the caller must refuse it earlier.
    """
    batch: list[T] = []
    total = 0
    for item in items:
        nbytes = size(item)
        if batch and (len(batch) == max_entries or total + nbytes > max_bytes):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += nbytes
    if batch:
        yield batch
