"""The jobs of old checks go; what each check found stays in the log of actions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from academy.core import clock
from academy.core.sweeps import in_rounds
from academy.deadletters.models import DeadLetter
from academy.fleet.models import OperatorAction
from academy.jobs.models import Job, JobAttempt
from academy.jobs.purge import jobs_purge
from academy.jobs.states import Outcome
from academy.ops.deep import check, pings

_LEFT_NOTHING: Final = [Outcome.SUCCEEDED.value, Outcome.WAITING.value]


def sweep() -> int:
    """Delete jobs of checks that ended more than ``DEEP_CHECK_DAYS`` ago; returns how many.

    Kept are those of a check without a result, of which they are all that is known, and those that
    died or were run again, which have a story of their own.
    """
    before = clock.now() - timedelta(days=settings.DEEP_CHECK_DAYS)
    return in_rounds(lambda rows: _purge(before, rows), rows=500)


def _purge(before: datetime, rows: int) -> int:
    result = OperatorAction.objects.filter(target=OuterRef("submitted_by"), action=check.RESULT)
    own = Q(job=OuterRef("pk")) | Q(root=OuterRef("pk")) | Q(replayed_as=OuterRef("pk"))
    again = Job.unscoped.filter(replay_of=OuterRef("pk"))
    unswept = JobAttempt.objects.filter(job=OuterRef("pk"), swept_at__isnull=True)
    old = (
        Job.objects.for_tenant(pings.TENANT_ID)
        .filter(Exists(result), created_at__lt=before, finished_at__lt=before)
        .exclude(Exists(DeadLetter.objects.filter(own)))
        .exclude(Exists(again))
        .exclude(Exists(unswept.exclude(outcome__in=_LEFT_NOTHING)))
    )
    return jobs_purge(list(old.order_by("created_at").values_list("pk", flat=True)[:rows]))
