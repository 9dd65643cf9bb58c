"""Finds what a crash left behind and sets it going again. Runs inside the relay."""

from __future__ import annotations

import json
import logging
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from academy.core.crash import crash_point
from academy.jobs import flow

logger = logging.getLogger(__name__)

BATCH: Final = 200

# A lease that ran out by a moment may belong to a worker whose renewal is on its way: the fence
# makes taking it away safe, the grace makes it rare.
_LOST = """
WITH lost AS (
    SELECT id FROM job
    WHERE state = 'running' AND lease_until < clock_timestamp() - interval '1 second'
    ORDER BY lease_until LIMIT %(batch)s FOR UPDATE SKIP LOCKED
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
    """Give the jobs of lost workers to others; dead after ``JOB_MAX_LOSSES`` losses."""
    crash_point("reap.before")
    params = json.dumps({"losses": settings.JOB_MAX_LOSSES})
    parents: set[UUID] = set()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                _LOST,
                {"batch": BATCH, "max_losses": settings.JOB_MAX_LOSSES, "params": params},
            )
            rows = cursor.fetchall()
        for job_id, state, parent_id in rows:
            logger.warning("the worker of job %s was lost: now %s", job_id, state)
            if state != "queued":
                flow.cancel_children(job_id)
                flow.ended(job_id)
                if parent_id is not None:
                    parents.add(parent_id)
    for parent_id in parents:
        flow.join(parent_id)
    return len(rows)


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
    joined = sum(flow.join(parent_id) for parent_id in flow.joinable(BATCH))
    cancelled = 0
    for parent_id in flow.orphaned(BATCH):
        with transaction.atomic():
            cancelled += flow.cancel_children(parent_id)
    return joined + cancelled
