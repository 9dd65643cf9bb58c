"""The second reading of an examination, as somebody at the review asks for it: its price, one job.

A person who is about to settle what is doubtful sees what a larger network would cost first, and
agrees to that price; two who ask at the same moment get the same job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction

from academy.ai.omr.kind import REVIEW, REVIEW_OFFER
from academy.ai.omr.params import ReviewParams, rows_wanted
from academy.ai.tiers import Tier
from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.jobs.selectors import job_get
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.sheets.models import Exam
from academy.sheets.scans import exam_locked
from academy.sheets.selectors import exam_get
from academy.tenants.models import Tenant

_TIER: Final = Tier.PREMIUM


@dataclass(frozen=True)
class Offered:
    """What would be read again. ``refusal``: why this academy cannot have it; prices in KRW."""

    pages: int
    rows: int
    refusal: AppError | None

    @property
    def unit_price(self) -> int:
        """Of a page."""
        return REVIEW_OFFER.prices[_TIER]

    @property
    def price(self) -> int:
        """Of all of it."""
        return self.pages * self.unit_price


def offer_of(exam: Exam) -> Offered | None:
    """What a second reading would take up and cost; None where there is nothing to read again."""
    wanted = rows_wanted(exam.tenant_id, ReviewParams(exam=exam.pk))
    if not wanted:
        return None
    rows = sum(len(rows.questions) + rows.identifier for _, rows in wanted)
    refusal = None
    try:
        REVIEW_OFFER.tier_for(exam.tenant_id, _TIER)
    except AppError as error:
        refusal = error
    return Offered(len(wanted), rows, refusal)


def reading_at_work(exam: Exam) -> Job | None:
    """The second reading that has not ended, also one that a rule began."""
    jobs = Job.objects.for_tenant(exam.tenant_id).filter(
        kind=REVIEW.name, finished_at__isnull=True, params__exam=str(exam.pk)
    )
    return jobs.order_by("pk").first()


def reading_get(*, tenant: Tenant, exam: Exam, job_id: UUID) -> Job:
    """A second reading of this examination. Raises AppError job_not_found for any other job."""
    job = job_get(tenant=tenant, job_id=job_id)
    if job.kind != REVIEW.name or job.params.get("exam") != str(exam.pk):
        raise AppError("job_not_found")
    return job


def reading_begin(*, by: Submitter, exam_id: UUID, pages: int) -> Job:
    """Begin the second reading of at most so many pages, or name the one at work.

    ``pages`` is what the person was shown the price of. Raises AppError: exam_not_found,
    exam_closed, nothing_to_escalate, sheets_review_grown where it would cost more by now, and what
    a submission raises, such as tier_not_in_plan.
    """
    exam_get(tenant=by.tenant, exam_id=exam_id, is_open=True)
    with transaction.atomic():
        exam = exam_locked(by.tenant.pk, exam_id)
        at_work = reading_at_work(exam)
        if at_work is not None:
            return at_work
        offered = offer_of(exam)
        if offered is None:
            raise AppError("nothing_to_escalate")
        if offered.pages > pages:
            raise AppError("sheets_review_grown", pages=offered.pages, price=offered.price)
        order = Order(REVIEW.name, {"exam": str(exam_id)})
        return jobs_submit(by=by, orders=[order], numbered=False)[0]
