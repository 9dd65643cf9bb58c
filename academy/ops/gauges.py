"""Gauges of the domains that the metrics may not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from django.db.models import Count

from academy.core import health
from academy.deadletters.models import DeadLetter, LetterState
from academy.jobs import kinds
from academy.jobs.lag import due_ages
from academy.ops import message_gauges
from academy.telemetry import metrics
from academy.telemetry.gauges import Sample, register_gauge

RELAYS: Final = metrics.gauge(
    "academy_relays", "", "Relays that are connected and have finished a round of all queues."
)
RELAY_SILENT: Final = metrics.gauge(
    "academy_relay_silent_seconds",
    "",
    "Since a relay last finished a round, as it does every second without traffic too; absent "
    "where there is no relay.",
)
RELAY_LAG: Final = metrics.gauge(
    "academy_relay_lag_seconds",
    "queue",
    "How long the oldest job that could be published now has waited for the relay. Jobs of an "
    "academy at its limit, of a paused queue and of a full one do not count.",
)


def relay_read() -> Iterator[Sample]:
    """Whether the relay lives, and how late it is."""
    sign = health.relay_sign()
    yield RELAYS, (), float(sign.relays)
    if sign.silent_seconds is not None:
        yield RELAY_SILENT, (), sign.silent_seconds
    for queue, seconds in due_ages().items():
        yield RELAY_LAG, (queue,), seconds


def dead_letters_read() -> Iterator[Sample]:
    """Open dead letters by queue and kind; a kind that only a message names is not a label."""
    letters = DeadLetter.objects.filter(state=LetterState.OPEN.value)
    found: Counter[tuple[str, str]] = Counter()
    for queue, kind, count in letters.values_list("queue", "kind").annotate(Count("id")):
        found[queue, kind if kinds.find(kind) is not None else "unknown"] += count
    for labels, count in found.items():
        yield metrics.DEAD_LETTERS, labels, float(count)


def register() -> None:
    """Have them asked for every page of metrics."""
    register_gauge("relay", relay_read)
    register_gauge("dead_letters", dead_letters_read)
    message_gauges.register()
