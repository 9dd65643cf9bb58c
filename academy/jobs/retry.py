"""When a job that failed for a passing reason runs again."""

import random
import sys
from dataclasses import dataclass
from typing import Final

LONGEST_RETRY_AFTER: Final = 24 * 3600.0
"""Seconds; a provider that names a longer pause (or a nonsensical one) is asked again anyway."""

SHORTEST_ELSEWHERE: Final = 3.0
LONGEST_ELSEWHERE: Final = 60.0


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter, in seconds.

    The n-th wait is drawn from ``[floor, base * 2 ** (n - 1)]``, capped, so that jobs which failed
    together do not come back together.
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)
    """

    max_attempts: int
    base: float = 5.0
    cap: float = 15 * 60.0
    floor: float = 1.0

    def delay(
        self, failures: int, *, retry_after: float | None = None, rng: random.Random | None = None
    ) -> float | None:
        """Seconds to wait after the ``failures``-th failure (from 1); None: give up."""
        if failures >= self.max_attempts:
            return None
        ceiling = min(self.cap, self.base * 2.0 ** min(failures - 1, 32))
        wait = (rng or _RNG).uniform(self.floor, max(self.floor, ceiling))
        return max(wait, min(retry_after or 0.0, LONGEST_RETRY_AFTER))


def elsewhere_delay(attempt: int, *, retry_after: float | None = None) -> float:
    """Seconds before a job that a host gave back is due again, after its ``attempt``-th attempt.

    Short, because another host may be free; and longer each time, in case none is. It comes on top
    of ``retry_after``, so that jobs which wait for the same moment do not all come at it.
    """
    policy = RetryPolicy(max_attempts=sys.maxsize, cap=LONGEST_ELSEWHERE, floor=SHORTEST_ELSEWHERE)
    delay = policy.delay(attempt)
    assert delay is not None
    return delay + min(max(0.0, retry_after or 0.0), LONGEST_RETRY_AFTER)


_RNG: Final = random.SystemRandom()
