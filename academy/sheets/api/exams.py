"""Examinations over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.views import PagedView
from academy.jobs.idempotency import Answer
from academy.jobs.once import act_once
from academy.sheets import selectors, services
from academy.sheets.api import docs, present, serializers
from academy.sheets.api.designs import READ
from academy.sheets.fields import ExamState, IdentifyBy
from academy.sheets.models import Exam
from academy.sheets.scoring import key_of
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope


def _exam(request: Request, exam_id: UUID) -> Exam:
    parse_query(request, NothingSerializer, also=frozenset())
    return selectors.exam_get(tenant=principal_of(request).tenant, exam_id=exam_id)


class ExamsView(PagedView):
    """List and start."""

    required_scopes = {**READ, "POST": Scope.SHEETS_WRITE}

    @docs.exam_list
    def get(self, request: Request) -> Response:
        """Your examinations, the last first."""
        wanted = parse_query(request, serializers.ExamListQuerySerializer)
        state = None if wanted.get("state") is None else ExamState(wanted["state"])
        exams = selectors.exams_list(tenant=principal_of(request).tenant, state=state)
        pages = CursorPagination()
        shown = pages.paginate_queryset(exams, request, view=self)
        return pages.get_paginated_response([present.exam_body(exam) for exam in shown])

    @docs.exam_create
    def post(self, request: Request) -> Response:
        """Start an examination on sheets of a design; the key can follow.

        Filled sheets are read by a `sheets.read` job.
        """
        values = parse_body(request, serializers.ExamCreateSerializer)

        def once() -> Answer:
            principal = principal_of(request)
            exam = services.exam_create(
                tenant=principal.tenant,
                by=principal.name,
                design_id=values["design"],
                title=values["title"],
                identify_by=IdentifyBy(values["identify_by"]),
                key=values.get("key"),
            )
            address = reverse("sheets:exam", args=[exam.pk])
            return Answer(HTTPStatus.CREATED, present.exam_detail(exam), address)

        return act_once(request, once)


class ExamView(APIView):
    """Read and change one."""

    required_scopes = {**READ, "PATCH": Scope.SHEETS_WRITE}

    @docs.exam_read
    def get(self, request: Request, exam_id: UUID) -> Response:
        """One examination, and what became of its pages."""
        return Response(present.exam_detail(_exam(request, exam_id)))

    @docs.exam_edit
    def patch(self, request: Request, exam_id: UUID) -> Response:
        """Change the title, close and open, or publish the results to students.

        A closed one is neither read nor settled. Students see nothing until you publish, and
        nothing once you withdraw it.
        """
        values = parse_body(request, serializers.ExamEditSerializer)
        principal = principal_of(request)
        exam = services.exam_edit(
            tenant=principal.tenant,
            by=principal.name,
            exam_id=exam_id,
            title=values.get("title"),
            state=None if values.get("state") is None else ExamState(values["state"]),
            published=values.get("published"),
        )
        return Response(present.exam_detail(exam))


class KeyView(APIView):
    """Read and store the key."""

    required_scopes = {**READ, "PUT": Scope.SHEETS_WRITE}

    @docs.key_read
    def get(self, request: Request, exam_id: UUID) -> Response:
        """The key of an examination."""
        return Response(present.key_body(key_of(_exam(request, exam_id))))

    @docs.key_set
    def put(self, request: Request, exam_id: UUID) -> Response:
        """Store the key, or another one: all scores follow at once."""
        key = serializers.KeySerializer(data=request.data)
        key.is_valid(raise_exception=True)
        principal = principal_of(request)
        exam = services.exam_key_set(
            tenant=principal.tenant, by=principal.name, exam_id=exam_id, key=key.validated_data
        )
        return Response(present.key_body(key_of(exam)))


class ScoresView(APIView):
    """Scores and statistics."""

    required_scopes = READ

    @docs.scores_read
    def get(self, request: Request, exam_id: UUID) -> Response:
        """Scores of the students whose sheets are known, best first, and what they say.

        A score is final once `needs_review` is false and `missing_pages` is empty. For a table
        submit a `sheets.export` job.
        """
        return Response(present.scores_body(_exam(request, exam_id)))


class IdentifyView(APIView):
    """Match again."""

    required_scopes = {"POST": Scope.SHEETS_WRITE}

    @docs.exam_identify
    def post(self, request: Request, exam_id: UUID) -> Response:
        """Match the sheets with the students as they are now; what people settled stays."""
        parse_body(request, NothingSerializer)
        exam = services.exam_identify(tenant=principal_of(request).tenant, exam_id=exam_id)
        return Response(present.exam_detail(exam))
