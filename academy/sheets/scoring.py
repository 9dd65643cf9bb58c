"""Scores of an examination, computed from its scans and its key whenever they are asked for.

Nothing of it is stored: a key that changes or a mark that is settled counts at once, and no score
can be older than what it is of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Final
from uuid import UUID

from academy.core.errors import AppError
from academy.sheets.grading import AnswerKey, Graded, grade
from academy.sheets.models import Exam, Scan
from academy.sheets.scans import answers_of
from academy.sheets.statistics import Item, Statistics, analyse

_CHUNK: Final = 50


@dataclass(frozen=True)
class Score:
    """One student's sheet. It is final once nothing has to be looked at and no page is missing."""

    student: UUID
    graded: Graded
    answers: dict[int, tuple[int, ...]]
    scans: tuple[UUID, ...]
    missing_pages: tuple[int, ...]
    needs_review: bool

    @property
    def points(self) -> Decimal:
        """Of all questions."""
        return self.graded.points

    @property
    def is_final(self) -> bool:
        """Whether nothing has to be looked at and no page is missing."""
        return not self.needs_review and not self.missing_pages


def key_of(exam: Exam) -> AnswerKey:
    """The key. Raises AppError exam_without_key."""
    key = exam.answer_key
    if key is None:
        raise AppError("exam_without_key")
    return key


def scores_of(exam: Exam, students: Collection[UUID] | None = None) -> list[Score]:
    """Every student's score, best first, or only these students'. Raises exam_without_key."""
    found = each_score(exam, students)
    return sorted(found, key=lambda score: (-score.points, score.student))


def each_score(exam: Exam, students: Collection[UUID] | None = None) -> Iterator[Score]:
    """The same one by one, in no order that means anything: one sheet at a time is in memory.

    Where a page of a student was scanned twice, the first counts until somebody settles it. Raises
    exam_without_key.
    """
    key = key_of(exam)
    scans = Scan.objects.for_tenant(exam.tenant_id).filter(
        exam=exam, student__isnull=False, page__isnull=False, discarded=False
    )
    if students is not None:
        scans = scans.filter(student__in=students)
    scans = scans.order_by("student_id", "created_at", "upload_id", "index")
    pages = range(1, exam.design.sheet.page_count + 1)
    for student, sheet in groupby(scans.iterator(_CHUNK), key=lambda scan: scan.student_id):
        assert student is not None
        yield _score(key, pages, student, list(sheet))


def _score(key: AnswerKey, pages: range, student: UUID, sheet: list[Scan]) -> Score:
    first: dict[int, Scan] = {}
    for scan in sheet:
        assert scan.page is not None
        first.setdefault(scan.page, scan)
    answers = {
        question: values for scan in first.values() for question, values in answers_of(scan).items()
    }
    return Score(
        student=student,
        graded=grade(key, answers),
        answers=answers,
        scans=tuple(scan.pk for scan in sheet),
        missing_pages=tuple(page for page in pages if page not in first),
        needs_review=any(scan.needs_review for scan in sheet),
    )


def statistics_of(exam: Exam, scores: list[Score]) -> Statistics | None:
    """Figures over the complete sheets; None where there is none."""
    key = key_of(exam)
    return analyse([items_of(key, score) for score in scores if not score.missing_pages])


def items_of(key: AnswerKey, score: Score) -> dict[int, Item]:
    """A score as `analyse` wants it, by question."""
    items = {}
    for mark, item in zip(score.graded.marks, key.items, strict=True):
        share = float(mark.points / item.points) if item.points else 0.0
        items[mark.question] = Item(score.answers.get(mark.question, ()), share)
    return items
