"""`sheets.export`: the scores of an examination as xlsx or csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.tables.writing import CONTENT_TYPES, Column, Kind, Value, write_table
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.roster.models import Student
from academy.sheets.grading import Outcome
from academy.sheets.models import Exam
from academy.sheets.params import ExportParams
from academy.sheets.scoring import Score, scores_of

SCHEMA: Final = 1
_WRITING, _STORING = Step("writing", 0, 90), Step("storing", 90, 100)
_SIGNS: Final = {Outcome.RIGHT: "O", Outcome.PARTIAL: "△", Outcome.WRONG: "X", Outcome.BLANK: ""}
_COLUMNS: Final = (
    Column("이름"), Column("번호"), Column("학교"), Column("학년", width=8), Column("반"),
    Column("점수", Kind.NUMBER, 8), Column("정답 수", Kind.NUMBER, 8),
    Column("확인 필요", width=10),
)  # fmt: skip


def run(context: JobContext[ExportParams]) -> Done:
    """Write the table and store it."""
    params = context.params
    bench = Workbench(context, Bucket.EXCEL)
    envelope = Envelope(SCHEMA, engine="academy.tables")
    exams = Exam.objects.for_tenant(context.tenant_id).select_related("design")
    exam = exams.filter(pk=params.exam).first()
    if exam is None:
        raise PermanentError("exam_not_found")
    if exam.key is None:
        raise PermanentError("exam_without_key")
    bench.say(_WRITING, 0)
    with envelope.timed("score"):
        scores = scores_of(exam)
    questions = [question.number for question in exam.design.sheet.questions]
    columns = [*_COLUMNS, *(Column(str(number), width=6) for number in questions)]
    path = bench.folder / f"scores.{params.format}"
    with envelope.timed("write"):
        rows = write_table(
            path, params.format, columns, _rows(context.tenant_id, scores, questions), title="성적"
        )
    bench.say(_STORING, 0)
    with envelope.timed("store"):
        made = bench.put(path.name, path, CONTENT_TYPES[params.format])
    envelope.review_required = any(score.needs_review for score in scores)
    result = {"file": made.name, "rows": rows, "size": made.size, "sha256": made.sha256}
    return Done(envelope.wrap(result), bench.artifacts)


def _rows(
    tenant_id: UUID, scores: Sequence[Score], questions: Sequence[int]
) -> Iterator[list[Value]]:
    students = Student.objects.for_tenant(tenant_id).in_bulk([score.student for score in scores])
    for score in scores:
        student = students[score.student]
        unsure = score.needs_review or bool(score.missing_pages)
        marks = {mark.question: mark for mark in score.graded.marks}
        cells = [_SIGNS[marks[number].outcome] for number in questions]
        yield [
            student.name, student.number, student.school, student.grade, student.class_name,
            float(score.points), score.graded.right, "확인" if unsure else "", *cells,
        ]  # fmt: skip
