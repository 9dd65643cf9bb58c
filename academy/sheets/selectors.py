"""Read designs, examinations and scans, always of one tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.sheets.fields import ExamState
from academy.sheets.models import Change, Exam, Scan, SheetDesign
from academy.sheets.params import MAX_EXAMS, GradebookParams
from academy.tenants.models import Tenant


def designs_list(*, tenant: Tenant | UUID) -> QuerySet[SheetDesign]:
    """All designs of a tenant."""
    return SheetDesign.objects.for_tenant(tenant)


def design_get(*, tenant: Tenant | UUID, design_id: UUID) -> SheetDesign:
    """One design. Raises AppError sheet_design_not_found, also for another tenant's."""
    design = designs_list(tenant=tenant).filter(pk=design_id).first()
    if design is None:
        raise AppError("sheet_design_not_found")
    return design


def exams_list(*, tenant: Tenant | UUID, state: ExamState | None = None) -> QuerySet[Exam]:
    """A tenant's examinations, with their designs; only those in a state, where named."""
    exams = Exam.objects.for_tenant(tenant).select_related("design")
    return exams if state is None else exams.filter(state=state.value)


def exam_get(*, tenant: Tenant | UUID, exam_id: UUID, is_open: bool = False) -> Exam:
    """One examination with its design.

    Raises AppError exam_not_found, also for another tenant's; with ``is_open``, exam_closed.
    """
    exam = exams_list(tenant=tenant).filter(pk=exam_id).first()
    if exam is None:
        raise AppError("exam_not_found")
    if is_open and exam.state != ExamState.OPEN:
        raise AppError("exam_closed")
    return exam


def gradebook_exams(*, tenant: Tenant | UUID, params: GradebookParams) -> list[Exam]:
    """The examinations of a gradebook, in its order.

    Raises AppError: exam_not_found or exam_without_key (one that is named), exams_none_found,
    exams_too_many.
    """
    if params.exams is not None:
        named = [exam_get(tenant=tenant, exam_id=exam_id) for exam_id in params.exams]
        for exam in named:
            if exam.key is None:
                raise AppError("exam_without_key")
        return named
    exams = exams_list(tenant=tenant).filter(key__isnull=False)
    if params.title is not None:
        exams = exams.filter(title__icontains=params.title)
    if params.since is not None:
        exams = exams.filter(created_at__gte=clock.korean_day(params.since))
    if params.until is not None:
        exams = exams.filter(created_at__lt=clock.korean_day(params.until + timedelta(days=1)))
    found = list(exams.order_by("created_at", "pk")[: MAX_EXAMS + 1])
    if not found:
        raise AppError("exams_none_found")
    if len(found) > MAX_EXAMS:
        raise AppError("exams_too_many", limit=MAX_EXAMS)
    return found


def scan_counts(scans: QuerySet[Scan]) -> dict[str, int]:
    """How many pages there are, and how many of them are what."""
    kept = Q(discarded=False)
    counts: dict[str, Any] = scans.aggregate(
        pages=Count("pk"),
        readable=Count("pk", filter=Q(page__isnull=False)),
        unreadable=Count("pk", filter=Q(page__isnull=True)),
        identified=Count("pk", filter=Q(student__isnull=False) & kept),
        needs_review=Count("pk", filter=Q(needs_review=True)),
        duplicates=Count("pk", filter=Q(duplicate=True) & kept),
    )
    return counts


def scans_list(
    *,
    tenant: Tenant | UUID,
    exam: Exam,
    needs_review: bool | None = None,
    student: UUID | None = None,
    discarded: bool | None = None,
) -> QuerySet[Scan]:
    """The pages of an examination, narrowed where asked."""
    scans = Scan.objects.for_tenant(tenant).filter(exam=exam)
    asked = {"needs_review": needs_review, "student_id": student, "discarded": discarded}
    return scans.filter(**{name: value for name, value in asked.items() if value is not None})


def scan_get(*, tenant: Tenant | UUID, scan_id: UUID) -> Scan:
    """One page, with its examination and design. Raises AppError scan_not_found."""
    scans = Scan.objects.for_tenant(tenant).select_related("exam__design")
    scan = scans.filter(pk=scan_id).first()
    if scan is None:
        raise AppError("scan_not_found")
    return scan


def scan_changes(*, scan: Scan) -> list[Change]:
    """What people settled of a page, the first first."""
    changes = Change.objects.for_tenant(scan.tenant_id).filter(scan=scan)
    return list(changes.order_by("created_at", "pk"))
