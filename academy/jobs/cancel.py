"""Cancel: at once where nobody works on the job, by a flag where somebody does.

The heartbeat of the worker reads the flag, so a running job ends within 5 s.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from academy.core.errors import AppError
from academy.jobs import flow
from academy.jobs.models import Job
from academy.jobs.selectors import job_get
from academy.jobs.states import TERMINAL, JobState
from academy.tenants.models import Tenant

_CANCEL = """
UPDATE job SET
    cancel_requested_at = COALESCE(cancel_requested_at, clock_timestamp()),
    state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END,
    finished_at = CASE WHEN state = 'running' THEN NULL ELSE clock_timestamp() END,
    eta_seconds = NULL
WHERE id = %s AND tenant_id = %s AND finished_at IS NULL
RETURNING state, parent_id
"""


def job_cancel(*, tenant: Tenant | UUID, job_id: UUID) -> Job:
    """Cancel a job and all below it; asking twice is the same as asking once.

    Raises AppError job_not_found, or job_already_ended when it ended in any other way.
    """
    job = job_get(tenant=tenant, job_id=job_id)
    parent_id: UUID | None = None
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_CANCEL, [job_id, job.tenant_id])
            row = cursor.fetchone()
        if row is not None and row[0] == JobState.CANCELLED:
            parent_id = row[1]
            flow.cancel_children(job_id)
            flow.ended(job_id)
    if parent_id is not None:
        flow.join(parent_id)
    job = job_get(tenant=tenant, job_id=job_id)
    if row is None and JobState(job.state) in TERMINAL - {JobState.CANCELLED}:
        raise AppError("job_already_ended", state=job.state)
    return job
