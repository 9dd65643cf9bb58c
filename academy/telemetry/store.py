"""The stored counters and histograms: add to them, read them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection

from academy.telemetry import metrics
from academy.telemetry.metrics import Metric
from academy.telemetry.models import MetricBucket, MetricValue

Labels = tuple[str, ...]


@dataclass
class Histogram:
    """Observations of one series: how many fell into each bucket, and their sum."""

    counts: dict[float, int] = field(default_factory=dict)
    total: float = 0.0

    def add(self, bound: float, count: int, total: float) -> None:
        """Put ``count`` observations, ``total`` seconds together, into a bucket."""
        self.counts[bound] = self.counts.get(bound, 0) + count
        self.total += total


@dataclass
class Deltas:
    """What to add: by metric and label values."""

    values: dict[tuple[Metric, Labels], float] = field(default_factory=dict)
    buckets: dict[tuple[Metric, Labels, float], tuple[int, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.buckets)

    def count(self, metric: Metric, labels: Labels, value: float = 1.0) -> None:
        """Add to a counter."""
        key = (metric, labels)
        self.values[key] = self.values.get(key, 0.0) + value

    def observe(self, metric: Metric, labels: Labels, seconds: float) -> None:
        """Add one observation to a histogram."""
        self._put((metric, labels, metrics.bucket_of(metric, seconds)), 1, seconds)

    def merge(self, other: Deltas) -> None:
        """Add what another has."""
        for (metric, labels), value in other.values.items():
            self.count(metric, labels, value)
        for key, (count, total) in other.buckets.items():
            self._put(key, count, total)

    def _put(self, key: tuple[Metric, Labels, float], count: int, total: float) -> None:
        before, sum_before = self.buckets.get(key, (0, 0.0))
        self.buckets[key] = (before + count, sum_before + total)


# One order of the rows in every statement, so that two processes that add cannot deadlock.
_ADD_VALUES = """
INSERT INTO metric_value (name, labels, value)
SELECT name, labels, value
FROM unnest(%s::text[], %s::jsonb[], %s::float8[]) AS delta(name, labels, value)
ORDER BY name, labels
ON CONFLICT (name, labels) DO UPDATE SET value = metric_value.value + EXCLUDED.value
"""
_ADD_BUCKETS = """
INSERT INTO metric_bucket (name, labels, bound, count, total)
SELECT name, labels, bound, count, total
FROM unnest(%s::text[], %s::jsonb[], %s::float8[], %s::bigint[], %s::float8[])
    AS delta(name, labels, bound, count, total)
ORDER BY name, labels, bound
ON CONFLICT (name, labels, bound) DO UPDATE
SET count = metric_bucket.count + EXCLUDED.count, total = metric_bucket.total + EXCLUDED.total
"""


def add(deltas: Deltas) -> None:
    """Add to the stored counters; call it in a transaction where all or nothing must count."""
    with connection.cursor() as cursor:
        if deltas.values:
            rows = [(m.name, _json(m, labels), v) for (m, labels), v in deltas.values.items()]
            cursor.execute(_ADD_VALUES, [list(column) for column in zip(*rows, strict=True)])
        if deltas.buckets:
            cells = [
                (m.name, _json(m, labels), bound, count, total)
                for (m, labels, bound), (count, total) in deltas.buckets.items()
            ]
            cursor.execute(_ADD_BUCKETS, [list(column) for column in zip(*cells, strict=True)])


def values() -> dict[Metric, dict[Labels, float]]:
    """Every stored counter and level that this release knows."""
    found: dict[Metric, dict[Labels, float]] = defaultdict(dict)
    for name, stored, value in MetricValue.objects.values_list("name", "labels", "value"):
        if (series := _series(name, stored)) is not None:
            metric, labels = series
            found[metric][labels] = value
    return found


def histograms() -> dict[Metric, dict[Labels, Histogram]]:
    """Every stored histogram that this release knows."""
    found: dict[Metric, dict[Labels, Histogram]] = defaultdict(dict)
    rows = MetricBucket.objects.values_list("name", "labels", "bound", "count", "total")
    for name, stored, bound, count, total in rows:
        if (series := _series(name, stored)) is not None:
            metric, labels = series
            found[metric].setdefault(labels, Histogram()).add(bound, count, total)
    return found


def cumulative(metric: Metric, histogram: Histogram) -> Iterable[tuple[float, int]]:
    """Each bound of the metric with the observations up to it; the last is everything.

    A bucket of an older release whose bound is gone counts from the next bound on.
    """
    for bound in (*metric.buckets, float("inf")):
        yield bound, sum(count for upper, count in histogram.counts.items() if upper <= bound)


def _series(name: str, stored: Mapping[str, object]) -> tuple[Metric, Labels] | None:
    metric = metrics.find(name)
    if metric is None or (labels := metric.values(stored)) is None:
        return None
    return metric, labels


def _json(metric: Metric, labels: Labels) -> str:
    return json.dumps(dict(zip(metric.labels, labels, strict=True)))
