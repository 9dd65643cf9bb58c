"""Results as students may see them: published, and only once they are final.

A wrong score in a parent's hand is worse than a late one, so a result that somebody still has to
look at is withheld, whatever was published.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from django.db.models import Count, Max

from academy.core.errors import AppError
from academy.roster.models import Student
from academy.sheets.grading import KeyItem, Mark
from academy.sheets.models import Exam, Scan
from academy.sheets.scoring import Score, key_of, scores_of, statistics_of
from academy.sheets.selectors import exam_get
from academy.tenants.models import Tenant


@dataclass(frozen=True)
class Overview:
    """What a student is told about all: final results alone, ascending, and how hard it was."""

    points: tuple[Decimal, ...]
    mean: Decimal
    difficulty: Mapping[int, float]

    def rank_of(self, points: Decimal) -> int:
        """1 for the best; the same points have the same rank."""
        return len(self.points) - bisect_right(self.points, points) + 1


@dataclass(frozen=True)
class ResultLine:
    """One question of one student; `difficulty` is the mean share of its points, or None."""

    mark: Mark
    given: tuple[int, ...]
    key: KeyItem
    difficulty: float | None


@dataclass(frozen=True)
class StudentResult:
    """One student's result, final and published."""

    exam: Exam
    student: Student
    score: Score
    of: Decimal
    rank: int
    overview: Overview
    lines: tuple[ResultLine, ...]


def published_exam(*, tenant: Tenant, exam_id: UUID) -> Exam:
    """An examination whose results are public. Raises exam_not_found, results_not_published."""
    exam = exam_get(tenant=tenant, exam_id=exam_id)
    if exam.published_at is None:
        raise AppError("results_not_published")
    return exam


def result_get(*, tenant: Tenant, exam_id: UUID, student_id: UUID) -> StudentResult:
    """One student's result.

    Raises AppError: exam_not_found, results_not_published, exam_without_key, result_not_found,
    result_not_final.
    """
    exam = published_exam(tenant=tenant, exam_id=exam_id)
    key = key_of(exam)
    student = Student.objects.for_tenant(tenant).filter(pk=student_id).first()
    score = next(iter(scores_of(exam, [student_id])), None)
    if student is None or score is None:
        raise AppError("result_not_found")
    if not score.is_final:
        raise AppError("result_not_final")
    overview = overview_of(exam)
    return StudentResult(
        exam=exam,
        student=student,
        score=score,
        of=key.points,
        rank=overview.rank_of(score.points),
        overview=overview,
        lines=tuple(
            ResultLine(
                mark,
                score.answers.get(mark.question, ()),
                item,
                overview.difficulty.get(mark.question),
            )
            for mark, item in zip(score.graded.marks, key.items, strict=True)
        ),
    )


def overview_of(exam: Exam) -> Overview:
    """The figures over all; computed once for as long as nothing of the examination changes."""
    scans = Scan.objects.for_tenant(exam.tenant_id).filter(exam=exam)
    state = scans.aggregate(pages=Count("pk"), changed=Max("updated_at"))
    return _overview(_Version(exam, exam.updated_at, state["pages"], state["changed"]))


@dataclass(frozen=True)
class _Version:
    """An examination as it is at one moment."""

    exam: Exam
    updated_at: datetime
    pages: int
    changed: datetime | None


@lru_cache(maxsize=32)
def _overview(version: _Version) -> Overview:
    exam = version.exam
    scores = [score for score in scores_of(exam) if score.is_final]
    statistics = statistics_of(exam, scores)
    points = sorted(score.points for score in scores)
    return Overview(
        points=tuple(points),
        mean=sum(points, Decimal(0)) / max(1, len(points)),
        difficulty={}
        if statistics is None
        else {item.question: item.difficulty for item in statistics.questions},
    )
