"""Gauges of the domains that the metrics may not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db.models import Count

from academy.deadletters.models import DeadLetter, LetterState
from academy.jobs import kinds
from academy.telemetry import metrics
from academy.telemetry.gauges import Sample, register_gauge


def dead_letters_read() -> Iterator[Sample]:
    """Open dead letters by queue and kind; a kind that only a message names is not a label."""
    letters = DeadLetter.objects.filter(state=LetterState.OPEN.value)
    found: Counter[tuple[str, str]] = Counter()
    for queue, kind, count in letters.values_list("queue", "kind").annotate(Count("id")):
        found[queue, kind if kinds.find(kind) is not None else "unknown"] += count
    for labels, count in found.items():
        yield metrics.DEAD_LETTERS, labels, float(count)


def register() -> None:
    """Have it asked for every page of metrics."""
    register_gauge("dead_letters", dead_letters_read)
