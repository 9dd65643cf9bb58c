"""The table of metrics: every name that ``/metrics`` may show, with its labels and meaning.

Labels take values of our own making alone (registered kinds, queues, plans, states, codes, route
templates): never a tenant, a job, or anything that a caller typed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class MetricType(StrEnum):
    """Prometheus's types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Origin(StrEnum):
    """Where a value comes from."""

    EVENTS = "events"
    """Added up from the event log by the relay's tally, exactly once, a few seconds later."""
    REQUESTS = "requests"
    """Added up by the API's processes, which write every few seconds; a kill loses those."""
    NOW = "now"
    """Read while ``/metrics`` is asked; absent where it could not be read."""


@dataclass(frozen=True)
class Metric:
    """One metric; its name carries its unit. ``buckets`` are upper bounds in seconds."""

    name: str
    type: MetricType
    labels: tuple[str, ...]
    help: str
    origin: Origin
    buckets: tuple[float, ...] = ()

    def values(self, labels: Mapping[str, object]) -> tuple[str, ...] | None:
        """The labels' values in the metric's order; None where these are not its labels."""
        if labels.keys() != set(self.labels):
            return None
        return tuple(str(labels[name]) for name in self.labels)


#: From a job that is only a query to a lecture of several hours.
JOB_BUCKETS: Final = (
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1_800.0, 3_600.0, 7_200.0, 14_400.0,
)  # fmt: skip
REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_metrics: dict[str, Metric] = {}


def define(metric: Metric) -> Metric:
    """Add a metric to the table; ValueError when its name means something else already."""
    if _metrics.get(metric.name, metric) != metric:
        raise ValueError(f"metric {metric.name!r} is defined twice")
    if (metric.type is MetricType.COUNTER) != metric.name.endswith("_total"):
        raise ValueError(f"metric {metric.name!r}: counters, and only they, end in _total")
    _metrics[metric.name] = metric
    return metric


def all_metrics() -> tuple[Metric, ...]:
    """The table in the order of its definitions."""
    return tuple(_metrics.values())


def find(name: str) -> Metric | None:
    """The metric of that name, if this release has it."""
    return _metrics.get(name)


def bucket_of(metric: Metric, seconds: float) -> float:
    """The upper bound of the bucket that an observation falls into."""
    return next((bound for bound in metric.buckets if seconds <= bound), math.inf)


def _counter(name: str, labels: str, text: str, origin: Origin = Origin.EVENTS) -> Metric:
    return define(Metric(name, MetricType.COUNTER, tuple(labels.split()), text, origin))


def gauge(name: str, labels: str, text: str) -> Metric:
    """Define a gauge that is read while ``/metrics`` is asked; ``labels`` are space-separated."""
    return define(Metric(name, MetricType.GAUGE, tuple(labels.split()), text, Origin.NOW))


def _histogram(
    name: str, labels: str, text: str, buckets: tuple[float, ...], origin: Origin = Origin.EVENTS
) -> Metric:
    names = tuple(labels.split())
    return define(Metric(name, MetricType.HISTOGRAM, names, text, origin, buckets))


# ------------------------------------------------------------------ jobs, from the event log
JOB_EVENTS: Final = _counter(
    "academy_job_events_total",
    "kind queue tier event",
    "Steps in the life of jobs. event: submitted, queued, published, running, taken_over, waiting, "
    "retry_wait, cancel_requested, succeeded, failed, cancelled, dead. tier: the plan of the "
    "academy when the step was counted.",
)
JOB_FAILURES: Final = _counter(
    "academy_job_failures_total",
    "kind queue state code",
    "Steps into retry_wait, failed or dead, by the code of the reason.",
)
JOB_ATTEMPTS: Final = _counter(
    "academy_job_attempts_total",
    "kind queue host_kind outcome",
    "Attempts that ended. outcome: succeeded, waiting (for its parts), transient, permanent, "
    "poison, cancelled, released (given back by a worker that stopped), lost.",
)
LEASE_TAKEOVERS: Final = _counter(
    "academy_lease_takeovers_total",
    "kind queue found_by",
    "Attempts whose lease ran out and whose job was taken from them. found_by: claim (another "
    "worker had the message) or sweep (the relay).",
)
JOBS_REPUBLISHED: Final = _counter(
    "academy_jobs_republished_total",
    "kind queue",
    "Published jobs that nobody claimed in time, queued to be published again.",
)
JOB_WAIT: Final = _histogram(
    "academy_job_wait_seconds",
    "queue kind",
    "From the moment a job was due (submitted, or its wait over) until a worker claimed it, for "
    "every claim. Deliberate waits before not_before do not count, nor do take-overs.",
    JOB_BUCKETS,
)
JOB_RUN: Final = _histogram(
    "academy_job_run_seconds",
    "queue kind outcome",
    "From the claim of an attempt to its end, by its outcome as in academy_job_attempts_total.",
    JOB_BUCKETS,
)
JOBS: Final = define(
    Metric(
        "academy_jobs",
        MetricType.GAUGE,
        ("queue", "kind", "state"),
        "Jobs that have not ended, by state: queued, published, running, waiting, retry_wait.",
        Origin.EVENTS,
    )
)
EFFECTS: Final = _counter(
    "academy_effects_total",
    "kind queue state",
    "Steps in the ledger of calls to providers. state: planned, sending (a call began), sent, "
    "failed, unknown (no answer: the provider will be asked).",
)

MESSAGE_EVENTS: Final = _counter(
    "academy_message_events_total",
    "state reason",
    "Steps in the life of messages to parents. state: draft, blocked and suppressed (in a preview, "
    "or held back later), queued, sending, unknown, sent, delivered, failed, cancelled. reason: "
    "the code that the trace shows; empty where there is none.",
)

# ------------------------------------------------------------------ jobs, read now
OUTBOX_AGE: Final = gauge(
    "academy_outbox_oldest_seconds",
    "queue",
    "How long the longest-waiting due job has been waiting to be published; 0 where none is.",
)
PUBLISHED_AGE: Final = gauge(
    "academy_published_oldest_seconds",
    "queue",
    "How long the oldest published job has been waiting for a worker; 0 where none is.",
)
LEASES_EXPIRED: Final = gauge(
    "academy_leases_expired",
    "queue",
    "Running jobs whose lease has run out and that nobody has taken over yet.",
)
DEAD_LETTERS: Final = gauge(
    "academy_dead_letters_open",
    "queue kind",
    "Dead jobs, and messages taken from dead-letter queues, that nobody has replayed or discarded "
    "yet. kind is unknown where the message did not say.",
)
EFFECTS_OPEN: Final = gauge(
    "academy_effects_open",
    "state",
    "Calls to providers whose end nobody knows yet: sending, unknown.",
)
EFFECTS_OPEN_AGE: Final = gauge(
    "academy_effects_open_oldest_seconds", "state", "How long the oldest of them has been so."
)

# ------------------------------------------------------------------ SQS, read now
QUEUE_UP: Final = gauge("academy_queue_up", "queue", "1 where SQS said how deep the queue is.")
QUEUE_MESSAGES: Final = gauge(
    "academy_queue_messages",
    "queue state",
    "Messages of the SQS queue, by SQS's approximation. state: ready, in_flight, delayed.",
)
QUEUE_LIMIT: Final = gauge(
    "academy_queue_in_flight_limit",
    "queue",
    "Messages that SQS allows in flight at once on the queue.",
)
QUEUE_AGE: Final = gauge(
    "academy_queue_oldest_message_seconds",
    "queue",
    "Age of the oldest message of the SQS queue; only where CloudWatch says it.",
)
DLQ_MESSAGES: Final = gauge(
    "academy_dead_letter_queue_messages",
    "queue",
    "Messages in the queue's SQS dead-letter queue, whoever holds them.",
)
EVENTS_MESSAGES: Final = gauge(
    "academy_events_queue_messages",
    "queue state",
    "Messages of an SQS queue that carries events to Flower. state: ready, in_flight.",
)
EVENTS_AGE: Final = gauge(
    "academy_events_queue_oldest_message_seconds",
    "queue",
    "Age of its oldest message, which is how late Flower is; only where CloudWatch says it.",
)
QUEUE_PAUSED: Final = gauge("academy_queue_paused", "queue", "1 while an operator has it paused.")

# ------------------------------------------------------------------ workers, read now
WORKERS: Final = gauge(
    "academy_workers",
    "queue host_kind state",
    "Worker processes that reported within 30 s. state: working, paused, draining, drained.",
)
WORKER_SLOTS: Final = gauge(
    "academy_worker_slots", "queue host_kind", "Jobs that those workers can run at once."
)
WORKER_HELD: Final = gauge(
    "academy_worker_held_messages", "queue host_kind", "Messages that those workers hold."
)
WORKER_DROPS: Final = gauge(
    "academy_worker_events_dropped",
    "queue host_kind",
    "Monitoring events that those workers have dropped since they started.",
)

# ------------------------------------------------------------------ the database, read now
DATABASE_CONNECTIONS: Final = gauge(
    "academy_database_connections", "", "Connections of clients that the PostgreSQL server holds."
)
DATABASE_LIMIT: Final = gauge(
    "academy_database_connections_limit", "", "Connections that it allows (max_connections)."
)
DATABASE_TRANSACTION_AGE: Final = gauge(
    "academy_database_oldest_transaction_seconds",
    "",
    "Age of the oldest open transaction of this database; it holds back vacuum and the tally.",
)

# ------------------------------------------------------------------ metrics about metrics
BUILD_INFO: Final = gauge(
    "academy_build_info", "release", "1; the label says what this process of the API was made from."
)
TALLY_LAG: Final = gauge(
    "academy_tally_lag_seconds",
    "",
    "Every step committed longer ago than this is counted. Grows while no relay runs, or while a "
    "transaction stays open.",
)
READER_UP: Final = gauge(
    "academy_metrics_reader_up",
    "reader",
    "1 where this part of the page could be read now; its metrics are absent where 0.",
)

# ------------------------------------------------------------------ requests of the API
HTTP_REQUESTS: Final = _counter(
    "academy_http_requests_total",
    "route method status",
    "Requests that the API answered. route: the template of the address, or none where nothing "
    "was routed (unknown addresses, static files, refused at the door).",
    Origin.REQUESTS,
)
HTTP_SECONDS: Final = _histogram(
    "academy_http_request_seconds",
    "route method",
    "Until the answer's head was ready; the body of a stream is not in it.",
    REQUEST_BUCKETS,
    Origin.REQUESTS,
)
HTTP_REPLAYED: Final = _counter(
    "academy_http_idempotent_replays_total",
    "route",
    "Requests answered from a stored answer, because their Idempotency-Key was known.",
    Origin.REQUESTS,
)
