"""Have what a finished job was not sure of read again by a better engine, as a job of its own.

A kind says by `KindSpec.follow_up` which job that would be. Nothing is escalated by itself: it
takes a click, or the rule that a submission names.
"""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction

from academy.core.errors import AppError
from academy.jobs import kinds
from academy.jobs.models import Job
from academy.jobs.selectors import job_get
from academy.jobs.states import REPLAYABLE, JobState
from academy.jobs.submit import Submitter, jobs_submit


def job_escalate(*, by: Submitter, job_id: UUID) -> Job:
    """The job that follows up a finished one; the same for every call while it has not failed.

    Raises AppError job_not_found, job_not_escalatable (its kind has no better engine, or it has
    not succeeded), nothing_to_escalate, and what a submission raises, such as tier_not_in_plan.
    """
    job = job_get(tenant=by.tenant, job_id=job_id)
    spec = kinds.find(job.kind)
    if spec is None or spec.follow_up is None or job.state != JobState.SUCCEEDED:
        raise AppError("job_not_escalatable", kind=job.kind, state=job.state)
    known = _present(job)
    if known is not None:
        return known
    order = spec.follow_up(job)
    if order is None:
        raise AppError("nothing_to_escalate")
    try:
        with transaction.atomic():
            return jobs_submit(by=by, orders=[order], escalation_of=job, numbered=False)[0]
    except IntegrityError:
        # Another click came at the same moment.
        known = _present(job)
        if known is None:
            raise
        return known


def _present(job: Job) -> Job | None:
    jobs = Job.objects.for_tenant(job.tenant_id).filter(escalation_of=job)
    return jobs.exclude(state__in=[state.value for state in REPLAYABLE]).first()
