"""Delete jobs with their history, which the database otherwise keeps against everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from academy.jobs.models import Job

_DELETIONS: Final = (
    "DELETE FROM job_log WHERE job_id = ANY(%s)",
    "DELETE FROM job_event WHERE job_id = ANY(%s)",
    "DELETE FROM job_attempt WHERE job_id = ANY(%s)",
    "DELETE FROM job WHERE id = ANY(%s)",
)


def jobs_purge(job_ids: Sequence[UUID]) -> int:
    """Delete ended jobs with their events, attempts and log lines; returns how many.

    Only for jobs of the platform itself: an academy's are its record. The commit fails with an
    IntegrityError where something else points at one of them.
    """
    jobs = Job.unscoped.select_for_update().filter(pk__in=job_ids, finished_at__isnull=False)
    with transaction.atomic(), connection.cursor() as cursor:
        ended = list(jobs.values_list("pk", flat=True))
        # The triggers of the history let nothing go without it; for this transaction alone.
        cursor.execute("SELECT set_config('academy.purge', 'on', true)")
        for statement in _DELETIONS:
            cursor.execute(statement, [ended])
        cursor.execute("SELECT set_config('academy.purge', 'off', true)")
    return len(ended)
