"""Which questions go into wrong notes: as given, of a divided test, or by a student's sheet.

A divided test counts as people corrected it. A text that several questions share stands once,
before the first of them that was missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from academy.ai.corrections.selectors import Standing, standing_of
from academy.ai.notes.params import (
    MAX_QUESTIONS,
    BookletParams,
    Missed,
    SheetNoteParams,
    WrongNoteParams,
)
from academy.ai.pages.limits import MAX_BYTES
from academy.ai.pages.params import PURPOSES, DocumentParams, document_check
from academy.core.errors import AppError
from academy.roster.models import Student
from academy.sheets.grading import KeyItem
from academy.sheets.layout import QuestionKind
from academy.sheets.models import Exam
from academy.sheets.scoring import Score, key_of, scores_of
from academy.sheets.selectors import exam_get
from academy.uploads.services import upload_ready

Part = tuple[int, Sequence[int] | None]
"""A page and a box on it, or all of it."""
_CHOICES: Final = "①②③④⑤"


@dataclass(frozen=True)
class Taken:
    """A question, or a text that questions share (which has neither answers nor space)."""

    upload: UUID
    parts: Sequence[Part]
    number: str
    student_answer: str = ""
    correct_answer: str = ""
    note: str = ""
    shared: bool = False
    heading: bool = False
    """Whether its number stands above it, as no printed one is in the cut."""

    def to_json(self) -> dict[str, Any]:
        """As the sandbox is asked for it, without the file."""
        return {
            "parts": [[page, None if box is None else list(box)] for page, box in self.parts],
            "number": self.number, "student_answer": self.student_answer,
            "correct_answer": self.correct_answer, "note": self.note, "shared": self.shared,
            "heading": self.heading,
        }  # fmt: skip


@dataclass(frozen=True)
class Booklet:
    """What is put in, under whose name."""

    title: str
    student: str
    items: Sequence[Taken]

    @property
    def questions(self) -> int:
        """How many there are to solve."""
        return sum(not one.shared for one in self.items)

    @property
    def uploads(self) -> list[UUID]:
        """The files, each once."""
        return list(dict.fromkeys(one.upload for one in self.items))


def booklet_of(tenant_id: UUID, params: BookletParams) -> Booklet:
    """The booklet of a job, as its sources are now.

    Raises AppError: job_not_found, questions_of_no_test, notes_questions_missing,
    notes_nothing_missed, and of a sheet exam_not_found, exam_without_key, result_not_found,
    result_not_final.
    """
    if isinstance(params, SheetNoteParams):
        return _of_sheet(tenant_id, params)
    assert isinstance(params, WrongNoteParams)
    if params.test is None:
        items = [_given(one, place) for place, one in enumerate(params.questions, 1)]
        return Booklet(params.title, params.student, items)
    missed = {number: _Answers() for number in params.numbers}
    found = list(_of_test(standing_of(tenant=tenant_id, job_id=params.test), missed))
    return Booklet(params.title, params.student, found)


@dataclass(frozen=True)
class _Answers:
    student: str = ""
    correct: str = ""


def _given(one: Missed, place: int) -> Taken:
    return Taken(
        one.upload, [(one.page, one.bbox)], one.number or str(place),
        one.student_answer, one.correct_answer, one.note, heading=True,
    )  # fmt: skip


def _of_test(standing: Standing, missed: Mapping[int, _Answers]) -> Iterator[Taken]:
    """The missed questions in the order in which they are named, and the texts they need."""
    questions: dict[int, list[dict[str, Any]]] = {}
    for one in standing.questions:
        questions.setdefault(one["n"], []).append(one)
    lacking = sorted(number for number in missed if number not in questions)
    if lacking:
        raise AppError(
            "notes_questions_missing",
            job=str(standing.job.pk),
            numbers=", ".join(map(str, lacking)),
        )
    groups = [one for one in standing.items if one["last"] is not None]
    shown: set[tuple[int, int]] = set()
    for number, answers in missed.items():
        for group in groups:
            key = (group["n"], group["last"])
            if group["n"] <= number <= group["last"] and key not in shown:
                shown.add(key)
                yield Taken(standing.upload, _parts(group), f"[{key[0]}~{key[1]}]", shared=True)
        for one in questions[number]:
            yield Taken(standing.upload, _parts(one), str(number), answers.student, answers.correct)


def _parts(one: Mapping[str, Any]) -> list[Part]:
    return [(part["page"], part["bbox"]) for part in one["parts"]]


def _of_sheet(tenant_id: UUID, params: SheetNoteParams) -> Booklet:
    exam = exam_get(tenant=tenant_id, exam_id=params.exam)
    key = key_of(exam)
    score = next(iter(scores_of(exam, [params.student])), None)
    student = Student.objects.for_tenant(tenant_id).filter(pk=params.student).first()
    if score is None or student is None:
        raise AppError("result_not_found")
    if not score.is_final:
        raise AppError("result_not_final")
    missed = {
        mark.question: _answers(exam, score, mark.question, item)
        for mark, item in zip(score.graded.marks, key.items, strict=True)
        if mark.outcome in params.outcomes
    }
    if not missed:
        raise AppError("notes_nothing_missed")
    standing = standing_of(tenant=tenant_id, job_id=params.test)
    return Booklet(params.title or exam.title[:60], student.name, list(_of_test(standing, missed)))


def _answers(exam: Exam, score: Score, number: int, item: KeyItem) -> _Answers:
    numeric = exam.design.sheet.questions[number - 1].kind is QuestionKind.NUMERIC

    def told(values: Sequence[int]) -> str:
        return ", ".join(str(value) if numeric else _CHOICES[value - 1] for value in values)

    return _Answers(told(score.answers.get(number, ())) or "무응답", told(item.answers))


def booklet_check(tenant_id: UUID, params: BookletParams) -> None:
    """For KindSpec: refuse a job whose questions or uploads cannot be used.

    Together the uploads are as large as one may be. Raises AppError: what `booklet_of` and
    `document_check` do, document_too_large, notes_too_many.
    """
    booklet = booklet_of(tenant_id, params)
    if booklet.questions > MAX_QUESTIONS:
        raise AppError("notes_too_many", count=booklet.questions, limit=MAX_QUESTIONS)
    size = 0
    for upload in booklet.uploads:
        document_check(tenant_id, DocumentParams(upload=upload))
        size += upload_ready(tenant=tenant_id, upload_id=upload, purposes=PURPOSES).size
    if size > MAX_BYTES:
        raise AppError("document_too_large", size=size, limit=MAX_BYTES)


def questions_asked(tenant_id: UUID, params: BookletParams) -> int:
    """For the offer: the questions are what is paid for."""
    return booklet_of(tenant_id, params).questions
