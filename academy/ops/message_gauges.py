"""Gauges of messages: what is left at the provider, and what nobody knows the end of."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

from django.db import connection

from academy.core import clock
from academy.messaging import providers
from academy.telemetry import metrics
from academy.telemetry.gauges import Sample, register_gauge
from academy.telemetry.readers import DepthsReader

BALANCE: Final = metrics.gauge(
    "academy_message_provider_balance_krw",
    "provider",
    "KRW left at the provider of messages, asked at most once a minute; absent where it does not "
    "tell or is paid afterwards.",
)
BATCHES: Final = metrics.gauge(
    "academy_message_batches_open",
    "state",
    "Batches of messages between the plan and the provider's word. state: planned, prepared, "
    "sending, unknown (no answer: the provider is being asked).",
)
BATCHES_AGE: Final = metrics.gauge(
    "academy_message_batches_open_oldest_seconds", "state", "How long the oldest of them is so."
)
MESSAGES: Final = metrics.gauge(
    "academy_messages_open",
    "state",
    "Messages that have not ended. state: queued (also those that wait for the morning), sending, "
    "unknown, sent (with the carrier, no report yet).",
)
ASK_SECONDS: Final = 60.0
_STATES: Final = ("planned", "prepared", "sending", "unknown")

_OPEN = """
SELECT state, count(*), max(extract(epoch FROM clock_timestamp() - updated_at))::float8
FROM message_batch WHERE state IN ('planned', 'prepared', 'sending', 'unknown') GROUP BY state
"""
# Both conditions are those of partial indexes.
_MESSAGES = """
SELECT state, count(*) FROM message WHERE state IN ('queued', 'sending', 'unknown') GROUP BY state
UNION ALL SELECT 'sent', count(*) FROM message WHERE state = 'sent'
"""


class Balance:
    """The provider's balance, asked at most once in ``ASK_SECONDS`` whoever reads the page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: float | None = None
        self._samples: list[Sample] = []

    def __call__(self) -> list[Sample]:
        """Raises ProviderError where the provider does not answer."""
        with self._lock:
            now = clock.monotonic()
            if self._at is None or now - self._at >= ASK_SECONDS:
                provider = providers.current()
                left = provider.balance()
                self._at = now
                self._samples = [] if left is None else [(BALANCE, (provider.name,), float(left))]
            return self._samples


def batches_read() -> Iterator[Sample]:
    """Batches that have not ended; the index of open ones bounds it."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN)
        found = {state: (count, age) for state, count, age in cursor.fetchall()}
    for state in _STATES:
        count, age = found.get(state, (0, 0.0))
        yield BATCHES, (state,), float(count)
        yield BATCHES_AGE, (state,), max(0.0, age)


def messages_read() -> Iterator[Sample]:
    """Messages on their way."""
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES)
        found = dict(cursor.fetchall())
    for state in ("queued", "sending", "unknown", "sent"):
        yield MESSAGES, (state,), float(found.get(state, 0))


def register() -> None:
    """Have them asked for every page of metrics."""
    register_gauge("message_batches", batches_read)
    register_gauge("messages", messages_read)
    register_gauge("message_provider", DepthsReader(Balance()))
