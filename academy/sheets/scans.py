"""Pages that were read become scans: whose each one is, and whether a person has to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from academy.core import clock
from academy.jobs.context import output_prefix
from academy.jobs.models import Job
from academy.roster.fields import Enrolment
from academy.roster.models import Student
from academy.roster.selectors import student_numbers
from academy.sheets import identity
from academy.sheets.fields import IdentifyBy, Reason
from academy.sheets.identity import Match
from academy.sheets.models import Exam, ReadPages, Scan
from academy.sheets.reading.results import Status

CERTAIN: Final = frozenset({Status.OK.value, Status.BLANK.value, Status.MULTI.value})
"""Of an answer that nobody has to look at."""


def roster_of(exam: Exam) -> identity.Roster:
    """The academy's present students by the number that the examination asks for."""
    digits = exam.design.sheet.identifier_digits
    students = Student.objects.for_tenant(exam.tenant_id).filter(removed_at__isnull=True)
    students = students.exclude(state=Enrolment.LEFT.value)
    numbers = {
        str(student): marked_number(exam, number)
        for student, number in student_numbers(students, IdentifyBy(exam.identify_by).value)
    }
    return identity.Roster(numbers, digits)


def marked_number(exam: Exam, number: str) -> str:
    """What a student with this number marks: its last digits, with zeros before a short one."""
    digits = exam.design.sheet.identifier_digits
    tail = "".join(sign for sign in number if sign.isascii() and sign.isdigit())
    if exam.identify_by == IdentifyBy.NUMBER and tail:
        tail = tail.zfill(digits)
    return tail[-digits:]


def identified(roster: identity.Roster, page: Mapping[str, Any]) -> dict[str, Any]:
    """The match of a page and its candidates; nothing of a page that could not be read."""
    if page["error"] is not None or page["identifier"] is None:
        return {"match": "", "candidates": []}
    found = roster.identify(page["identifier"]["digits"])
    return {"match": found.match.value, "candidates": list(found.candidates)}


def pages_stored(job: Job, _result: dict[str, Any]) -> None:
    """Make scans of what the attempt read; called inside the job's last transaction.

    A page of a file is one scan of an examination, however often it was read.
    """
    draft = ReadPages.objects.for_tenant(job.tenant_id).get(job=job, attempt=job.attempt)
    exam = exam_locked(job.tenant_id, UUID(job.params["exam"]))
    prefix = output_prefix(job.tenant_id, job.pk, job.attempt)
    scans = []
    for page in draft.pages:
        scan = Scan(
            tenant_id=job.tenant_id, exam=exam, job=job, upload_id=UUID(page["upload"]),
            index=page["reading"]["index"], page=page["reading"]["page"], reading=page["reading"],
            match=page["match"], candidates=page["candidates"], prefix=prefix,
        )  # fmt: skip
        judge(scan)
        scans.append(scan)
    Scan.objects.for_tenant(job.tenant_id).bulk_create(scans, ignore_conflicts=True)
    flag_duplicates(exam)
    pages_dropped(job)


def pages_dropped(job: Job) -> None:
    """Forget what the attempts of a job that ended had read."""
    ReadPages.objects.for_tenant(job.tenant_id).filter(job=job).delete()


def sweep(limit: int = 1_000) -> int:
    """Forget what an attempt stored that had lost its job before; returns how many."""
    late = ReadPages.unscoped.filter(job__finished_at__isnull=False)
    keys = list(late.values_list("pk", flat=True)[:limit])
    return ReadPages.unscoped.filter(pk__in=keys).delete()[0]


def reviewed(job: Job, _result: dict[str, Any]) -> None:
    """Add a second engine's word to its scans, in the job's last transaction.

    What was read first and what people settled stays; see `effective` for what counts.
    """
    draft = ReadPages.objects.for_tenant(job.tenant_id).get(job=job, attempt=job.attempt)
    exam = exam_locked(job.tenant_id, UUID(job.params["exam"]))
    roster = roster_of(exam)
    scans = Scan.objects.for_tenant(job.tenant_id).filter(exam=exam)
    words = {page["scan"]: page["review"] for page in draft.pages}
    # The part of the flow is nobody's business: the review is what people know.
    asked = str(job.parent_id or job.pk)
    changed = []
    for scan in scans.filter(pk__in=list(words)):
        scan.reviews = [*scan.reviews, {"job": asked, **words[str(scan.pk)]}]
        for name, value in identified(roster, effective(scan)).items():
            setattr(scan, name, value)
        judge(scan)
        scan.updated_at = clock.now()
        changed.append(scan)
    fields = ["reviews", "match", "candidates", "student", "needs_review", "updated_at"]
    Scan.unscoped.bulk_update(changed, fields, batch_size=200)
    flag_duplicates(exam)
    pages_dropped(job)


def effective(scan: Scan) -> dict[str, Any]:
    """The reading as it counts: the first, with what later engines were certain of in its place.

    An answer says in ``reviewed_by`` which job read it, where that was not the first reading.
    """
    reading: dict[str, Any] = scan.reading
    for review in scan.reviews:
        said = {
            answer["question"]: answer
            for answer in review["answers"] if answer["status"] in CERTAIN
        }  # fmt: skip
        answers = [
            answer | said[answer["question"]] | {"reviewed_by": review["job"]}
            if answer["question"] in said else answer
            for answer in reading["answers"]
        ]  # fmt: skip
        reading = {**reading, "answers": answers}
        identifier = review["identifier"]
        if identifier is not None and identifier["status"] == Status.OK:
            told = {"reviewed_by": review["job"]}
            reading["identifier"] = {**(reading["identifier"] or {}), **identifier, **told}
    return reading


@dataclass(frozen=True)
class Rows:
    """Rows of a page that nobody has settled: questions, and whether the student's number."""

    questions: tuple[int, ...]
    identifier: bool

    def __bool__(self) -> bool:
        return bool(self.questions) or self.identifier

    def to_json(self) -> dict[str, Any]:
        """As parameters of a job."""
        return {"questions": list(self.questions), "identifier": self.identifier}


def rows_left(scan: Scan) -> Rows:
    """What a better engine could read again: doubtful, and not seen by one before."""
    if scan.reviews or scan.discarded or scan.page is None or scan.pictures_removed_at:
        return Rows((), identifier=False)
    identifier = scan.reading["identifier"]
    unknown = (
        scan.student_id is None
        and identifier is not None
        and identifier["status"] not in {Status.OK, Status.BLANK}
    )
    return Rows(tuple(doubtful(scan)), identifier=unknown)


def exam_locked(tenant_id: UUID, exam_id: UUID) -> Exam:
    """The examination, while nobody else changes which scans are whose."""
    exams = Exam.objects.for_tenant(tenant_id).select_related("design")
    return exams.select_for_update(of=("self",)).get(pk=exam_id)


def judge(scan: Scan) -> None:
    """Work out whose the scan is, and whether a person has to look; saves nothing."""
    settled = scan.settled.get("student")
    if settled is None and scan.match == Match.EXACT:
        settled = scan.candidates[0]
    scan.student_id = None if settled is None else UUID(settled)
    scan.needs_review = bool(reasons(scan))


def reasons(scan: Scan) -> list[Reason]:
    """Why a person has to look; nothing where that is over."""
    if scan.discarded:
        return []
    if scan.reading["error"] is not None:
        return [Reason.UNREADABLE]
    found = []
    if scan.student_id is None:
        found.append(Reason.IDENTITY)
    if doubtful(scan):
        found.append(Reason.ANSWERS)
    if scan.duplicate:
        found.append(Reason.DUPLICATE)
    return found


def doubtful(scan: Scan) -> list[int]:
    """Questions that nobody has settled and that are not certain."""
    settled = scan.settled.get("answers", {})
    return [
        answer["question"]
        for answer in effective(scan)["answers"]
        if answer["status"] not in CERTAIN and str(answer["question"]) not in settled
    ]


def answers_of(scan: Scan) -> dict[int, tuple[int, ...]]:
    """What counts for each question of the page: what was settled, else what was read."""
    read = {answer["question"]: tuple(answer["values"]) for answer in effective(scan)["answers"]}
    settled: Mapping[str, Sequence[int]] = scan.settled.get("answers", {})
    return read | {int(question): tuple(values) for question, values in settled.items()}


def flag_duplicates(exam: Exam) -> None:
    """Flag the scans that claim the same page of the same student, and unflag the others."""
    scans = Scan.objects.for_tenant(exam.tenant_id).filter(exam=exam)
    claims = scans.filter(discarded=False, student__isnull=False)
    doubled = {
        scan
        for found in identity.duplicates(
            (str(scan), str(student), page)
            for scan, student, page in claims.values_list("pk", "student_id", "page")
            if page is not None
        ).values()
        for scan in found
    }
    wrong = scans.filter(Q(pk__in=doubled, duplicate=False) | Q(duplicate=True))
    changed = []
    for scan in wrong:
        duplicate = str(scan.pk) in doubled
        if scan.duplicate is not duplicate:
            scan.duplicate = duplicate
            scan.updated_at = clock.now()
            judge(scan)
            changed.append(scan)
    fields = ["duplicate", "needs_review", "updated_at"]
    Scan.unscoped.bulk_update(changed, fields, batch_size=500)
