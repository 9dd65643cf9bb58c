"""The platform's own gauges: jobs, calls to providers, queues, workers, the database, the tally.

Each statement is bounded: it follows a partial index of open rows or walks from group to group, so
that its cost does not grow with the number of jobs that have ended.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any, Final

from django.conf import settings
from django.db import connection

from academy.core import clock
from academy.fleet import selectors as fleet
from academy.fleet.queue_access import QueueAccess, QueueDepth, queue_access
from academy.telemetry import metrics
from academy.telemetry.gauges import Sample, register_gauge

IN_FLIGHT_LIMIT: Final = 120_000
"""Of a standard queue on SQS (its quotas page)."""
LOOK_AT: Final = 10
"""Due rows looked at for each academy and priority: one that was queued again stands first."""

# Walks from group to group of the index job_due. The row's last event is what queued it; a row's
# own times do not say when that was.
_OUTBOX = """
WITH RECURSIVE groups AS (
    (SELECT queue, tenant_id, priority FROM job WHERE state = 'queued'
     ORDER BY queue, tenant_id, priority LIMIT 1)
    UNION ALL
    SELECT next.queue, next.tenant_id, next.priority FROM groups CROSS JOIN LATERAL (
        SELECT queue, tenant_id, priority FROM job WHERE state = 'queued'
          AND (queue, tenant_id, priority) > (groups.queue, groups.tenant_id, groups.priority)
        ORDER BY queue, tenant_id, priority LIMIT 1
    ) AS next
), due AS (
    SELECT groups.queue, first.* FROM groups
    JOIN tenants_tenant tenant ON tenant.id = groups.tenant_id AND tenant.is_active
    CROSS JOIN LATERAL (
        SELECT id, not_before, event_seq FROM job
        WHERE state = 'queued' AND queue = groups.queue AND tenant_id = groups.tenant_id
          AND priority = groups.priority AND not_before <= clock_timestamp()
        ORDER BY created_at, id LIMIT %s
    ) AS first
)
SELECT due.queue,
    max(extract(epoch FROM clock_timestamp() - GREATEST(event.at, due.not_before)))::float8
FROM due JOIN job_event event ON event.job_id = due.id AND event.seq = due.event_seq
GROUP BY due.queue
"""
_IN_FLIGHT = """
SELECT queue,
    max(extract(epoch FROM clock_timestamp() - published_at)) FILTER (WHERE state = 'published'),
    count(*) FILTER (WHERE state = 'running' AND lease_until < clock_timestamp())
FROM job WHERE state IN ('published', 'running') GROUP BY queue
"""


def jobs_read() -> Iterator[Sample]:
    """Ages of what waits to be published and to be claimed, and leases that ran out."""
    outbox = {queue: (age,) for queue, age in _rows(_OUTBOX, [LOOK_AT])}
    in_flight = {queue: (age, expired) for queue, age, expired in _rows(_IN_FLIGHT)}
    for facts in queue_access().facts():
        labels = (facts.name,)
        yield metrics.OUTBOX_AGE, labels, _seconds(outbox.get(facts.name, (0,))[0])
        published, expired = in_flight.get(facts.name, (0, 0))
        yield metrics.PUBLISHED_AGE, labels, _seconds(published)
        yield metrics.LEASES_EXPIRED, labels, float(expired)


_EFFECTS = """
SELECT state, count(*), max(extract(epoch FROM clock_timestamp() - updated_at))
FROM effect WHERE state IN ('sending', 'unknown') GROUP BY state
"""


def effects_read() -> Iterator[Sample]:
    """Calls to providers whose end nobody knows."""
    found = {state: (count, age) for state, count, age in _rows(_EFFECTS)}
    for state in ("sending", "unknown"):
        count, age = found.get(state, (0, 0))
        yield metrics.EFFECTS_OPEN, (state,), float(count)
        yield metrics.EFFECTS_OPEN_AGE, (state,), _seconds(age)


def sqs_samples(access: QueueAccess) -> list[Sample]:
    """What SQS says of the queues; asks it, and so may take seconds."""
    found = [sample for depth in access.depths() for sample in _queue_samples(depth)]
    return found + [one for depth in access.events_depths() for one in _events_samples(depth)]


def _queue_samples(depth: QueueDepth) -> Iterator[Sample]:
    """Of a queue of the table and its dead-letter queue."""
    known = not depth.problem and depth.ready is not None
    yield metrics.QUEUE_UP, (depth.name,), float(known)
    yield metrics.QUEUE_LIMIT, (depth.name,), float(IN_FLIGHT_LIMIT)
    for state in ("ready", "in_flight", "delayed"):
        count = getattr(depth, state)
        if known and count is not None:
            yield metrics.QUEUE_MESSAGES, (depth.name, state), float(count)
    if depth.oldest_seconds is not None:
        yield metrics.QUEUE_AGE, (depth.name,), float(depth.oldest_seconds)
    if depth.dead is not None:
        yield metrics.DLQ_MESSAGES, (depth.name,), float(depth.dead)


def _events_samples(depth: QueueDepth) -> Iterator[Sample]:
    """Of a queue that one Flower reads."""
    for state in ("ready", "in_flight"):
        count = getattr(depth, state)
        if count is not None:
            yield metrics.EVENTS_MESSAGES, (depth.name, state), float(count)
    if depth.oldest_seconds is not None:
        yield metrics.EVENTS_AGE, (depth.name,), float(depth.oldest_seconds)


class DepthsReader:
    """Depths of SQS queues, asked for in a thread: SQS that hangs must not hold up the page.

    An answer that comes too late serves the next page, if it is not too old by then.
    """

    PATIENCE_SECONDS: Final = 0.6
    STALE_SECONDS: Final = 20.0

    def __init__(self, ask: Callable[[], list[Sample]]) -> None:
        self._ask = ask
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="depths")
        self._lock = threading.Lock()
        self._asked: Future[tuple[float, list[Sample]]] | None = None
        self._last: tuple[float, list[Sample]] | None = None

    def __call__(self) -> list[Sample]:
        """The depths' samples; TimeoutError where SQS has said nothing for too long."""
        with self._lock:
            if self._asked is None:
                self._asked = self._pool.submit(lambda: (clock.monotonic(), self._ask()))
            wait_for([self._asked], timeout=self.PATIENCE_SECONDS)
            if self._asked.done():
                asked, self._asked = self._asked, None
                self._last = asked.result()
            if self._last is None or clock.monotonic() - self._last[0] > self.STALE_SECONDS:
                raise TimeoutError("SQS has not said how deep its queues are")
            return self._last[1]


def fleet_read() -> Iterator[Sample]:
    """Who is at work, with how many slots, and which queues are paused."""
    alive = [view.row for view in fleet.workers_list(alive_only=True)]
    for state, count in Counter((row.queue, row.host_kind, row.state) for row in alive).items():
        yield metrics.WORKERS, state, float(count)
    totals: dict[metrics.Metric, Counter[tuple[str, str]]] = {
        metric: Counter()
        for metric in (metrics.WORKER_SLOTS, metrics.WORKER_HELD, metrics.WORKER_DROPS)
    }
    for row in alive:
        pool = (row.queue, row.host_kind)
        totals[metrics.WORKER_SLOTS][pool] += row.concurrency
        totals[metrics.WORKER_HELD][pool] += row.held
        totals[metrics.WORKER_DROPS][pool] += int(row.facts.get("events_dropped") or 0)
    for metric, pools in totals.items():
        for pool, total in pools.items():
            yield metric, pool, float(total)
    paused = fleet.paused_queues()
    for facts in queue_access().facts():
        yield metrics.QUEUE_PAUSED, (facts.name,), float(facts.name in paused)


_DATABASE = """
SELECT count(*), current_setting('max_connections')::int, COALESCE(max(extract(
    epoch FROM clock_timestamp() - xact_start)) FILTER (WHERE pid <> pg_backend_pid()), 0)
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""


def database_read() -> Iterator[Sample]:
    """Connections against the limit, and the oldest transaction."""
    [(connections, limit, age)] = _rows(_DATABASE)
    yield metrics.DATABASE_CONNECTIONS, (), float(connections)
    yield metrics.DATABASE_LIMIT, (), float(limit)
    yield metrics.DATABASE_TRANSACTION_AGE, (), _seconds(age)


_TALLY = """
SELECT extract(epoch FROM clock_timestamp() - caught_up_at) FROM event_tally
WHERE caught_up_at IS NOT NULL
"""


def tally_read() -> Iterator[Sample]:
    """How late the counters are; nothing before the first tally."""
    for (lag,) in _rows(_TALLY):
        yield metrics.TALLY_LAG, (), _seconds(lag)


def build_read() -> Iterator[Sample]:
    """What this process was made from."""
    yield metrics.BUILD_INFO, (settings.RELEASE,), 1.0


def register() -> None:
    """Have all of them asked for every page."""
    register_gauge("build", build_read)
    register_gauge("tally", tally_read)
    register_gauge("jobs", jobs_read)
    register_gauge("effects", effects_read)
    register_gauge("fleet", fleet_read)
    register_gauge("database", database_read)
    register_gauge("sqs", DepthsReader(lambda: sqs_samples(queue_access())))


def _rows(sql: str, values: Sequence[int] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _seconds(age: Any) -> float:
    """An age, never below zero: a clock of the server may step back a little."""
    return max(0.0, float(age or 0))
