"""What the review page asks for and tells: pieces of the queue, decisions, students, the file."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.http import HttpResponseRedirect
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from academy.core.errors import AppError
from academy.core.http.serializers import (
    NothingSerializer,
    StrictSerializer,
    parse_body,
    parse_query,
)
from academy.core.storage import Bucket, store
from academy.desk.visits import VisitView
from academy.roster.selectors import students_list
from academy.sheets import review
from academy.sheets.models import Exam
from academy.sheets.pages import present
from academy.sheets.pages.purposes import EXAM
from academy.sheets.selectors import exam_get
from academy.sheets.services import UNSET
from academy.sheets.settlement import KeepSerializer, SeenSettleSerializer
from academy.tenants.scopes import Scope

_FILE_LIFETIME: Final = timedelta(minutes=10)
_FOUND_AT_MOST: Final = 12


class QueueQuerySerializer(StrictSerializer):
    """Where to go on."""

    after = serializers.UUIDField(required=False)


class StudentsQuerySerializer(StrictSerializer):
    """Whom to look for."""

    q = serializers.CharField(max_length=40)
    page = serializers.IntegerField(min_value=1, help_text="Of the sheet: who has it already?")


class ExamVisitView(VisitView):
    """A view of the examination that the visit is for."""

    purpose = EXAM

    @property
    def exam(self) -> Exam:
        """It. Raises AppError exam_not_found."""
        return exam_get(tenant=self.visit.tenant, exam_id=self.kwargs["exam_id"])


class QueueView(ExamVisitView):
    """The queue, a piece at a time."""

    required_scopes = {"GET": Scope.SHEETS_READ}

    def get(self, request: Request, exam_id: UUID) -> Response:  # noqa: ARG002
        """The next pages with what is in doubt about them."""
        after = parse_query(request, QueueQuerySerializer, also=frozenset()).get("after")
        exam = self.exam
        scans, following = review.queue_page(exam, after=after)
        progress = review.progress_of(exam)
        return Response(present.queue_body(exam, scans, following, progress))


class ScanView(ExamVisitView):
    """One page of the queue."""

    required_scopes = {"GET": Scope.SHEETS_READ, "POST": Scope.SHEETS_WRITE}

    def get(self, request: Request, exam_id: UUID, scan_id: UUID) -> Response:  # noqa: ARG002
        """As it is now, with fresh links to its pictures."""
        parse_query(request, NothingSerializer, also=frozenset())
        exam = self.exam
        scan = review.scan_of(tenant=self.visit.tenant, exam=exam, scan_id=scan_id)
        return Response(present.decided_body(exam, review.Decided((scan,), ())))

    def post(self, request: Request, exam_id: UUID, scan_id: UUID) -> Response:  # noqa: ARG002
        """Settle something; 409 ``scan_changed`` where somebody else was faster."""
        values = parse_body(request, SeenSettleSerializer)
        exam = self.exam
        decided = review.scan_decide(
            tenant=self.visit.tenant,
            by=self.visit.by,
            exam=exam,
            scan_id=scan_id,
            answers=values.get("answers"),
            student=values.get("student", UNSET),
            discarded=values.get("discarded"),
            seen=values["seen"],
        )
        return Response(present.decided_body(exam, decided))


class DuplicatesView(ExamVisitView):
    """Pages that claim to be the same one."""

    required_scopes = {"POST": Scope.SHEETS_WRITE}

    def post(self, request: Request, exam_id: UUID) -> Response:  # noqa: ARG002
        """Let one of them count."""
        values = parse_body(request, KeepSerializer)
        exam = self.exam
        decided = review.duplicates_decide(
            tenant=self.visit.tenant, by=self.visit.by, exam=exam, **values
        )
        return Response(present.decided_body(exam, decided))


class StudentsView(ExamVisitView):
    """The academy's students, for whoever has to say whose a page is."""

    required_scopes = {"GET": Scope.SHEETS_READ}

    def get(self, request: Request, exam_id: UUID) -> Response:  # noqa: ARG002
        """Those of this name, number or last digits of the parent's phone."""
        wanted = parse_query(request, StudentsQuerySerializer, also=frozenset())
        exam = self.exam
        found = students_list(tenant=self.visit.tenant, search=wanted["q"]).order_by("name", "pk")
        shown = list(found[:_FOUND_AT_MOST])
        taken = present.pages_taken(exam, shown)
        students = [
            present.student_body(exam, student, taken=(student.pk, wanted["page"]) in taken)
            for student in shown
        ]
        return Response({"students": students})


class FileView(ExamVisitView):
    """The file that a page came from, where the page itself could not be read."""

    required_scopes = {"GET": Scope.SHEETS_READ}

    def get(self, request: Request, exam_id: UUID, scan_id: UUID) -> HttpResponseRedirect:  # noqa: ARG002
        """Go to it. Raises AppError not_found where it has been deleted."""
        parse_query(request, NothingSerializer, also=frozenset())
        scan = review.scan_of(tenant=self.visit.tenant, exam=self.exam, scan_id=scan_id)
        upload = scan.upload
        if upload.cleaned_at is not None:
            raise AppError("not_found")
        seconds = int(_FILE_LIFETIME.total_seconds())
        address = store(Bucket(upload.bucket)).presign_get(upload.key, seconds)
        return HttpResponseRedirect(f"{address}#page={scan.index}")
