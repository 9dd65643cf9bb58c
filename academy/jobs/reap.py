"""Finds what a crash left behind and sets it going again. Runs inside the relay."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from academy.core.crash import crash_point
from academy.jobs import flow
from academy.jobs.states import JobState

logger = logging.getLogger(__name__)

BATCH: Final = 200

# A lease that ran out by a moment may belong to a worker whose renewal is on its way: the fence
# makes taking it away safe, the grace makes it rare.
_EXPIRED = """
SELECT id FROM job
WHERE state = 'running' AND lease_until < clock_timestamp() - interval '1 second'
  AND (cancel_requested_at IS NOT NULL OR losses + 1 >= %s) = %s
ORDER BY lease_until LIMIT %s
"""

_TAKE_AWAY = """
WITH lost AS (
    SELECT id FROM job
    WHERE id = ANY(%(ids)s) AND state = 'running'
      AND lease_until < clock_timestamp() - interval '1 second'
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE job SET
        losses = losses + 1, lease_until = NULL, eta_seconds = NULL,
        state = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
                     WHEN losses + 1 >= %(max_losses)s THEN 'dead' ELSE 'queued' END,
        version = version + CASE WHEN cancel_requested_at IS NULL
                                  AND losses + 1 < %(max_losses)s THEN 1 ELSE 0 END,
        finished_at = CASE WHEN cancel_requested_at IS NOT NULL
                             OR losses + 1 >= %(max_losses)s THEN clock_timestamp() END,
        error_code = CASE WHEN cancel_requested_at IS NULL AND losses + 1 >= %(max_losses)s
                          THEN 'worker_lost' ELSE error_code END,
        error_params = CASE WHEN cancel_requested_at IS NULL AND losses + 1 >= %(max_losses)s
                            THEN %(params)s::jsonb ELSE error_params END
    WHERE id IN (SELECT id FROM lost) AND state = 'running'
    RETURNING id, state, attempt, parent_id
), closed AS (
    UPDATE job_attempt SET outcome = 'lost', ended_at = clock_timestamp()
    FROM moved WHERE job_attempt.job_id = moved.id AND job_attempt.number = moved.attempt
      AND job_attempt.ended_at IS NULL
)
SELECT id, state, parent_id FROM moved
"""

# The version stays: whichever of the two messages arrives first is good for the claim.
_UNANSWERED = """
UPDATE job SET state = 'queued', published_at = NULL
WHERE id IN (
    SELECT id FROM job WHERE state = 'published'
      AND published_at < clock_timestamp() - make_interval(secs => %s)
    ORDER BY published_at LIMIT %s FOR UPDATE SKIP LOCKED
) AND state = 'published'
"""


def sweep() -> int:
    """One round; returns how many rows moved."""
    return reap_leases() + republish_unanswered() + mend_flows()


def reap_leases() -> int:
    """Give the jobs of lost workers to others; dead after ``JOB_MAX_LOSSES`` losses.

    Jobs that end here run their domain's hook, so each has a transaction of its own: a hook that
    fails holds up no other job.
    """
    crash_point("reap.before")
    back = _expired(ends=False)
    moved = _take_away(back) if back else 0
    return moved + sum(_each(_expired(ends=True), lambda job_id: _take_away([job_id])))


def _expired(*, ends: bool) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRED, [settings.JOB_MAX_LOSSES, ends, BATCH])
        return [row[0] for row in cursor.fetchall()]


def _take_away(ids: list[UUID]) -> int:
    losses = settings.JOB_MAX_LOSSES
    values = {"ids": ids, "max_losses": losses, "params": json.dumps({"losses": losses})}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_AWAY, values)
            rows = cursor.fetchall()
        ended = [row for row in rows if row[1] != JobState.QUEUED]
        for job_id, _, _ in ended:
            flow.cancel_children(job_id)
            flow.ended(job_id)
    for job_id, state, _ in rows:
        logger.warning(
            "the worker of job %s was lost: now %s", job_id, state, extra={"job": str(job_id)}
        )
    _each({parent_id for _, _, parent_id in ended if parent_id is not None}, flow.join)
    return len(rows)


def _each(ids: Iterable[UUID], act: Callable[[UUID], int]) -> list[int]:
    """Do it for each; one that fails is logged, tried again next round, and holds up no other."""
    results = []
    for job_id in ids:
        try:
            results.append(int(act(job_id)))
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("job %s could not be put right", job_id, extra={"job": str(job_id)})
    return results


def republish_unanswered() -> int:
    """Publish again what nobody claimed for so long that its message must be lost."""
    with connection.cursor() as cursor:
        cursor.execute(_UNANSWERED, [settings.JOB_REPUBLISH_SECONDS, BATCH])
        count = int(cursor.rowcount)
    if count:
        logger.warning("%s published jobs were never claimed: published again", count)
    return count


def mend_flows() -> int:
    """Do the joins and cascades that a crash swallowed."""
    joined = _each(flow.joinable(BATCH), flow.join)
    return sum(joined) + sum(_each(flow.orphaned(BATCH), _cancel_below))


def _cancel_below(parent_id: UUID) -> int:
    with transaction.atomic():
        return flow.cancel_children(parent_id)
