"""The check's own jobs: who sends them, how far each got, and how long every link took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from academy.core.errors import AppError
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job, JobEvent
from academy.jobs.states import TERMINAL, JobState
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.ops.deep.report import ORDER, Link
from academy.tenants.models import QueueLimit, Tenant

TENANT_ID: Final = UUID("01932c07-0000-7000-8000-000000000001")
TENANT_SLUG: Final = "platform-check"
_LIMITS: Final = {"in_flight": 10, "backlog": 100, "per_day": 100_000}
_SUBMIT_SECONDS: Final = 60.0
"""The jobs of a check are stored in the transaction that starts it, never later than this."""

_LINK_OF: Final = {"submitted": Link.STORED, "published": Link.PUBLISHED, "running": Link.CLAIMED}


@dataclass(frozen=True)
class Way:
    """How far one job got; ``took`` has the seconds from the last known link to each."""

    job: Job
    reached: Link
    took: dict[Link, float]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return JobState(self.job.state) in TERMINAL


def check_tenant(queues: Iterable[str]) -> Tenant:
    """The academy of the checks, which has no person and no key; made where it is not there.

    It is held to the same rules as every other, with limits that a check a minute does not reach.
    Raises AppError ``deep_check_slug_taken``.
    """
    try:
        with transaction.atomic():
            tenant, _ = Tenant.objects.get_or_create(
                pk=TENANT_ID,
                defaults={"slug": TENANT_SLUG, "name": "Platform check", "plan": "start"},
            )
    except IntegrityError:
        raise AppError("deep_check_slug_taken", slug=TENANT_SLUG) from None
    if not tenant.is_active:
        # Its jobs would be refused, and the check would find nothing but itself broken.
        tenant.is_active = True
        tenant.save(update_fields=["is_active"])
    QueueLimit.unscoped.bulk_create(
        [QueueLimit(tenant=tenant, queue=queue, **_LIMITS) for queue in queues],
        ignore_conflicts=True,
    )
    return tenant


def send(check_id: UUID, queues: Sequence[str]) -> None:
    """Submit one job for each queue, before everything else of its academy."""
    orders = [
        Order(f"system.ping.{queue}", {"note": "deep check", "store": True}, priority=0)
        for queue in queues
    ]
    if orders:
        jobs_submit(by=Submitter(check_tenant(queues), _name(check_id)), orders=orders)


def ways(check_id: UUID, started_at: datetime) -> dict[str, Way]:
    """How far every job of a check got, by queue."""
    jobs = list(_jobs(check_id, started_at))
    events: dict[UUID, list[JobEvent]] = defaultdict(list)
    for event in JobEvent.objects.filter(job_id__in=[job.pk for job in jobs]).order_by("seq"):
        events[event.job_id].append(event)
    return {job.queue: _way(job, events[job.pk]) for job in jobs}


def cancel_open(check_id: UUID, started_at: datetime) -> None:
    """Cancel what has not ended: nobody waits for it any more."""
    for job in _jobs(check_id, started_at).filter(finished_at__isnull=True):
        try:
            job_cancel(tenant=TENANT_ID, job_id=job.pk)
        except AppError as error:
            if error.code != "job_already_ended":
                raise


def _jobs(check_id: UUID, started_at: datetime) -> QuerySet[Job]:
    until = started_at + timedelta(seconds=_SUBMIT_SECONDS)
    return Job.objects.for_tenant(TENANT_ID).filter(
        parent__isnull=True, created_at__range=(started_at, until), submitted_by=_name(check_id)
    )


def _name(check_id: UUID) -> str:
    return f"deep-check:{check_id}"


def _way(job: Job, events: Sequence[JobEvent]) -> Way:
    at: dict[Link, datetime] = {}
    for event in events:
        link = _LINK_OF.get(event.type)
        if event.to_state == JobState.SUCCEEDED:
            link = Link.SETTLED
        if link is not None:
            at.setdefault(link, event.at)
    known = [link for link in ORDER if link in at]
    took = {
        link: round((at[link] - at[before]).total_seconds(), 4) for before, link in pairwise(known)
    }
    return Way(job, known[-1], took)
