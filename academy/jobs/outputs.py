"""Collects what nothing points to, so that it can only cost money.

That is what losing attempts wrote, and what an attempt that fanned out left for its children, once
the whole job has ended.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import chain
from typing import Final

from django.db.models import QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs import kinds
from academy.jobs.context import output_prefix
from academy.jobs.models import JobAttempt
from academy.jobs.states import Outcome

logger = logging.getLogger(__name__)

GRACE: Final = timedelta(hours=1)
"""A worker that lost its lease may still be writing for a moment."""


def sweep(*, grace: timedelta = GRACE, limit: int = 200) -> int:
    """Empty the prefixes of attempts that ended without success, and of flows that ended.

    Returns how many objects were deleted. A prefix that cannot be emptied now is tried again, and
    with it, where the store does not answer, all that come after it.
    """
    deleted = 0
    for attempt in chain(_unswept(grace)[:limit], _of_ended_flows(grace)[:limit]):
        bucket = store(Bucket(kinds.get(attempt.job.kind).bucket))
        prefix = output_prefix(attempt.job.tenant_id, attempt.job_id, attempt.number)
        try:
            deleted += bucket.delete_prefix(prefix)
        except AppError as error:
            logger.warning("prefix of a lost attempt not emptied: %s", error.code)
            if error.retryable:
                break
            continue
        JobAttempt.objects.filter(job_id=attempt.job_id, number=attempt.number).update(
            swept_at=clock.now()
        )
    return deleted


def _of_ended_flows(grace: timedelta) -> QuerySet[JobAttempt]:
    """Attempts that fanned out, of jobs that have ended: their children need nothing any more."""
    return JobAttempt.objects.filter(
        swept_at__isnull=True,
        outcome=Outcome.WAITING.value,
        job__finished_at__lt=clock.now() - grace,
        job__kind__in=[spec.name for spec in kinds.all_kinds()],
    ).select_related("job")


def _unswept(grace: timedelta) -> QuerySet[JobAttempt]:
    kept = [Outcome.SUCCEEDED.value, Outcome.WAITING.value]
    ended = JobAttempt.objects.filter(
        swept_at__isnull=True,
        ended_at__lt=clock.now() - grace,
        # A kind that is gone must not stand at the head of the line for ever.
        job__kind__in=[spec.name for spec in kinds.all_kinds()],
    )
    return ended.exclude(outcome__in=kept).select_related("job").order_by("ended_at")
