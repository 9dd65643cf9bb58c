"""`sheets.gradebook`: students by examinations in one workbook, and each examination beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from academy.core import clock
from academy.core.errors import AppError
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.tables.writing import (
    CONTENT_TYPES,
    Cell,
    Column,
    Kind,
    Shade,
    Shaded,
    Value,
    XlsxBook,
    write_table,
)
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sheets.gradebook import Gradebook, People, Result, Row, Sat, Sitting, sitting_of
from academy.sheets.grading import Rule
from academy.sheets.layout import QuestionKind
from academy.sheets.models import Exam
from academy.sheets.params import GradebookParams
from academy.sheets.scoring import key_of
from academy.sheets.selectors import gradebook_exams
from academy.sheets.statistics import QuestionStatistics

SCHEMA: Final = 1
_WRITING, _STORING = Step("writing", 0, 95), Step("storing", 95, 100)
_WHO: Final = (
    Column("이름"), Column("번호"), Column("학교"), Column("학년", width=8), Column("반"),
)  # fmt: skip
_SHOWN_ANSWERS: Final = 5
_UNSURE: Final = "확인"


def run(context: JobContext[GradebookParams]) -> Done:
    """Write the workbook and store it. Raises PermanentError."""
    bench = Workbench(context, Bucket.EXCEL)
    envelope = Envelope(SCHEMA, engine="academy.tables")
    exams = _exams(context)
    people = People(context.tenant_id, context.params)
    path = bench.folder / f"gradebook.{context.params.format}"
    with envelope.timed("write"):
        told, students = _write(bench, exams, people, path)
    bench.say(_STORING, 0)
    with envelope.timed("store"):
        made = bench.put(path.name, path, CONTENT_TYPES[context.params.format])
    context.log.info("%d students, %d examinations", students, len(exams))
    envelope.review_required = any(exam["needs_review"] or exam["incomplete"] for exam in told)
    result = {
        "file": made.name, "size": made.size, "sha256": made.sha256, "students": students,
        "exams": told,
    }  # fmt: skip
    return Done(envelope.wrap(result), bench.artifacts)


def _exams(context: JobContext[GradebookParams]) -> list[Exam]:
    try:
        return gradebook_exams(tenant=context.tenant_id, params=context.params)
    except AppError as error:
        raise PermanentError(error.code, **error.params) from error


def _write(
    bench: Workbench, exams: Sequence[Exam], people: People, path: Path
) -> tuple[list[dict[str, Any]], int]:
    """Examination by examination; the table over all of them last, and in front."""
    book = Gradebook(people)
    told: list[dict[str, Any]] = []
    feet: list[list[Value]] = []
    params: GradebookParams = bench.context.params
    if params.format == "csv":
        for sitting in _sittings(bench, exams, people):
            book.add(sitting)
            told.append(_said(sitting))
        columns = [*_leading(), *_results_columns(exams)]
        write_table(path, "csv", columns, map(_row, book.rows()))
        return told, len(book)
    with XlsxBook(path) as file:
        for sitting in _sittings(bench, exams, people):
            book.add(sitting)
            told.append(_said(sitting))
            feet.append(_foot(sitting))
            if params.details:
                _write_sitting(file, sitting, people)
        columns = [*_leading(), *_results_columns(exams)]
        front = file.sheet("전체 성적", [column.width for column in columns], first=True)
        front.heading([column.title for column in columns])
        for row in book.rows():
            front.row(_row(row))
        for at, title in enumerate(_FEET):
            cells: list[Value] = [cell for foot in feet for cell in (foot[at], None)]
            blank: list[Value] = [None] * (len(_leading()) - 1)
            front.row([Shaded(cell, Shade.TITLE) for cell in (title, *blank, *cells)])
    return told, len(book)


def _sittings(bench: Workbench, exams: Sequence[Exam], people: People) -> Iterator[Sitting]:
    for number, exam in enumerate(exams):
        bench.say(_WRITING, number / len(exams))
        bench.context.raise_if_cancelled()
        try:
            yield sitting_of(exam, people)
        except AppError as error:
            raise PermanentError(error.code, **error.params) from error


def _said(sitting: Sitting) -> dict[str, Any]:
    mean = sitting.mean
    states = [line.sat for line in sitting.lines]
    return {
        "exam": str(sitting.exam.pk),
        "title": sitting.exam.title,
        "students": len(states),
        "needs_review": states.count(Sat.DOUBTFUL),
        "incomplete": states.count(Sat.INCOMPLETE),
        "mean": None if mean is None else round(mean, 2),
    }


# ---------------------------------------------------------------- the table over all


def _leading() -> list[Column]:
    return [
        Column("석차", Kind.NUMBER, 8), *_WHO, Column("응시", Kind.NUMBER, 8),
        Column("평균(%)", Kind.NUMBER, 10),
    ]  # fmt: skip


def _results_columns(exams: Sequence[Exam]) -> list[Column]:
    return [
        column
        for name in _names(exams)
        for column in (
            Column(name, Kind.NUMBER, max(12, 2 * len(name))),
            Column(f"{name} 석차", Kind.NUMBER, 10),
        )
    ]


def _names(exams: Sequence[Exam]) -> list[str]:
    """Titles; where two are the same, with their day."""
    titles = [exam.title for exam in exams]
    named = [
        exam.title
        if titles.count(exam.title) == 1
        else f"{exam.title} ({exam.created_at.astimezone(clock.KST):%m-%d})"
        for exam in exams
    ]
    return [
        name if named.count(name) == 1 else f"{name} {number}"
        for number, name in enumerate(named, start=1)
    ]


def _row(row: Row) -> list[Cell]:
    who = row.who
    sat = sum(result is not None for result in row.results)
    cells: list[Cell] = [
        row.place, who.name, who.number, who.school, who.grade, who.class_name, sat, row.percent,
    ]  # fmt: skip
    for result in row.results:
        cells += [None, None] if result is None else _result(result)
    return cells


def _result(result: Result) -> list[Cell]:
    points: Cell = _number(result.points)
    if result.sat is not Sat.FINAL:
        doubtful = result.sat is Sat.DOUBTFUL
        points = Shaded(_number(result.points), Shade.DOUBT if doubtful else Shade.BAD)
    return [points, result.rank]


_FEET: Final = ("응시 인원", "평균", "표준편차", "최고점", "만점", "신뢰도(알파)")


def _foot(sitting: Sitting) -> list[Value]:
    """Figures of everybody who sat it, also of those who were not asked for."""
    statistics = sitting.statistics
    return [
        len(sitting.totals),
        _rounded(sitting.mean),
        _rounded(sitting.deviation),
        _number(sitting.totals[-1]) if sitting.totals else None,
        _number(sitting.full),
        None if statistics is None else _rounded(statistics.reliability),
    ]


def _number(value: float) -> int | float:
    """Whole points without a comma, as people write them."""
    return int(value) if value.is_integer() else value


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


# ---------------------------------------------------------------- one examination


def _write_sitting(file: XlsxBook, sitting: Sitting, people: People) -> None:
    exam = sitting.exam
    questions = [question.number for question in exam.design.sheet.questions]
    columns = [
        Column("석차", width=8), *_WHO, Column("점수", width=8), Column("정답 수", width=8),
        Column("확인 필요", width=10), *(Column(str(number), width=5) for number in questions),
    ]  # fmt: skip
    sheet = file.sheet(exam.title, [column.width for column in columns])
    sheet.heading([column.title for column in columns])
    for line in sitting.lines:
        who = people[line.student]
        unsure = "" if line.sat is Sat.FINAL else Shaded(_UNSURE, Shade.DOUBT)
        sheet.row(
            [
                sitting.rank(line), who.name, who.number, who.school, who.grade, who.class_name,
                _number(line.points), line.right, unsure, *(sign.strip() for sign in line.signs),
            ]
        )  # fmt: skip
    if sitting.statistics is not None:
        _write_questions(file, sitting, sitting.statistics.questions)


def _write_questions(
    file: XlsxBook, sitting: Sitting, figures: Sequence[QuestionStatistics]
) -> None:
    """Difficulty, discrimination and distractors, as the page of the examination shows them."""
    exam = sitting.exam
    asked = exam.design.sheet.questions
    most = max(
        (one.choices for one in asked if one.kind is QuestionKind.CHOICE), default=0
    )  # fmt: skip
    titles = [
        "문항", "정답", "배점", "득점률(%)", "변별도", "상하위 차", "무응답(%)",
        *(f"{choice}번(%)" for choice in range(1, most + 1)), "많은 답",
    ]  # fmt: skip
    sheet = file.sheet(f"{exam.title[:25]} 문항", [10] * (len(titles) - 1) + [30])
    sheet.heading(titles)
    for question, item, found in zip(asked, key_of(exam).items, figures, strict=True):
        given = {choice.value: choice.all for choice in found.choices}
        right = "" if item.rule is Rule.FREE else ", ".join(map(str, item.answers))
        cells: list[Cell] = [
            question.number, right, _number(float(item.points)), _percent(found.difficulty),
            _rounded(found.discrimination), _rounded(found.upper_lower), _percent(found.blank),
        ]  # fmt: skip
        if question.kind is QuestionKind.NUMERIC:
            often = sorted(given.items(), key=lambda one: (-one[1], one[0]))[:_SHOWN_ANSWERS]
            told = ", ".join(f"{value} ({_percent(share):g} %)" for value, share in often)
            cells += [*[None] * most, told]
        else:
            cells += [
                _percent(given.get(choice, 0.0)) if choice <= question.choices else None
                for choice in range(1, most + 1)
            ]
            cells.append("")
        sheet.row(cells)


def _percent(share: float) -> float:
    return round(100 * share, 1)
