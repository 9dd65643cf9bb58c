"""How late the relay is: the age of the oldest row that it could publish now and has not."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from django.db import connection, transaction

from academy.core import clock, health
from academy.fleet.queue_access import queue_access
from academy.jobs import admission

LATE_SECONDS: Final = 30.0
"""A lag, or a silence of all relays, above this is worth saying; a healthy one is below 2 s."""
STATEMENT_MS: Final = 1_500
_SAMPLE: Final = 100
"""Rows looked at for each queue: what the relay itself takes in one batch."""
_FRESH_SECONDS: Final = 5.0


def due_ages() -> dict[str, float]:
    """Seconds by queue; 0 where nothing is due.

    What admission would not publish is no lag: a row of a tenant at its limit, of a paused queue,
    or of a queue whose window of unclaimed messages is full. Costs what one round of the relay
    costs, whatever the backlog.
    """
    lag = {}
    for queue in queue_access().facts():
        oldest = admission.oldest_due_seconds(
            queue.name, window=queue.publish_window, limit=_SAMPLE
        )
        lag[queue.name] = oldest or 0.0
    return lag


def relay_lag() -> dict[str, float]:
    """`due_ages`, or OperationalError where a statement takes longer than ``STATEMENT_MS``."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
        return due_ages()


@dataclass
class RelayNotice:
    """The relay in ``/readyz``: its lag and its silence, asked at most every 5 s a process."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read_at: float | None = None
    _last: health.Notice = field(default_factory=lambda: health.Notice(ok=False))

    def __call__(self) -> health.Notice:
        """The notice; raises when the database does not say."""
        with self._lock:
            now = clock.monotonic()
            if self._read_at is None or now - self._read_at >= _FRESH_SECONDS:
                self._last = _look()
                self._read_at = now
            return self._last


def _look() -> health.Notice:
    lag = max(relay_lag().values(), default=0.0)
    sign = health.relay_sign()
    silent = sign.silent_seconds
    late = lag > LATE_SECONDS or sign.relays == 0 or (silent or 0.0) > LATE_SECONDS
    facts = {
        "lag_seconds": round(lag, 1),
        "relays": sign.relays,
        "silent_seconds": None if silent is None else round(silent, 1),
    }
    return health.Notice(ok=not late, facts=facts)
