"""The page of ``/metrics``: stored counters and histograms, and gauges read now."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from django.db import OperationalError, transaction
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from academy.core import clock
from academy.jobs import kinds
from academy.telemetry import gauges, metrics, store
from academy.telemetry.metrics import Metric, MetricType
from academy.telemetry.store import Histogram, Labels
from academy.tenants.plans import PLANS

FRESH_SECONDS: Final = 2.0
"""Whoever asks within this time of another gets the same answer."""
WAIT_SECONDS: Final = 5.0
"""How long one waits for the reading of another: a server that is cut off answers late or never."""


def read() -> list[Family]:
    """Everything that can be said now; raises what an unreachable database raises."""
    with transaction.atomic():
        gauges.limit_statements()
        values: dict[Metric, dict[Labels, float]] = defaultdict(dict)
        for metric, labels in _begun_at_zero():
            values[metric][labels] = 0.0
        for metric, series in store.values().items():
            values[metric] |= series
        histograms = store.histograms()
    for metric, labels, value in gauges.read_all():
        values[metric][labels] = value
    return list(_families(values, histograms))


def _begun_at_zero() -> Iterator[tuple[Metric, Labels]]:
    """Series of rare and bad events: a counter that starts at 1 hides its first one from rate()."""
    for spec in kinds.all_kinds():
        for queue in spec.queues:
            yield metrics.JOBS_REPUBLISHED, (spec.name, queue)
            for found_by in ("claim", "sweep"):
                yield metrics.LEASE_TAKEOVERS, (spec.name, queue, found_by)
            for plan in PLANS:
                for event in ("failed", "dead"):
                    yield metrics.JOB_EVENTS, (spec.name, queue, plan, event)


def _families(
    values: dict[Metric, dict[Labels, float]], histograms: dict[Metric, dict[Labels, Histogram]]
) -> Iterator[Family]:
    for metric in metrics.all_metrics():
        if metric.type is MetricType.HISTOGRAM:
            yield _histogram(metric, histograms.get(metric, {}))
        elif series := values.get(metric):
            shape = CounterMetricFamily if metric.type is MetricType.COUNTER else GaugeMetricFamily
            family = shape(metric.name, metric.help, labels=metric.labels)
            for labels, value in sorted(series.items()):
                family.add_metric(labels, value)
            yield family


def _histogram(metric: Metric, series: dict[Labels, Histogram]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, histogram in sorted(series.items()):
        buckets = [
            ("+Inf" if bound == float("inf") else f"{bound:g}", float(count))
            for bound, count in store.cumulative(metric, histogram)
        ]
        family.add_metric(labels, buckets, sum_value=histogram.total)
    return family


class _Read(Collector):
    """What was read, as prometheus_client's encoders want it."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


@dataclass
class Page:
    """Reads at most once in ``FRESH_SECONDS``, whoever asks; a failure lasts as long."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read_at: float | None = None
    _families: list[Family] | Exception = field(default_factory=list)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The body and its content type, in the format that ``accept`` prefers."""
        encode, content_type = choose_encoder(accept)
        registry = CollectorRegistry()
        registry.register(_Read(self._fresh()))
        return encode(registry), content_type

    def _fresh(self) -> list[Family]:
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise OperationalError("another scrape still waits for the database")
        try:
            now = clock.monotonic()
            if self._read_at is None or now - self._read_at >= FRESH_SECONDS:
                try:
                    self._families = read()
                except Exception as error:  # noqa: BLE001 - raised below, for all who ask
                    self._families = error
                self._read_at = clock.monotonic()
            if isinstance(self._families, Exception):
                raise self._families
            return self._families
        finally:
            self._lock.release()


page: Final = Page()
