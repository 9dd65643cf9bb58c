"""What the review page asks for: the price of a second reading, its beginning, its progress."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from academy.ai.omr.again import Offered, offer_of, reading_at_work, reading_begin, reading_get
from academy.core.errors import error_body
from academy.core.http.serializers import (
    NothingSerializer,
    StrictIntegerField,
    StrictSerializer,
    parse_body,
    parse_query,
)
from academy.jobs.models import Job
from academy.jobs.once import submitter_of
from academy.jobs.selectors import progress_now
from academy.jobs.states import JobState
from academy.sheets.pages.reviewing import ExamVisitView
from academy.tenants.scopes import Scope


class AgreedSerializer(StrictSerializer):
    """What somebody agreed to pay for."""

    pages = StrictIntegerField(min_value=1, help_text="As they were shown, with their price.")


class AgainView(ExamVisitView):
    """The second reading of the visit's examination."""

    required_scopes = {"GET": Scope.SHEETS_READ, "POST": Scope.JOBS_WRITE}

    def get(self, request: Request, exam_id: UUID) -> Response:  # noqa: ARG002
        """What it would cost, and the one at work."""
        parse_query(request, NothingSerializer, also=frozenset())
        exam = self.exam
        at_work, offered = reading_at_work(exam), offer_of(exam)
        return Response(
            {
                "offer": None if offered is None else _offer_body(offered),
                "job": None if at_work is None else _job_body(at_work),
            }
        )

    def post(self, request: Request, exam_id: UUID) -> Response:
        """Begin it; 409 ``sheets_review_grown`` where it costs more than was shown."""
        agreed = parse_body(request, AgreedSerializer)
        job = reading_begin(by=submitter_of(request), exam_id=exam_id, pages=agreed["pages"])
        return Response(_job_body(job))


class ReadingView(ExamVisitView):
    """One second reading."""

    required_scopes = {"GET": Scope.SHEETS_READ}

    def get(self, request: Request, exam_id: UUID, job_id: UUID) -> Response:  # noqa: ARG002
        """How far it is, and what came of it."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response(
            _job_body(reading_get(tenant=self.visit.tenant, exam=self.exam, job_id=job_id))
        )


def _offer_body(offered: Offered) -> dict[str, Any]:
    refusal = offered.refusal
    return {
        "pages": offered.pages,
        "rows": offered.rows,
        "unit_price": offered.unit_price,
        "price": offered.price,
        "currency": "KRW",
        "refusal": refusal and error_body(refusal.code, refusal.params),
    }


def _job_body(job: Job) -> dict[str, Any]:
    outcome = None
    if job.state == JobState.SUCCEEDED and job.result is not None:
        outcome = {name: job.result["result"][name] for name in ("rows", "settled", "left")}
    return {
        "job": str(job.pk),
        "ended": job.finished_at is not None,
        "percent": round(progress_now(job)[0]),
        "outcome": outcome,
        "error": error_body(job.error_code, job.error_params) if job.error_code else None,
    }
