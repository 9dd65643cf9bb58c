"""Which rows may be published now: fairness between tenants, limits, priority.

Fairness is decided here and not in the queue: SQS fair queues call a tenant noisy only above
30 messages in flight, so they never help a small pool.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from academy.core.crash import crash_point
from academy.core.locks import Space, try_lock
from academy.tenants.plans import PLANS


@dataclass(frozen=True)
class Due:
    """A row to publish: the message is ``{job: id, version}``, grouped by tenant."""

    id: UUID
    version: int
    tenant_id: UUID
    kind: str
    traceparent: str = ""


# The recursive part walks the index from tenant to tenant, so that the cost follows the number of
# tenants with work and the number of free slots, not the length of the backlog. On a paused queue
# (academy.fleet) it finds no first tenant, and so nothing is due.
_DUE = """
WITH RECURSIVE waiting AS (
    (SELECT tenant_id FROM job WHERE state = 'queued' AND queue = %(queue)s
     AND NOT EXISTS (SELECT FROM queue_switch WHERE queue = %(queue)s)
     ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT tenant_id FROM job WHERE state = 'queued' AND queue = %(queue)s
            AND tenant_id > waiting.tenant_id ORDER BY tenant_id LIMIT 1)
    FROM waiting WHERE waiting.tenant_id IS NOT NULL
), held AS (
    SELECT tenant_id, count(*) AS slots, count(*) FILTER (WHERE state = 'published') AS unclaimed
    FROM job WHERE queue = %(queue)s AND state IN ('published', 'running') GROUP BY tenant_id
), room AS (
    SELECT waiting.tenant_id, COALESCE(held.slots, 0) AS slots,
        COALESCE(own.in_flight, (%(plans)s::jsonb ->> tenant.plan)::int) AS allowed
    FROM waiting
    JOIN tenants_tenant tenant ON tenant.id = waiting.tenant_id AND tenant.is_active
    LEFT JOIN held ON held.tenant_id = waiting.tenant_id
    LEFT JOIN tenants_queuelimit own ON own.tenant_id = waiting.tenant_id
        AND own.queue = %(queue)s AND (own.until IS NULL OR own.until > clock_timestamp())
), picked AS (
    SELECT next.id, next.created_at, room.slots + row_number() OVER (
        PARTITION BY room.tenant_id ORDER BY next.priority, next.created_at, next.id) AS turn
    FROM room CROSS JOIN LATERAL (
        SELECT id, priority, created_at FROM job
        WHERE state = 'queued' AND queue = %(queue)s AND tenant_id = room.tenant_id
          AND not_before <= clock_timestamp()
        ORDER BY priority, created_at, id
        LIMIT LEAST(GREATEST(room.allowed - room.slots, 0), %(limit)s)
    ) AS next
)
SELECT job.id, job.version, job.tenant_id, job.kind, job.traceparent
FROM job JOIN picked ON picked.id = job.id
WHERE job.state = 'queued'
ORDER BY picked.turn, picked.created_at, job.id
LIMIT LEAST(%(limit)s, GREATEST(%(window)s - (SELECT COALESCE(sum(unclaimed), 0) FROM held), 0))
"""

# The event that queued the row tells since when it waits: a job of an hour ago that was given back
# this second is not late.
_OLDEST = """
SELECT max(extract(epoch FROM clock_timestamp() - GREATEST(job.not_before, event.at)))
FROM ({due}) AS due
JOIN job ON job.id = due.id
JOIN job_event event ON event.job_id = job.id AND event.seq = job.event_seq
""".replace("{due}", _DUE)

# Meanwhile the row may have been claimed, cancelled, or even queued again. One that somebody holds
# at this moment is being claimed or cancelled, and must not keep the others from being marked.
_MARK = """
UPDATE job SET state = 'published', published_at = clock_timestamp()
WHERE id IN (
    SELECT job.id FROM job JOIN unnest(%s::uuid[], %s::int[]) AS sent(id, version)
        ON job.id = sent.id AND job.version = sent.version
    WHERE job.state = 'queued' ORDER BY job.id FOR NO KEY UPDATE OF job SKIP LOCKED
) AND state = 'queued'
"""


def publish_due(
    queue: str,
    *,
    window: int,
    limit: int,
    publish: Callable[[Sequence[Due]], Sequence[UUID]],
) -> int | None:
    """Publish up to ``limit`` due rows of a queue, keeping at most ``window`` unclaimed on it.

    ``publish`` sends and returns the ids the broker took. No row is locked while it does: a slow
    broker delays neither a cancel nor the claim of what has just arrived. A crash in between
    leaves the row queued, and it is published again, which the claim makes harmless.
    Returns how many were published; None when another relay is at this queue.
    """
    with transaction.atomic():
        # One relay at a time on a queue: two would both count the same free slots.
        if not try_lock(Space.PUBLISH, f"relay:{queue}"):
            return None
        due = _select(queue, window=window, limit=limit)
        if not due:
            return 0
        crash_point("relay.before_publish")
        taken = list(publish(due))
        crash_point("relay.published")
        if taken:
            versions = {row.id: row.version for row in due}
            with connection.cursor() as cursor:
                cursor.execute(_MARK, [taken, [versions[row_id] for row_id in taken]])
    crash_point("relay.marked")
    return len(taken)


def _select(queue: str, *, window: int, limit: int) -> list[Due]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, _values(queue, window, limit))
        return [Due(*row) for row in cursor.fetchall()]


def _values(queue: str, window: int, limit: int) -> dict[str, str | int]:
    plans = {name: plan.limits[queue].in_flight for name, plan in PLANS.items()}
    return {"queue": queue, "plans": json.dumps(plans), "window": window, "limit": limit}


def oldest_due_seconds(queue: str, *, window: int, limit: int) -> float | None:
    """How long the oldest of the rows that would be published now has been due; None: no row is.

    A row that waits for its tenant's turn, or for room in the window, is not counted.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, _values(queue, window, limit))
        (seconds,) = cursor.fetchone()
    return None if seconds is None else max(0.0, float(seconds))


_PROMOTE = """
UPDATE job SET state = 'queued', version = version + 1
WHERE id IN (
    SELECT id FROM job WHERE state = 'retry_wait' AND not_before <= clock_timestamp()
    ORDER BY not_before LIMIT %s FOR UPDATE SKIP LOCKED
) AND state = 'retry_wait'
"""


def promote_retries(limit: int = 500) -> int:
    """Queue the rows whose wait after a transient failure is over."""
    with connection.cursor() as cursor:
        cursor.execute(_PROMOTE, [limit])
        return int(cursor.rowcount)
