"""Results for students, and links to the pages of an examination. Thin."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.serializers import NothingSerializer, parse_query
from academy.desk.rest import link_made
from academy.sheets import publication, selectors
from academy.sheets.api import docs, present
from academy.sheets.api.designs import READ
from academy.sheets.pages.purposes import EXAM, RESULT
from academy.sheets.pages.student import sentence
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

_POST_READS = {"POST": Scope.SHEETS_READ}


class ReviewLinkView(APIView):
    """Where a teacher settles what is doubtful."""

    required_scopes = _POST_READS

    @docs.review_link
    def post(self, request: Request, exam_id: UUID) -> Response:
        """A page on which a teacher, without an account, settles what is doubtful.

        Whoever opens it may do what you may do with this examination, and nothing else; it ends
        when your key is revoked. With `sheets:read` alone, or `read_only`, nothing can be settled.
        """
        tenant = principal_of(request).tenant
        selectors.exam_get(tenant=tenant, exam_id=exam_id)
        return link_made(request, EXAM, {"exam_id": exam_id}, path="/review")


class PageLinkView(APIView):
    """Where a teacher sees the scores."""

    required_scopes = _POST_READS

    @docs.exam_page_link
    def post(self, request: Request, exam_id: UUID) -> Response:
        """A page with scores, statistics, the table to take along, and publishing.

        It leads to the review; the rest is as with `review-link`.
        """
        tenant = principal_of(request).tenant
        selectors.exam_get(tenant=tenant, exam_id=exam_id)
        return link_made(request, EXAM, {"exam_id": exam_id})


class ResultView(APIView):
    """One student's result, for your student's app."""

    required_scopes = READ

    @docs.result_read
    def get(self, request: Request, exam_id: UUID, student_id: UUID) -> Response:
        """One student's result, once it is published and final.

        404 `results_not_published` until then, and again after you withdraw it; 409
        `result_not_final` while something of the sheet is still being checked.
        """
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        result = publication.result_get(tenant=tenant, exam_id=exam_id, student_id=student_id)
        return Response(present.result_body(result))


class ResultLinkView(APIView):
    """A page to send to a student."""

    required_scopes = _POST_READS

    @docs.result_link
    def post(self, request: Request, exam_id: UUID, student_id: UUID) -> Response:
        """A page with one student's result, to read and to print, and a sentence to send with it.

        It shows the result for as long as it is published. It does not end with your key.
        """
        tenant = principal_of(request).tenant
        result = publication.result_get(tenant=tenant, exam_id=exam_id, student_id=student_id)
        answer = link_made(request, RESULT, {"exam_id": exam_id, "student_id": student_id})
        message = {"ko": sentence(result, "ko"), "en": sentence(result, "en")}
        return Response({**answer.data, "message": message})
