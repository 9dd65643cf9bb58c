"""The fence of a job's writes: an attempt that lost its job changes nothing any more."""

from __future__ import annotations

from typing import Any

from django.db import connection

from academy.jobs.context import JobContext
from academy.jobs.errors import JobStopped, StopReason

_HOLD = "SELECT FROM job WHERE id = %s AND attempt = %s AND state = 'running' FOR SHARE"


def hold(context: JobContext[Any]) -> None:
    """Keep the attempt's job as it is until the transaction ends; call it first in one.

    Raises JobStopped where another attempt has the job, or it has ended.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [context.job_id, context.attempt])
        if cursor.fetchone() is None:
            raise JobStopped(StopReason.LEASE_LOST)
