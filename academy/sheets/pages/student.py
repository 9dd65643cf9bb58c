"""What a student or a parent opens: one result, on the screen and on paper."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from academy.core.catalogue import Language
from academy.desk.visits import Visit, page, show
from academy.sheets.pages.purposes import RESULT
from academy.sheets.publication import StudentResult, result_get


@page(RESULT)
def result_page(
    request: HttpRequest, visit: Visit, exam_id: UUID, student_id: UUID
) -> HttpResponse:
    """The result, for as long as it is published and final."""
    result = result_get(tenant=visit.tenant, exam_id=exam_id, student_id=student_id)
    return show(
        request,
        visit,
        "sheets/result.html",
        result=result,
        missed=[line for line in result.lines if line.mark.points < line.key.points],
        questions=len(result.lines),
        width=round(100 * result.score.points / result.of) if result.of else 0,
    )


def sentence(result: StudentResult, language: Language) -> str:
    """What to write to a parent beside the link."""
    points, of = _plain(result.score.points), _plain(result.of)
    if language == "ko":
        return (
            f"{result.student.name} 학생의 「{result.exam.title}」 결과가 나왔습니다: "
            f"{of}점 만점에 {points}점."
        )
    return f"{result.student.name}, “{result.exam.title}”: {points} of {of} points."


def _plain(points: object) -> str:
    """Without zeros after the point."""
    text = f"{points:.2f}"
    return text.rstrip("0").rstrip(".")
