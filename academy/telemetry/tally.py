"""Adds up the event log: every committed event exactly once, however late its commit.

An event carries the number of its transaction. Every transaction below the oldest running one is
over, so that what it wrote is visible or will never be. Each round reads from where the last one
stopped up to there, and moves the counters and the watermark in one transaction: a crash leaves
both as they were. An event whose transaction stays open is counted when it ends; those that began
after it wait meanwhile, which ``academy_tally_lag_seconds`` shows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from academy.core import clock
from academy.core.locks import Space, lock
from academy.jobs.states import TERMINAL, JobState
from academy.telemetry import metrics

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 5.0
ROUND_EVENTS: Final = 10_000
"""Events of one round; the last transaction is never cut in two, so that it may be a few more."""
ROUND_TRANSACTIONS: Final = 100_000
SWEEP_SECONDS: Final = 3.0
"""How long one sweep goes on with a backlog before it lets its lock go."""
LEVEL_EVERY: Final = timedelta(hours=1)
"""How often the numbers of open jobs are taken from the rows anew: a purge writes no events."""
STEPS: Final = 10_000

_OPEN: Final = [state.value for state in JobState if state not in TERMINAL]


@dataclass(frozen=True)
class _Here:
    """Where the tally stands, and the server's transactions at this moment."""

    watermark: int
    since: datetime | None
    levelled_at: datetime | None
    oldest_running: int
    next_to_come: int
    at: datetime


def sweep() -> int:
    """Count what is new, for at most ``SWEEP_SECONDS``; returns how many steps were counted."""
    until = clock.monotonic() + SWEEP_SECONDS
    counted = count_effects() + count_messages()
    while True:
        count, is_done = count_events()
        counted += count
        if is_done or clock.monotonic() > until:
            return counted


def count_events() -> tuple[int, bool]:
    """One round; returns how many events it counted, and whether nothing is left for now."""
    with transaction.atomic(), connection.cursor() as cursor:
        # A round is small beside the log, whatever the planner believes of a growing table: it
        # must look its jobs up one by one, never read all jobs. Stored plans would not know.
        cursor.execute(_PLAN_SMALL)
        here = _restored(cursor, _locked(cursor))
        behind = here.oldest_running - here.watermark
        if here.levelled_at is None or (
            here.at - here.levelled_at > LEVEL_EVERY and behind < ROUND_TRANSACTIONS
        ):
            _level(cursor, here)
        end = _end(cursor, here)
        count = _count(cursor, here, end) if end > here.watermark else 0
        _advance(cursor, here, end)
    return count, end >= here.oldest_running


_PLAN_SMALL = """
SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('plan_cache_mode', 'force_custom_plan', true)
"""

_FIRST = """
INSERT INTO event_tally (id, watermark)
SELECT 1, LEAST(COALESCE((SELECT min(tx) FROM job_event), xmin), xmin)
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin) AS server
ON CONFLICT (id) DO NOTHING
"""
_READ = "SELECT watermark, since, levelled_at FROM event_tally WHERE id = 1"
_SERVER = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint, clock_timestamp()
"""


def _locked(cursor: Any) -> _Here:
    # A row's lock would give this transaction a number, which would then be the oldest running one.
    lock(Space.ALONE, "telemetry.tally")
    # The server is asked after the lock is had: another tally may have moved on meanwhile.
    cursor.execute(_READ)
    row = cursor.fetchone()
    if row is None:
        cursor.execute(_FIRST)
        cursor.execute(_READ)
        row = cursor.fetchone()
    cursor.execute(_SERVER)
    return _Here(*row, *cursor.fetchone())


_RESTORED = "UPDATE event_tally SET watermark = %s, since = %s, mark_tx = NULL WHERE id = 1"


def _restored(cursor: Any, here: _Here) -> _Here:
    """Start again where the rows came from a dump of a server whose numbers had gone further.

    Their numbers will come again here; what is older than this moment does not count by them.
    """
    if here.watermark <= here.next_to_come:
        return here
    logger.warning("transaction numbers went back: the database was restored; counting from now")
    cursor.execute(_RESTORED, [here.oldest_running, here.at])
    return replace(here, watermark=here.oldest_running, since=here.at, levelled_at=None)


_END = """
SELECT COALESCE(
    (SELECT tx + 1 FROM job_event WHERE tx >= %(low)s AND tx < %(high)s
     ORDER BY tx LIMIT 1 OFFSET %(events)s),
    %(high)s)
"""


def _end(cursor: Any, here: _Here) -> int:
    """Where this round stops: between two transactions."""
    high = min(here.oldest_running, here.watermark + ROUND_TRANSACTIONS)
    values = {"low": here.watermark, "high": high, "events": ROUND_EVENTS}
    cursor.execute(_END, values)
    return int(cursor.fetchone()[0])


# The numbers of open jobs as of the watermark: what the rows say now, less what the events say
# that this very snapshot sees and that are not counted yet.
_LEVEL = """
WITH uncounted AS MATERIALIZED (
    SELECT job.queue, job.kind, e.from_state, e.to_state
    FROM job_event e JOIN job ON job.id = e.job_id
    WHERE e.tx >= %(low)s AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)
      AND e.from_state <> e.to_state
), level AS (
    SELECT queue, kind, state, count(*) AS jobs FROM job WHERE finished_at IS NULL
    GROUP BY queue, kind, state
    UNION ALL
    SELECT queue, kind, to_state, -count(*) FROM uncounted WHERE to_state = ANY(%(open)s::text[])
    GROUP BY queue, kind, to_state
    UNION ALL
    SELECT queue, kind, from_state, count(*) FROM uncounted
    WHERE from_state = ANY(%(open)s::text[]) GROUP BY queue, kind, from_state
), emptied AS (
    SELECT labels, 0 AS jobs FROM metric_value WHERE name = %(jobs)s::text
    UNION ALL
    SELECT jsonb_build_object('queue', queue, 'kind', kind, 'state', state), jobs FROM level
)
INSERT INTO metric_value (name, labels, value)
SELECT %(jobs)s::text, labels, sum(jobs) FROM emptied GROUP BY labels ORDER BY labels
ON CONFLICT (name, labels) DO UPDATE SET value = EXCLUDED.value
"""


def _level(cursor: Any, here: _Here) -> None:
    values = {
        "low": here.watermark, "since": here.since, "open": _OPEN, "jobs": metrics.JOBS.name,
    }  # fmt: skip
    cursor.execute(_LEVEL, values)
    cursor.execute("UPDATE event_tally SET levelled_at = %s WHERE id = 1", [here.at])


# Where a row was queued when its message was lost, it had been due all along. Where it was queued
# after a wait, it was due when the wait was over.
_COUNT = """
WITH batch AS MATERIALIZED (
    SELECT e.job_id, e.seq, e.at, e.type, e.from_state, e.to_state, e.attempt,
        COALESCE(e.data ->> 'code', '') AS code, job.kind, job.queue, tenant.plan AS tier
    FROM job_event e
    JOIN job ON job.id = e.job_id
    JOIN tenants_tenant tenant ON tenant.id = job.tenant_id
    WHERE e.tx >= %(low)s AND e.tx < %(end)s
      AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)
), ended AS MATERIALIZED (
    SELECT batch.kind, batch.queue, attempt.host_kind, attempt.outcome,
        batch.type = 'taken_over' AS by_claim,
        extract(epoch FROM attempt.ended_at - attempt.started_at)::float8 AS seconds
    FROM batch JOIN job_attempt attempt ON attempt.job_id = batch.job_id
        AND attempt.number = batch.attempt - (batch.type = 'taken_over')::int
    WHERE batch.from_state = 'running' AND attempt.ended_at IS NOT NULL
      AND (batch.to_state <> 'running' OR batch.type = 'taken_over')
), counted AS (
    SELECT %(events)s::text AS name, jsonb_build_object(
        'kind', kind, 'queue', queue, 'tier', tier, 'event', type) AS labels, count(*) AS value
    FROM batch GROUP BY kind, queue, tier, type
    UNION ALL
    SELECT %(failures)s::text, jsonb_build_object(
        'kind', kind, 'queue', queue, 'state', to_state, 'code', code), count(*)
    FROM batch WHERE type IN ('retry_wait', 'failed', 'dead')
    GROUP BY kind, queue, to_state, code
    UNION ALL
    SELECT %(republished)s::text, jsonb_build_object('kind', kind, 'queue', queue), count(*)
    FROM batch WHERE from_state = 'published' AND to_state = 'queued' GROUP BY kind, queue
    UNION ALL
    SELECT %(attempts)s::text, jsonb_build_object(
        'kind', kind, 'queue', queue, 'host_kind', host_kind, 'outcome', outcome), count(*)
    FROM ended GROUP BY kind, queue, host_kind, outcome
    UNION ALL
    SELECT %(takeovers)s::text, jsonb_build_object('kind', kind, 'queue', queue,
        'found_by', CASE WHEN by_claim THEN 'claim' ELSE 'sweep' END), count(*)
    FROM ended WHERE outcome = 'lost' GROUP BY kind, queue, by_claim
    UNION ALL
    SELECT %(jobs)s::text, jsonb_build_object('queue', queue, 'kind', kind, 'state', state),
        sum(step)
    FROM (
        SELECT queue, kind, to_state AS state, 1 AS step FROM batch WHERE from_state <> to_state
        UNION ALL
        SELECT queue, kind, from_state, -1 FROM batch WHERE from_state <> to_state
    ) AS moved
    WHERE state = ANY(%(open)s::text[]) GROUP BY queue, kind, state HAVING sum(step) <> 0
), observed AS (
    SELECT %(wait)s::text AS name, jsonb_build_object('queue', queue, 'kind', kind) AS labels,
        GREATEST(extract(epoch FROM batch.at - due.at), 0)::float8 AS seconds
    FROM batch CROSS JOIN LATERAL (
        SELECT CASE WHEN queued.from_state = 'retry_wait' THEN due_at
                    ELSE GREATEST(queued.at, due_at) END AS at
        FROM job_event queued
        CROSS JOIN LATERAL (SELECT (queued.data ->> 'not_before')::timestamptz AS due_at) AS said
        WHERE queued.job_id = batch.job_id AND queued.seq < batch.seq
          AND queued.to_state = 'queued' AND queued.from_state <> 'published'
        ORDER BY queued.seq DESC LIMIT 1
    ) AS due
    WHERE batch.type = 'running'
    UNION ALL
    SELECT %(run)s::text, jsonb_build_object('queue', queue, 'kind', kind, 'outcome', outcome),
        GREATEST(seconds, 0)
    FROM ended
), fallen AS (
    SELECT name, labels, seconds, COALESCE(
        (SELECT min(b) FROM unnest(%(bounds)s::float8[]) AS b WHERE b >= seconds), 'Infinity'
    ) AS bound FROM observed
), buckets AS (
    INSERT INTO metric_bucket (name, labels, bound, count, total)
    SELECT name, labels, bound, count(*), sum(seconds) FROM fallen
    GROUP BY name, labels, bound ORDER BY name, labels, bound
    ON CONFLICT (name, labels, bound) DO UPDATE
    SET count = metric_bucket.count + EXCLUDED.count, total = metric_bucket.total + EXCLUDED.total
), counters AS (
    INSERT INTO metric_value (name, labels, value)
    SELECT name, labels, value FROM counted ORDER BY name, labels
    ON CONFLICT (name, labels) DO UPDATE SET value = metric_value.value + EXCLUDED.value
)
SELECT count(*) FROM batch
"""


def _count(cursor: Any, here: _Here, end: int) -> int:
    cursor.execute(
        _COUNT,
        {
            "low": here.watermark,
            "end": end,
            "since": here.since,
            "open": _OPEN,
            "bounds": list(metrics.JOB_BUCKETS),
            "events": metrics.JOB_EVENTS.name,
            "failures": metrics.JOB_FAILURES.name,
            "republished": metrics.JOBS_REPUBLISHED.name,
            "attempts": metrics.JOB_ATTEMPTS.name,
            "takeovers": metrics.LEASE_TAKEOVERS.name,
            "jobs": metrics.JOBS.name,
            "wait": metrics.JOB_WAIT.name,
            "run": metrics.JOB_RUN.name,
        },
    )
    return int(cursor.fetchone()[0])


# Counted up to the next number means: up to this moment. Where others run, this moment is marked,
# and reached once the watermark has passed all of them.
_ADVANCE = """
UPDATE event_tally SET
    watermark = %(end)s,
    caught_up_at = CASE WHEN %(end)s >= %(next)s THEN %(at)s
                        WHEN %(end)s >= mark_tx THEN mark_at ELSE caught_up_at END,
    mark_tx = CASE WHEN %(end)s >= mark_tx OR mark_tx IS NULL THEN %(next)s ELSE mark_tx END,
    mark_at = CASE WHEN %(end)s >= mark_tx OR mark_tx IS NULL THEN %(at)s ELSE mark_at END
WHERE id = 1
"""


def _advance(cursor: Any, here: _Here, end: int) -> None:
    end = max(end, here.watermark)
    cursor.execute(_ADVANCE, {"end": end, "next": here.next_to_come, "at": here.at})


_COUNT_EFFECTS = """
WITH step AS (
    DELETE FROM effect_step WHERE id IN (
        SELECT id FROM effect_step ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) RETURNING job_id, state
), counted AS (
    SELECT jsonb_build_object('kind', job.kind, 'queue', job.queue, 'state', step.state) AS labels,
        count(*) AS value
    FROM step JOIN job ON job.id = step.job_id GROUP BY job.kind, job.queue, step.state
), counters AS (
    INSERT INTO metric_value (name, labels, value)
    SELECT %(effects)s::text, labels, value FROM counted ORDER BY labels
    ON CONFLICT (name, labels) DO UPDATE SET value = metric_value.value + EXCLUDED.value
)
SELECT count(*) FROM step
"""


def count_effects() -> int:
    """Count the ledger's steps and forget them, in one statement; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_EFFECTS, {"limit": STEPS, "effects": metrics.EFFECTS.name})
        return int(cursor.fetchone()[0])


_COUNT_MESSAGES = """
WITH step AS (
    DELETE FROM message_steps WHERE id IN (
        SELECT id FROM message_steps ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) RETURNING state, reason, count
), counted AS (
    SELECT jsonb_build_object('state', state, 'reason', reason) AS labels, sum(count) AS value
    FROM step GROUP BY state, reason
), counters AS (
    INSERT INTO metric_value (name, labels, value)
    SELECT %(messages)s::text, labels, value FROM counted ORDER BY labels
    ON CONFLICT (name, labels) DO UPDATE SET value = metric_value.value + EXCLUDED.value
)
SELECT count(*) FROM step
"""


def count_messages() -> int:
    """Count the steps of messages and forget them, in one statement; returns how many rows."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_MESSAGES, {"limit": STEPS, "messages": metrics.MESSAGE_EVENTS.name})
        return int(cursor.fetchone()[0])
