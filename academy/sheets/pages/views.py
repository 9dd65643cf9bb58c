"""The page on which a teacher settles what is doubtful; its script does the rest."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from academy.desk.visits import Visit, page, show
from academy.sheets.fields import ExamState
from academy.sheets.pages import texts
from academy.sheets.pages.purposes import EXAM
from academy.sheets.selectors import exam_get
from academy.tenants.scopes import Scope


@page(EXAM)
def review_page(request: HttpRequest, visit: Visit, exam_id: UUID) -> HttpResponse:
    """The frame; the queue comes piece by piece."""
    exam = exam_get(tenant=visit.tenant, exam_id=exam_id)
    is_open = exam.state == ExamState.OPEN
    may_write = is_open and Scope.SHEETS_WRITE in visit.scopes
    return show(
        request,
        visit,
        "sheets/review.html",
        exam=exam,
        is_open=is_open,
        may_write=may_write,
        may_order=may_write and Scope.JOBS_WRITE in visit.scopes,
        texts=texts.review_texts(),
    )
