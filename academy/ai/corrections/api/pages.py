"""The page on which questions are corrected, and what its script asks for."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from academy.ai.corrections.api import present
from academy.ai.corrections.api.serializers import CorrectionSerializer
from academy.ai.corrections.api.texts import page_texts
from academy.ai.corrections.purpose import QUESTIONS
from academy.ai.corrections.selectors import standing_of
from academy.ai.corrections.services import questions_correct
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.desk.visits import Visit, VisitView, page, show
from academy.tenants.scopes import Scope


@page(QUESTIONS)
def questions_page(request: HttpRequest, visit: Visit, job_id: UUID) -> HttpResponse:
    """The frame; the pages and boxes come with the script."""
    standing_of(tenant=visit.tenant, job_id=job_id)
    return show(
        request,
        visit,
        "corrections/questions.html",
        may_write=Scope.JOBS_WRITE in visit.scopes,
        texts=page_texts(),
    )


class BoxesView(VisitView):
    """The boxes of the visit's test."""

    purpose = QUESTIONS
    required_scopes = {"GET": Scope.JOBS_READ, "PUT": Scope.JOBS_WRITE}

    def get(self, request: Request, job_id: UUID) -> Response:
        """As they count now, with the pages."""
        parse_query(request, NothingSerializer, also=frozenset())
        standing = standing_of(tenant=self.visit.tenant, job_id=job_id)
        return Response(present.page_body(standing))

    def put(self, request: Request, job_id: UUID) -> Response:
        """Save them. Raises AppError questions_changed where somebody was faster."""
        body = parse_body(request, CorrectionSerializer)
        standing = questions_correct(
            tenant=self.visit.tenant, job_id=job_id, by=self.visit.by, **body
        )
        return Response(present.page_body(standing))
