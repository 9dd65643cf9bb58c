"""The page of an examination: scores, figures, the table to take along, and publishing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from statistics import mean, pstdev
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from academy.core.errors import AppError, error_body
from academy.core.http.serializers import (
    NothingSerializer,
    StrictBooleanField,
    StrictSerializer,
    parse_body,
    parse_query,
)
from academy.core.http.values import instant
from academy.core.storage import Bucket, store
from academy.desk.visits import Visit, page, show
from academy.jobs.models import Job
from academy.jobs.once import submitter_of
from academy.jobs.selectors import job_get
from academy.jobs.states import JobState
from academy.jobs.submit import Order, job_submit
from academy.roster.models import Student
from academy.sheets import kinds
from academy.sheets.fields import ExamState
from academy.sheets.layout import QuestionKind
from academy.sheets.models import Exam
from academy.sheets.pages import texts
from academy.sheets.pages.charts import QuestionFigures, figures_of
from academy.sheets.pages.purposes import EXAM
from academy.sheets.pages.reviewing import ExamVisitView
from academy.sheets.review import progress_of
from academy.sheets.scoring import Score, key_of, scores_of, statistics_of
from academy.sheets.selectors import exam_get, scan_counts, scans_list
from academy.sheets.services import exam_edit
from academy.sheets.statistics import Statistics
from academy.tenants.scopes import Scope

_FILE_LIFETIME: Final = timedelta(hours=1)


class ExportSerializer(StrictSerializer):
    """Which table."""

    format = serializers.ChoiceField(["xlsx", "csv"], required=False, default="xlsx")


class PublicationSerializer(StrictSerializer):
    """Whether students may see their results."""

    published = StrictBooleanField()


@page(EXAM)
def exam_page(request: HttpRequest, visit: Visit, exam_id: UUID) -> HttpResponse:
    """Everything about an examination that a teacher wants to see at once."""
    exam = exam_get(tenant=visit.tenant, exam_id=exam_id)
    context: dict[str, Any] = {
        "exam": exam,
        "is_open": exam.state == ExamState.OPEN,
        "counts": scan_counts(scans_list(tenant=visit.tenant, exam=exam)),
        "progress": progress_of(exam),
        "may_write": Scope.SHEETS_WRITE in visit.scopes,
        "may_export": Scope.JOBS_WRITE in visit.scopes,
        "texts": texts.exam_texts(),
    }
    if exam.key is not None:
        context |= _scored(exam)
    return show(request, visit, "sheets/exam.html", **context)


def _scored(exam: Exam) -> dict[str, Any]:
    scores = scores_of(exam)
    statistics = statistics_of(exam, scores)
    points = key_of(exam).points
    complete = [score.points for score in scores if not score.missing_pages]
    students = Student.objects.for_tenant(exam.tenant_id).in_bulk([one.student for one in scores])
    return {
        "points": points,
        "final": sum(score.is_final for score in scores),
        "statistics": statistics,
        "mean": mean(complete) if complete else None,
        "deviation": pstdev(complete) if complete else None,
        "rows": _rows(scores, students, points),
        "questions": [] if statistics is None else _questions(exam, statistics),
    }


def _rows(
    scores: list[Score], students: dict[UUID, Student], points: Decimal
) -> list[dict[str, Any]]:
    """Best first; the same points share a rank."""
    rows: list[dict[str, Any]] = []
    for number, score in enumerate(scores, start=1):
        tied = bool(rows) and rows[-1]["points"] == score.points
        rows.append(
            {
                "rank": rows[-1]["rank"] if tied else number,
                "student": students[score.student],
                "points": score.points,
                "width": round(100 * score.points / points) if points else 0,
                "right": score.graded.right,
                "needs_review": score.needs_review,
                "missing_pages": score.missing_pages,
            }
        )
    return rows


def _questions(exam: Exam, statistics: Statistics) -> list[QuestionFigures]:
    asked = exam.design.sheet.questions
    return [
        figures_of(item, found, 0 if question.kind is QuestionKind.NUMERIC else question.choices)
        for item, found, question in zip(
            key_of(exam).items, statistics.questions, asked, strict=True
        )
    ]


class PublicationView(ExamVisitView):
    """Show students their results, or withdraw them."""

    required_scopes = {"POST": Scope.SHEETS_WRITE}

    def post(self, request: Request, exam_id: UUID) -> Response:
        """The same again changes nothing."""
        published = parse_body(request, PublicationSerializer)["published"]
        exam = exam_edit(
            tenant=self.visit.tenant, by=self.visit.by, exam_id=exam_id, published=published
        )
        return Response({"published_at": instant(exam.published_at)})


class ExportsView(ExamVisitView):
    """Have the table made."""

    required_scopes = {"POST": Scope.JOBS_WRITE}

    def post(self, request: Request, exam_id: UUID) -> Response:
        """Start a `sheets.export`."""
        wanted = parse_body(request, ExportSerializer)
        order = Order(kinds.EXPORT.name, {"exam": str(exam_id), "format": wanted["format"]})
        return Response(_export_body(self.exam, job_submit(by=submitter_of(request), order=order)))


class ExportView(ExamVisitView):
    """The table, once it is there."""

    required_scopes = {"GET": Scope.SHEETS_READ}

    def get(self, request: Request, exam_id: UUID, job_id: UUID) -> Response:
        """How far it is. Raises AppError job_not_found for any other job."""
        parse_query(request, NothingSerializer, also=frozenset())
        exam = self.exam
        job = job_get(tenant=self.visit.tenant, job_id=job_id)
        if job.kind != kinds.EXPORT.name or job.params.get("exam") != str(exam_id):
            raise AppError("job_not_found")
        return Response(_export_body(exam, job))


def _export_body(exam: Exam, job: Job) -> dict[str, Any]:
    done = job.state == JobState.SUCCEEDED
    file = job.artifacts[0] if done and job.artifacts else None
    seconds = int(_FILE_LIFETIME.total_seconds())
    return {
        "job": str(job.pk),
        "ended": job.finished_at is not None,
        "url": file
        and store(Bucket.EXCEL).presign_get(
            file["key"], seconds, filename=f"{exam.title}.{job.params['format']}"
        ),
        "error": error_body(job.error_code, job.error_params) if job.error_code else None,
    }
