"""Corrections over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.ai.corrections.api import docs, present
from academy.ai.corrections.api.serializers import CorrectionSerializer
from academy.ai.corrections.purpose import QUESTIONS
from academy.ai.corrections.selectors import standing_of
from academy.ai.corrections.services import questions_correct
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.desk.rest import link_made
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope


class QuestionsView(APIView):
    """The questions of one test."""

    required_scopes = {"GET": Scope.JOBS_READ, "PUT": Scope.JOBS_WRITE}

    @docs.questions_read
    def get(self, request: Request, job_id: UUID) -> Response:
        """The questions of an `ai.question_segmentation`, as they were found or corrected."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        return Response(present.standing_body(standing_of(tenant=tenant, job_id=job_id)))

    @docs.questions_correct
    def put(self, request: Request, job_id: UUID) -> Response:
        """Replace the questions by corrected ones; a job makes their pictures.

        `revision` is the one that you saw; where somebody was faster it answers 409.
        """
        body = parse_body(request, CorrectionSerializer)
        principal = principal_of(request)
        standing = questions_correct(
            tenant=principal.tenant, job_id=job_id, by=principal.name, **body
        )
        return Response(present.standing_body(standing))


class CorrectionLinkView(APIView):
    """Where a teacher corrects questions."""

    required_scopes = {"POST": Scope.JOBS_READ}

    @docs.correction_link
    def post(self, request: Request, job_id: UUID) -> Response:
        """A page on which a teacher, without an account, corrects numbers and boxes.

        With `jobs:read` alone, or `read_only`, nothing can be saved there. It ends when your key
        is revoked.
        """
        tenant = principal_of(request).tenant
        standing_of(tenant=tenant, job_id=job_id)
        return link_made(request, QUESTIONS, {"job_id": job_id})
