"""Write designs and examinations, and settle what was doubtful. Every change says who made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, NoReturn
from uuid import UUID

from django.db import IntegrityError, transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.roster.models import Student
from academy.sheets.fields import ExamState, IdentifyBy
from academy.sheets.grading import AnswerKey
from academy.sheets.layout import Layout, QuestionKind
from academy.sheets.models import Change, Exam, Scan, SheetDesign, readings_of
from academy.sheets.scans import (
    effective,
    exam_locked,
    flag_duplicates,
    identified,
    judge,
    roster_of,
)
from academy.sheets.selectors import design_get, exam_get, scan_get
from academy.tenants.models import Tenant


class Unset(Enum):
    """Nothing was said; None would say something."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


def design_create(*, tenant: Tenant, title: str, layout: Layout) -> SheetDesign:
    """Store a design. Raises AppError sheet_design_exists where its fingerprint is taken."""
    designs = SheetDesign.objects.for_tenant(tenant)
    try:
        with transaction.atomic():
            return designs.create(
                title=title, layout=layout.model_dump(mode="json"), fingerprint=layout.fingerprint
            )
    except IntegrityError:
        known = designs.get(fingerprint=layout.fingerprint)
        raise AppError("sheet_design_exists", design=str(known.pk)) from None


def exam_create(
    *,
    tenant: Tenant,
    by: str,
    design_id: UUID,
    title: str,
    identify_by: IdentifyBy,
    key: AnswerKey | None = None,
) -> Exam:
    """Start an examination. Raises AppError: sheet_design_not_found, exam_key_invalid."""
    design = design_get(tenant=tenant, design_id=design_id)
    with transaction.atomic():
        exam = Exam.objects.for_tenant(tenant).create(
            design=design, title=title, identify_by=identify_by.value
        )
        if key is not None:
            exam = exam_key_set(tenant=tenant, by=by, exam_id=exam.pk, key=key)
    return exam


def exam_key_set(*, tenant: Tenant, by: str, exam_id: UUID, key: AnswerKey) -> Exam:
    """Store the key or another one; every score follows, also that of an earlier reading.

    Raises AppError: exam_not_found, exam_closed, exam_key_invalid.
    """
    exam_get(tenant=tenant, exam_id=exam_id, is_open=True)
    with transaction.atomic():
        exam = exam_locked(tenant.pk, exam_id)
        problems = key.problems(exam.design.sheet)
        if problems:
            raise AppError("exam_key_invalid", problems="; ".join(problems[:5]))
        _set(exam, by, "key", key.model_dump(mode="json"))
    return exam


def exam_edit(
    *,
    tenant: Tenant,
    by: str,
    exam_id: UUID,
    title: str | None = None,
    state: ExamState | None = None,
    published: bool | None = None,
) -> Exam:
    """Change what is named; published results are shown to students until they are withdrawn.

    Raises AppError: exam_not_found, exam_without_key where results of none would be published.
    """
    exam_get(tenant=tenant, exam_id=exam_id)
    with transaction.atomic():
        exam = exam_locked(tenant.pk, exam_id)
        if title is not None:
            _set(exam, by, "title", title)
        if state is not None:
            _set(exam, by, "state", state.value)
        if published is not None and published is not (exam.published_at is not None):
            _publish(exam, by, published=published)
    return exam


def _publish(exam: Exam, by: str, *, published: bool) -> None:
    if published and exam.key is None:
        raise AppError("exam_without_key")
    _record(exam, by, "published", before=not published, after=published)
    exam.published_at = clock.now() if published else None
    exam.updated_at = clock.now()
    exam.save(update_fields=["published_at", "updated_at"])


def exam_identify(*, tenant: Tenant, exam_id: UUID) -> Exam:
    """Match all sheets against the roster as it is now; what people settled stays.

    Raises AppError: exam_not_found, exam_closed.
    """
    exam_get(tenant=tenant, exam_id=exam_id, is_open=True)
    with transaction.atomic():
        exam = exam_locked(tenant.pk, exam_id)
        roster = roster_of(exam)
        scans = list(Scan.objects.for_tenant(tenant).filter(exam=exam))
        for scan in scans:
            for name, value in identified(roster, effective(scan)).items():
                setattr(scan, name, value)
            judge(scan)
            scan.updated_at = clock.now()
        fields = ["match", "candidates", "student", "needs_review", "updated_at"]
        Scan.unscoped.bulk_update(scans, fields, batch_size=200)
        flag_duplicates(exam)
    return exam


def scan_settle(
    *,
    tenant: Tenant,
    by: str,
    scan_id: UUID,
    answers: Mapping[int, Sequence[int] | None] | None = None,
    student: UUID | Unset | None = UNSET,
    discarded: bool | None = None,
    seen: Mapping[str, Any] | None = None,
) -> Scan:
    """Settle answers, whose the page is, or that it does not count.

    A value of None takes back what was settled: what was read counts again. The same again changes
    nothing. `seen` is what stood there when the person decided, by the names of `Change.what`:
    where something else stands there now, nothing is changed.

    Raises AppError: scan_not_found, exam_closed, scan_settlement_invalid, scan_changed.
    """
    exam_id = scan_get(tenant=tenant, scan_id=scan_id).exam_id
    exam_get(tenant=tenant, exam_id=exam_id, is_open=True)
    with transaction.atomic():
        exam = exam_locked(tenant.pk, exam_id)
        scan = scan_get(tenant=tenant, scan_id=scan_id)
        _unchanged(scan, seen or {})
        changed = _settle_answers(exam, scan, by, answers or {})
        if student is not UNSET:
            changed |= _settle_student(exam, scan, by, student)
        if discarded is not None and discarded is not scan.discarded:
            _record(exam, by, "discarded", before=scan.discarded, after=discarded, scan=scan)
            scan.discarded, changed = discarded, True
        if changed:
            judge(scan)
            scan.updated_at = clock.now()
            scan.save(
                update_fields=["settled", "student", "discarded", "needs_review", "updated_at"]
            )
            flag_duplicates(exam)
            scan = scan_get(tenant=tenant, scan_id=scan_id)
    return scan


def standing_of(scan: Scan, what: str) -> Any:
    """What stands there now: of ``answer.3`` what was settled, of ``student`` whose page it is."""
    kind, _, question = what.partition(".")
    if kind == "answer":
        return scan.settled.get("answers", {}).get(question)
    if kind == "student":
        return None if scan.student_id is None else str(scan.student_id)
    return scan.discarded


def _unchanged(scan: Scan, seen: Mapping[str, Any]) -> None:
    for what, before in seen.items():
        if standing_of(scan, what) != before:
            changes = Change.objects.for_tenant(scan.tenant_id).filter(scan=scan, what=what)
            last = changes.order_by("-created_at", "-pk").first()
            by = "" if last is None else last.by
            raise AppError("scan_changed", what=what, by=by, now=standing_of(scan, what))


def _settle_answers(
    exam: Exam, scan: Scan, by: str, answers: Mapping[int, Sequence[int] | None]
) -> bool:
    settled: dict[str, list[int]] = dict(scan.settled.get("answers", {}))
    known = {answer["question"] for answer in readings_of(scan)}
    changed = False
    for question, values in sorted(answers.items()):
        if question not in known:
            _refuse(f"question {question} is not on this page")
        before = settled.get(str(question))
        after = None if values is None else _checked(exam, question, values)
        if before == after:
            continue
        _record(exam, by, f"answer.{question}", before=before, after=after, scan=scan)
        changed = True
        if after is None:
            del settled[str(question)]
        else:
            settled[str(question)] = after
    scan.settled = {**scan.settled, "answers": settled}
    return changed


def _checked(exam: Exam, question: int, values: Sequence[int]) -> list[int]:
    asked = exam.design.sheet.questions[question - 1]
    numeric = asked.kind is QuestionKind.NUMERIC
    low, high = (0, 10**asked.digits - 1) if numeric else (1, asked.choices)
    if any(not low <= value <= high for value in values):
        _refuse(f"question {question}: values lie between {low} and {high}")
    if len(set(values)) != len(values) or (numeric and len(values) > 1):
        _refuse(f"question {question}: a value too many")
    return sorted(values)


def _settle_student(exam: Exam, scan: Scan, by: str, student: UUID | None) -> bool:
    if student is not None:
        students = Student.objects.for_tenant(exam.tenant_id).filter(removed_at__isnull=True)
        if not students.filter(pk=student).exists():
            _refuse("there is no such student")
        if scan.page is None:
            _refuse("a page that could not be read belongs to nobody")
    before, after = scan.settled.get("student"), None if student is None else str(student)
    if before == after:
        return False
    _record(exam, by, "student", before=before, after=after, scan=scan)
    scan.settled = {**scan.settled, "student": after}
    return True


def _refuse(problem: str) -> NoReturn:
    raise AppError("scan_settlement_invalid", problem=problem)


def _set(exam: Exam, by: str, name: str, value: Any) -> None:
    before = getattr(exam, name)
    if before == value:
        return
    _record(exam, by, name, before=before, after=value)
    setattr(exam, name, value)
    exam.updated_at = clock.now()
    exam.save(update_fields=[name, "updated_at"])


def _record(
    exam: Exam, by: str, what: str, *, before: Any, after: Any, scan: Scan | None = None
) -> None:
    Change.objects.for_tenant(exam.tenant_id).create(
        exam=exam, scan=scan, by=by, what=what, before=before, after=after
    )
