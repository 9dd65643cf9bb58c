"""Run something again.

A row that has ended never changes: a replay is a new job that names the old one, so that the
history of both stays true.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection

from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.jobs.selectors import job_get
from academy.jobs.states import REPLAYABLE, JobState
from academy.jobs.submit import Order, Submitter, jobs_submit

_RETRY_NOW = """
UPDATE job SET state = 'queued', version = version + 1, not_before = clock_timestamp()
WHERE id = %s AND state = 'retry_wait'
"""

# The version stays: whichever of the two messages arrives first is good for the claim.
_PUBLISH_AGAIN = """
UPDATE job SET state = 'queued', published_at = NULL WHERE id = %s AND state = 'published'
"""


def job_replay(*, by: Submitter, job_id: UUID, params: dict[str, Any] | None = None) -> Job:
    """Submit the job anew, with its own parameters or edited ones.

    Raises AppError job_not_found, job_not_replayable (not failed, dead or cancelled; or part of a
    flow, whose parent is what can be replayed), and what a submission raises.
    """
    job = job_get(tenant=by.tenant, job_id=job_id)
    if JobState(job.state) not in REPLAYABLE or job.parent_id is not None:
        raise AppError("job_not_replayable", state=job.state)
    order = Order(
        kind=job.kind,
        params=job.params if params is None else params,
        priority=job.priority,
    )
    return jobs_submit(by=by, orders=[order], replay_of=job, numbered=False)[0]


def job_publish_again(*, job_id: UUID) -> bool:
    """Have the relay send a published row again, whose message is known to be lost.

    False where the row is no longer published: it has been claimed, or is about to be sent.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISH_AGAIN, [job_id])
        return bool(cursor.rowcount)


def job_retry(*, by: Submitter, job_id: UUID) -> Job:
    """Do not wait any longer: a job in ``retry_wait`` is due now, one that ended is replayed."""
    job = job_get(tenant=by.tenant, job_id=job_id)
    if job.state == JobState.RETRY_WAIT:
        with connection.cursor() as cursor:
            cursor.execute(_RETRY_NOW, [job.pk])
        return job_get(tenant=by.tenant, job_id=job_id)
    return job_replay(by=by, job_id=job_id)
