"""Students over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
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
from academy.roster import selectors, services
from academy.roster.api import docs, present, serializers
from academy.roster.fields import Enrolment
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

_READ: Final = {"GET": Scope.STUDENTS_READ}


class StudentsView(PagedView):
    """List and add."""

    required_scopes = {**_READ, "POST": Scope.STUDENTS_WRITE}

    @docs.student_list
    def get(self, request: Request) -> Response:
        """Your students, the last added first; of their phones the last digits."""
        wanted = parse_query(request, serializers.StudentListQuerySerializer)
        students = selectors.students_list(
            tenant=principal_of(request).tenant,
            states=[Enrolment(state) for state in wanted["state"]],
            school=wanted.get("school"),
            grade=wanted.get("grade"),
            class_name=wanted.get("class_name"),
            search=wanted["q"],
            removed=wanted["removed"],
        )
        pages = CursorPagination()
        shown = pages.paginate_queryset(students, request, view=self)
        return pages.get_paginated_response([present.student_body(student) for student in shown])

    @docs.student_create
    def post(self, request: Request) -> Response:
        """Add a student, or bring back one who was removed.

        The name and the parent's phone tell students apart. For many at once submit a
        `roster.import` job.
        """
        values = parse_body(request, serializers.StudentCreateSerializer)

        def once() -> Answer:
            student = services.student_create(tenant=principal_of(request).tenant, values=values)
            address = reverse("roster:student", args=[student.pk])
            return Answer(HTTPStatus.CREATED, present.student_body(student), address)

        return act_once(request, once)


class StudentView(APIView):
    """Read, change and remove one."""

    required_scopes = {**_READ, "PATCH": Scope.STUDENTS_WRITE, "DELETE": Scope.STUDENTS_WRITE}

    @docs.student_read
    def get(self, request: Request, student_id: UUID) -> Response:
        """One student; a removed one too. With `students:phones` the phones are whole."""
        parse_query(request, NothingSerializer, also=frozenset())
        caller = principal_of(request)
        student = selectors.student_get(tenant=caller.tenant, student_id=student_id)
        whole = Scope.STUDENTS_PHONES in caller.scopes
        return Response(present.student_body(student, whole_phones=whole))

    @docs.student_edit
    def patch(self, request: Request, student_id: UUID) -> Response:
        """Change what you name; the rest stays."""
        changes = parse_body(request, serializers.StudentEditSerializer)
        student = services.student_edit(
            tenant=principal_of(request).tenant, student_id=student_id, changes=changes
        )
        return Response(present.student_body(student))

    @docs.student_remove
    def delete(self, request: Request, student_id: UUID) -> Response:
        """Hide a student. Removing again changes nothing; adding again brings the student back."""
        parse_query(request, NothingSerializer, also=frozenset())
        student = services.student_remove(
            tenant=principal_of(request).tenant, student_id=student_id
        )
        return Response(present.student_body(student))
