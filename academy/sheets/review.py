"""The queue of what a person has to look at, and decisions about it. No HTTP.

One page can hold several things in doubt: whose it is, some answers, that another page claims to be
the same one, or that it could not be read at all. Each is an item of the queue; a decision settles
one item, and says which scores it changed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from academy.core.errors import AppError
from academy.sheets.models import Exam, Scan
from academy.sheets.scans import CERTAIN, exam_locked
from academy.sheets.scoring import scores_of
from academy.sheets.selectors import exam_get, scan_get
from academy.sheets.services import scan_settle
from academy.tenants.models import Tenant

PAGE_SIZE: Final = 12
"""Pages of paper in one piece of the queue."""

# Counted where the rows are: a box of paper has megabytes of readings.
_PROGRESS: Final = """
    SELECT
        count(*) FILTER (WHERE NOT discarded AND unreadable)
          + count(*) FILTER (WHERE NOT discarded AND NOT unreadable AND student_id IS NULL)
          + count(DISTINCT (student_id, page)) FILTER (WHERE NOT discarded AND duplicate)
          + coalesce(sum(answers.left), 0),
        count(*) FILTER (WHERE discarded)
          + count(*) FILTER (WHERE NOT discarded AND settled ->> 'student' IS NOT NULL)
          + coalesce(sum(answers.done), 0)
    FROM (
        SELECT *, reading ->> 'error' IS NOT NULL AS unreadable
        FROM sheets_scan WHERE tenant_id = %(tenant)s AND exam_id = %(exam)s
    ) AS scan
    LEFT JOIN LATERAL (
        SELECT
            count(*) FILTER (WHERE NOT is_settled) AS left,
            count(*) FILTER (WHERE is_settled) AS done
        FROM (
            SELECT coalesce(settled -> 'answers', '{}') ? (answer ->> 'question') AS is_settled
            FROM jsonb_array_elements(reading -> 'answers') AS answer
            WHERE answer ->> 'status' <> ALL (%(certain)s) AND NOT EXISTS (
                SELECT FROM jsonb_array_elements(reviews) AS review,
                    jsonb_array_elements(review -> 'answers') AS word
                WHERE word -> 'question' = answer -> 'question'
                    AND word ->> 'status' = ANY (%(certain)s)
            )
        ) AS doubtful
    ) AS answers ON NOT discarded
"""


@dataclass(frozen=True)
class Progress:
    """How many items wait for a person, and how many people have settled."""

    left: int
    settled: int


@dataclass(frozen=True)
class ScoreChange:
    """What a decision did to one student's points; None where there was or is no score."""

    student: UUID
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True)
class Decided:
    """The pages that a decision touched, as they are now, and the scores that it changed."""

    scans: tuple[Scan, ...]
    scores: tuple[ScoreChange, ...]


def progress_of(exam: Exam) -> Progress:
    """What is left of an examination, and what has been done."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "tenant": exam.tenant_id,
            "exam": exam.pk,
            "certain": sorted(CERTAIN),
        }
        cursor.execute(_PROGRESS, asked)
        left, settled = cursor.fetchone()
    return Progress(int(left), int(settled))


def queue_page(
    exam: Exam, *, after: UUID | None = None, limit: int = PAGE_SIZE
) -> tuple[list[Scan], UUID | None]:
    """The next pages that somebody has to look at, and where to go on (None at the end)."""
    scans = Scan.objects.for_tenant(exam.tenant_id).select_related("upload")
    waiting = scans.filter(exam=exam, needs_review=True).order_by("pk")
    if after is not None:
        waiting = waiting.filter(pk__gt=after)
    found = list(waiting[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


def twins_of(exam: Exam, scans: Sequence[Scan]) -> dict[UUID, list[Scan]]:
    """For each of these that is a duplicate: all pages that claim to be the same, oldest first."""
    students = {scan.student_id for scan in scans if scan.duplicate and not scan.discarded}
    if not students:
        return {}
    rows = Scan.objects.for_tenant(exam.tenant_id).select_related("upload")
    doubled = rows.filter(exam=exam, student__in=students, duplicate=True, discarded=False)
    groups: dict[tuple[UUID | None, int | None], list[Scan]] = {}
    for row in doubled.order_by("pk"):
        groups.setdefault((row.student_id, row.page), []).append(row)
    return {
        scan.pk: groups[scan.student_id, scan.page]
        for scan in scans
        if scan.duplicate and not scan.discarded and (scan.student_id, scan.page) in groups
    }


def scan_decide(
    *, tenant: Tenant, by: str, exam: Exam, scan_id: UUID, **settlement: Any
) -> Decided:
    """Settle something of one page of this examination; see `services.scan_settle`.

    Raises AppError: scan_not_found, also for a page of another examination, and those of
    `scan_settle`.
    """
    with transaction.atomic():
        exam_locked(tenant.pk, exam.pk)
        scan = _of_exam(tenant, exam, scan_id)
        students = {scan.student_id, *_named(settlement)} - {None}
        before = _points(exam, students)
        scan = scan_settle(tenant=tenant, by=by, scan_id=scan_id, **settlement)
        students.add(scan.student_id)
        return Decided(_touched(exam, scan), _compared(before, _points(exam, students)))


def duplicates_decide(
    *, tenant: Tenant, by: str, exam: Exam, keep: UUID, discard: Collection[UUID]
) -> Decided:
    """Of pages that claim to be the same one, let one count and discard the others.

    Raises AppError: exam_closed, scan_not_found, scan_changed where these are not (all of) the
    pages in question any more.
    """
    exam_get(tenant=tenant, exam_id=exam.pk, is_open=True)
    with transaction.atomic():
        exam_locked(tenant.pk, exam.pk)
        kept = _of_exam(tenant, exam, keep)
        twins = {twin.pk for twin in twins_of(exam, [kept]).get(keep, [])}
        if not discard or twins != {keep, *discard}:
            raise AppError("scan_changed", what="duplicates", by="")
        before = _points(exam, {kept.student_id})
        for scan_id in sorted(discard):
            scan_settle(tenant=tenant, by=by, scan_id=scan_id, discarded=True)
        after = _points(exam, {kept.student_id})
        scans = Scan.objects.for_tenant(tenant).select_related("upload").filter(pk__in=twins)
        return Decided(tuple(scans.order_by("pk")), _compared(before, after))


def scan_of(*, tenant: Tenant, exam: Exam, scan_id: UUID) -> Scan:
    """One page of this examination. Raises AppError scan_not_found, also for another's."""
    return _of_exam(tenant, exam, scan_id)


def _of_exam(tenant: Tenant, exam: Exam, scan_id: UUID) -> Scan:
    scan = scan_get(tenant=tenant, scan_id=scan_id)
    if scan.exam_id != exam.pk:
        raise AppError("scan_not_found")
    return scan


def _named(settlement: dict[str, Any]) -> list[UUID]:
    student = settlement.get("student")
    return [student] if isinstance(student, UUID) else []


def _touched(exam: Exam, scan: Scan) -> tuple[Scan, ...]:
    """The page and those that it is a duplicate of."""
    return tuple(twins_of(exam, [scan]).get(scan.pk, [scan]))


def _points(exam: Exam, students: Collection[UUID | None]) -> dict[UUID, Decimal]:
    wanted = {student for student in students if student is not None}
    if exam.key is None or not wanted:
        return {}
    return {score.student: score.points for score in scores_of(exam, wanted)}


def _compared(before: dict[UUID, Decimal], after: dict[UUID, Decimal]) -> tuple[ScoreChange, ...]:
    return tuple(
        ScoreChange(student, before.get(student), after.get(student))
        for student in sorted({*before, *after})
        if before.get(student) != after.get(student)
    )
