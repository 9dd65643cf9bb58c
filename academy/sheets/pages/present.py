"""The queue as the review page's script reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from academy.core.errors import error_body
from academy.core.storage import Bucket, store
from academy.roster.models import Student
from academy.sheets.fields import Reason
from academy.sheets.identity import UNKNOWN
from academy.sheets.layout import Page, QuestionKind, pages_of
from academy.sheets.models import Exam, Scan
from academy.sheets.review import Decided, Progress, twins_of
from academy.sheets.scans import answers_of, doubtful, effective, marked_number, reasons

LINK_LIFETIME: Final = timedelta(hours=1)
_BORDER_MM: Final = 1.5
_IDENTIFIER = 0


def queue_body(
    exam: Exam, scans: Sequence[Scan], following: UUID | None, progress: Progress
) -> dict[str, Any]:
    """A piece of the queue."""
    return {
        "scans": scans_body(exam, scans),
        "next": None if following is None else str(following),
        "progress": {"left": progress.left, "settled": progress.settled},
    }


def decided_body(exam: Exam, decided: Decided) -> dict[str, Any]:
    """What a decision did."""
    return {
        "scans": scans_body(exam, decided.scans),
        "scores": [
            {
                "student": str(change.student),
                "before": None if change.before is None else float(change.before),
                "after": None if change.after is None else float(change.after),
            }
            for change in decided.scores
        ],
    }


def scans_body(exam: Exam, scans: Sequence[Scan]) -> list[dict[str, Any]]:
    """Pages with what is in doubt about them; pictures are links that work for an hour."""
    twins = twins_of(exam, scans)
    every = {scan.pk: scan for group in twins.values() for scan in group}
    around = _around(exam, [*scans, *every.values()])
    return [_scan(exam, scan, twins.get(scan.pk, []), around) for scan in scans]


@dataclass(frozen=True)
class _Around:
    """The students of some pages by id, and who has which page already."""

    students: dict[str, Student]
    taken: set[tuple[UUID, int]]


def pages_taken(exam: Exam, students: Iterable[Student]) -> set[tuple[UUID, int]]:
    """Which pages of the sheet are there already, of these students."""
    scans = Scan.objects.for_tenant(exam.tenant_id).filter(exam=exam, discarded=False)
    held = scans.filter(student__in=[student.pk for student in students], page__isnull=False)
    return {
        (student, page)
        for student, page in held.values_list("student_id", "page")
        if student and page
    }


def student_body(
    exam: Exam, student: Student, read: str = "", *, taken: bool = False
) -> dict[str, Any]:
    """A student as a choice: what tells two apart, and the number that would be marked.

    `taken`: another page counts as theirs already.
    """
    number = marked_number(exam, getattr(student, exam.identify_by))
    return {
        "id": str(student.pk),
        "name": student.name,
        "about": " · ".join(
            text for text in (student.school, student.grade, student.class_name) if text
        ),
        "number": number,
        "differs": _differing(number, read),
        "taken": taken,
    }


def shown_actor(by: str) -> str:
    """Who it was, for a colleague: the academy's own word where it has given one."""
    return by.partition("/")[2] or by


def _differing(number: str, read: str) -> list[int]:
    """Places at which a number is not what was read."""
    if len(number) != len(read):
        return []
    return [
        place
        for place, (a, b) in enumerate(zip(number, read, strict=True))
        if b not in {a, UNKNOWN}
    ]


def _around(exam: Exam, scans: Iterable[Scan]) -> _Around:
    wanted = {str(scan.student_id) for scan in scans if scan.student_id is not None}
    for scan in scans:
        wanted.update(scan.candidates)
    found = Student.objects.for_tenant(exam.tenant_id).in_bulk(list(wanted))
    students = {str(student.pk): student for student in found.values()}
    return _Around(students, pages_taken(exam, students.values()))


def _scan(exam: Exam, scan: Scan, twins: Sequence[Scan], around: _Around) -> dict[str, Any]:
    identifier = effective(scan)["identifier"]
    read = "" if identifier is None else identifier["digits"]
    student = None if scan.student_id is None else around.students[str(scan.student_id)]
    page = None if scan.page is None else pages_of(exam.design.sheet)[scan.page - 1]
    return {
        "id": str(scan.pk),
        "file": scan.upload.filename,
        "index": scan.index,
        "page": scan.page,
        "overlay": _link(scan, scan.reading["overlay"]),
        "shape": None if page is None else round(page.width / page.height, 4),
        "student": None if student is None else student_body(exam, student, read),
        "items": [*_items(exam, scan, twins, around)],
    }


def _items(
    exam: Exam, scan: Scan, twins: Sequence[Scan], around: _Around
) -> Iterable[dict[str, Any]]:
    found = reasons(scan)
    if Reason.UNREADABLE in found:
        error = error_body(scan.reading["error"], scan.reading["error_params"])
        yield {"what": "unreadable", "error": error}
    if scan.page is None:
        return
    page = pages_of(exam.design.sheet)[scan.page - 1]
    if Reason.IDENTITY in found:
        yield {"what": "student", **_identity(exam, scan, page, around)}
    # Of pages that claim to be the same, the first one asks for all of them.
    if Reason.DUPLICATE in found and twins and twins[0].pk == scan.pk:
        bodies = [_twin(twin, twins) for twin in twins]
        differing = sorted({number for body in bodies for number in body["differs"]})
        places = [_place(page, number) for number in differing]
        yield {"what": "duplicates", "twins": bodies, "places": places}
    if Reason.ANSWERS in found:
        wanted = set(doubtful(scan))
        for answer in effective(scan)["answers"]:
            if answer["question"] in wanted:
                yield _answer(exam, scan, page, answer)


def _identity(exam: Exam, scan: Scan, page: Page, around: _Around) -> dict[str, Any]:
    identifier = effective(scan)["identifier"] or {"digits": "", "crop": None}
    known = around.students
    candidates = [known[one] for one in scan.candidates if one in known]
    return {
        "match": scan.match,
        "digits": identifier["digits"],
        "crop": _link(scan, identifier["crop"]),
        "place": _place(page, _IDENTIFIER),
        "candidates": [
            student_body(
                exam, one, identifier["digits"], taken=(one.pk, page.number) in around.taken
            )
            for one in candidates
        ],
    }


def _answer(exam: Exam, scan: Scan, page: Page, answer: dict[str, Any]) -> dict[str, Any]:
    asked = exam.design.sheet.questions[answer["question"] - 1]
    numeric = asked.kind is QuestionKind.NUMERIC
    return {
        "what": f"answer.{answer['question']}",
        "question": answer["question"],
        "choices": 0 if numeric else asked.choices,
        "digits": asked.digits if numeric else 0,
        "read": answer["values"],
        "read_as": answer["status"],
        "confidence": round(answer["confidence"], 2),
        "crop": _link(scan, answer["crop"]),
        "place": _place(page, answer["question"]),
    }


def _twin(scan: Scan, twins: Sequence[Scan]) -> dict[str, Any]:
    """One of several pages: its picture, and how its answers differ from the first one's."""
    own, first = answers_of(scan), answers_of(twins[0])
    return {
        "id": str(scan.pk),
        "settled": scan.settled.get("student"),
        "file": scan.upload.filename,
        "index": scan.index,
        "overlay": _link(scan, scan.reading["overlay"]),
        "doubtful": len(doubtful(scan)),
        "blank": sum(not values for values in own.values()),
        "differs": sorted(number for number in own if own[number] != first.get(number)),
    }


def _place(page: Page, number: int) -> list[float] | None:
    """Where a question (0: the identifier) lies on its page, as shares: x, y, width, height."""
    boxes = [group.box for group in page.groups if group.number == number]
    if not boxes:
        return None
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right = max(box.x + box.width for box in boxes)
    bottom = max(box.y + box.height for box in boxes)
    left, top, right, bottom = (
        left - _BORDER_MM, top - _BORDER_MM, right + _BORDER_MM, bottom + _BORDER_MM,
    )  # fmt: skip
    shares = (
        left / page.width, top / page.height,
        (right - left) / page.width, (bottom - top) / page.height,
    )  # fmt: skip
    return [round(share, 4) for share in shares]


def _link(scan: Scan, name: str | None) -> str | None:
    if name is None or scan.pictures_removed_at is not None:
        return None
    seconds = int(LINK_LIFETIME.total_seconds())
    return store(Bucket.AI).presign_get(scan.prefix + name, seconds)
