"""Designs, examinations and scans as the JSON that clients see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.urls import reverse

from academy.core import clock
from academy.core.errors import error_body
from academy.core.http.values import instant, reference
from academy.core.storage import Bucket, store
from academy.roster.models import Student
from academy.sheets import scans, selectors
from academy.sheets.grading import AnswerKey
from academy.sheets.models import Change, Exam, Scan, SheetDesign, readings_of
from academy.sheets.publication import StudentResult
from academy.sheets.scoring import Score, key_of, scores_of, statistics_of

LINK_LIFETIME: Final = timedelta(hours=1)


def design_body(design: SheetDesign) -> dict[str, Any]:
    """A design."""
    layout = design.sheet
    pages = range(1, layout.page_count + 1)
    return {
        "id": str(design.pk),
        "title": design.title,
        "fingerprint": design.fingerprint,
        "questions": len(layout.questions),
        "pages": [reverse("sheets:preview", args=[design.pk, page]) for page in pages],
        "layout": layout.model_dump(mode="json"),
        "created_at": instant(design.created_at),
    }


def exam_body(exam: Exam) -> dict[str, Any]:
    """An examination as lists show it."""
    key = exam.answer_key
    return {
        "id": str(exam.pk),
        "title": exam.title,
        "design": str(exam.design_id),
        "identify_by": exam.identify_by,
        "state": exam.state,
        "has_key": key is not None,
        "points": None if key is None else float(key.points),
        "published_at": instant(exam.published_at),
        "created_at": instant(exam.created_at),
        "updated_at": instant(exam.updated_at),
    }


def exam_detail(exam: Exam) -> dict[str, Any]:
    """An examination with the state of its pages."""
    found = selectors.scans_list(tenant=exam.tenant_id, exam=exam)
    return {**exam_body(exam), "scans": selectors.scan_counts(found)}


def key_body(key: AnswerKey) -> dict[str, Any]:
    """A key."""
    items = [
        {
            "question": number,
            "answers": list(item.answers),
            "points": float(item.points),
            "rule": item.rule.value,
            "partial": {str(answer): float(points) for answer, points in item.partial.items()},
        }
        for number, item in enumerate(key.items, start=1)
    ]
    return {"points": float(key.points), "items": items}


def scores_body(exam: Exam) -> dict[str, Any]:
    """All scores and the statistics. Raises AppError exam_without_key."""
    scores = scores_of(exam)
    students = Student.objects.for_tenant(exam.tenant_id)
    names = dict(
        students.filter(pk__in=[score.student for score in scores]).values_list("pk", "name")
    )
    statistics = statistics_of(exam, scores)
    return {
        "points": float(key_of(exam).points),
        "items": [_score(score, names[score.student]) for score in scores],
        "statistics": None if statistics is None else _listed(asdict(statistics)),
    }


def result_body(result: StudentResult) -> dict[str, Any]:
    """One student's published result."""
    return {
        "exam": {"id": str(result.exam.pk), "title": result.exam.title},
        "student": {"id": str(result.student.pk), "name": result.student.name},
        "points": float(result.score.points),
        "of": float(result.of),
        "right": result.score.graded.right,
        "rank": result.rank,
        "students": len(result.overview.points),
        "mean": round(float(result.overview.mean), 2),
        "published_at": instant(result.exam.published_at),
        "marks": [
            {
                "question": line.mark.question,
                "values": list(line.given),
                "graded": line.mark.outcome.value,
                "points": float(line.mark.points),
                "of": float(line.key.points),
                "answers": list(line.key.answers),
                "difficulty": line.difficulty,
            }
            for line in result.lines
        ],
    }


def _score(score: Score, name: str) -> dict[str, Any]:
    return {
        "student": str(score.student),
        "name": name,
        "points": float(score.points),
        "right": score.graded.right,
        "needs_review": score.needs_review,
        "missing_pages": list(score.missing_pages),
        "scans": [str(scan) for scan in score.scans],
        "marks": [
            {
                "question": mark.question,
                "values": list(score.answers.get(mark.question, ())),
                "graded": mark.outcome.value,
                "points": float(mark.points),
            }
            for mark in score.graded.marks
        ],
    }


def _listed(value: Any) -> Any:
    """The same with lists for tuples, as JSON has it."""
    if isinstance(value, dict):
        return {name: _listed(inner) for name, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, list | tuple) else value


def scan_body(scan: Scan) -> dict[str, Any]:
    """A page as lists show it."""
    code = scan.reading["error"]
    return {
        "id": str(scan.pk),
        "exam": str(scan.exam_id),
        "upload": str(scan.upload_id),
        "index": scan.index,
        "page": scan.page,
        "match": scan.match or None,
        "student": reference(scan.student_id),
        "candidates": scan.candidates,
        "needs_review": scan.needs_review,
        "reasons": [reason.value for reason in scans.reasons(scan)],
        "doubtful": scans.doubtful(scan),
        "duplicate": scan.duplicate,
        "discarded": scan.discarded,
        "error": None if code is None else error_body(code, scan.reading["error_params"]),
        "created_at": instant(scan.created_at),
        "updated_at": instant(scan.updated_at),
    }


def scan_detail(scan: Scan, changes: Sequence[Change]) -> dict[str, Any]:
    """A page with everything that was read of it; links to its pictures are signed now."""
    settled = scan.settled.get("answers", {})
    identifier = scan.reading["identifier"]
    counts = scans.effective(scan)
    again = {answer["question"]: answer for answer in counts["answers"]}
    return {
        **scan_body(scan),
        "identifier": identifier
        and {
            "digits": identifier["digits"],
            "read_as": identifier["status"],
            "confidence": identifier["confidence"],
            "crop": _link(scan, identifier["crop"]),
            "reviewed": _reviewed(counts["identifier"], "digits"),
        },
        "answers": [
            {
                "question": answer["question"],
                "question_kind": answer["kind"],
                "values": answer["values"],
                "read_as": answer["status"],
                "confidence": answer["confidence"],
                "settled": settled.get(str(answer["question"])),
                "crop": _link(scan, answer["crop"]),
                "reviewed": _reviewed(again[answer["question"]], "values"),
            }
            for answer in readings_of(scan)
        ],
        "reviews": [
            {name: review[name] for name in ("job", "engine", "model", "device")}
            for review in scan.reviews
        ],
        "pictures_removed_at": instant(scan.pictures_removed_at),
        "overlay": _link(scan, scan.reading["overlay"]),
        "links_expire_at": instant(clock.now() + LINK_LIFETIME),
        "changes": [
            {
                "what": change.what,
                "before": change.before,
                "after": change.after,
                "by": change.by,
                "at": instant(change.created_at),
            }
            for change in changes
        ],
    }


def _reviewed(row: dict[str, Any], what: str) -> dict[str, Any] | None:
    """What a later engine was certain of in a row, and which job said so."""
    job = row.get("reviewed_by")
    if job is None:
        return None
    return {
        what: row[what], "read_as": row["status"], "confidence": row["confidence"], "job": job,
    }  # fmt: skip


def _link(scan: Scan, name: str | None) -> str | None:
    if name is None or scan.pictures_removed_at is not None:
        return None
    seconds = int(LINK_LIFETIME.total_seconds())
    return store(Bucket.AI).presign_get(scan.prefix + name, seconds)
