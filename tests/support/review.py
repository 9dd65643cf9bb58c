"""Pages of paper in doubt, and a teacher's browser without a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.test import Client

from academy.core import clock
from academy.core.ids import new_id
from academy.roster.models import Student
from academy.sheets.fields import IdentifyBy
from academy.sheets.grading import AnswerKey, KeyItem
from academy.sheets.identity import Match
from academy.sheets.layout import Layout, QuestionKind, Section, pages_of
from academy.sheets.models import Exam, ReadPages, Scan, SheetDesign
from academy.sheets.reading.results import Answer, Identifier, PageReading, Status
from academy.sheets.scans import pages_stored
from academy.sheets.services import exam_create
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from tests.support.jobs import make_job
from tests.support.rest import key_client

#: Two pages: four choices and a number on the first, two choices on the second.
LAYOUT = Layout(
    title="두 쪽", identifier_digits=4, columns=2, rows=4,
    sections=(
        Section(count=4), Section(kind=QuestionKind.NUMERIC, count=1, digits=3), Section(count=2),
    ),
)  # fmt: skip
RIGHT: dict[int, list[int]] = {1: [1], 2: [2], 3: [3], 4: [4], 5: [12], 6: [1], 7: [2]}
KEY = AnswerKey(items=tuple(KeyItem(answers=tuple(RIGHT[n]), points=10) for n in RIGHT))


def exam(tenant: Tenant, *, key: AnswerKey | None = KEY, title: str = "3월 모의고사") -> Exam:
    """An open examination of two pages, by the parent's phone."""
    designs = SheetDesign.objects.for_tenant(tenant)
    design = designs.filter(fingerprint=LAYOUT.fingerprint).first() or designs.create(
        title="두 쪽", layout=LAYOUT.model_dump(mode="json"), fingerprint=LAYOUT.fingerprint
    )
    return exam_create(
        tenant=tenant, by="test", design_id=design.pk, title=title,
        identify_by=IdentifyBy.PARENT_PHONE, key=key,
    )  # fmt: skip


def paper(
    exam: Exam,
    student: Student | None,
    *,
    page: int = 1,
    answers: Mapping[int, Sequence[int]] | None = None,
    doubtful: Mapping[int, Status] | None = None,
    match: Match = Match.EXACT,
    candidates: Sequence[Student] | None = None,
    digits: str | None = None,
    error: str | None = None,
) -> Scan:
    """A page as a job that succeeded leaves it, with all answers right but those named."""
    given, unsure = {**RIGHT, **(answers or {})}, doubtful or {}
    asked = [
        question
        for run in LAYOUT.column_runs[2 * (page - 1) : 2 * page]
        for question in run
    ]  # fmt: skip
    read = [
        Answer(
            question.number, question.kind, tuple(given[question.number]),
            unsure.get(question.number, Status.OK),
            0.5 if question.number in unsure else 0.99,
            crop=f"crop-q{question.number}.jpg" if question.number in unsure else None,
        )
        for question in asked
    ]  # fmt: skip
    digits = digits or ("????" if student is None else student.parent_phone[-4:])
    status = Status.LOW_CONFIDENCE if "?" in digits else Status.OK
    reading = (
        PageReading(1, error=error)
        if error
        else PageReading(
            1, exam.design.fingerprint, page, len(pages_of(LAYOUT)),
            Identifier(digits, status, 0.9, (0.9,) * 4), tuple(read), 4, overlay="overlay.jpg",
        )
    )  # fmt: skip
    found = candidates if candidates is not None else [student] if student else []
    return stored(exam, reading, match, found)


def stored(
    exam: Exam, reading: PageReading, match: Match, candidates: Sequence[Student], index: int = 1
) -> Scan:
    """A reading as a scan."""
    tenant = exam.tenant
    upload = Upload.objects.for_tenant(tenant).create(
        bucket="ai", key=f"t/{new_id()}", filename="3월.pdf", size=1, purpose="pdf",
        content_type="application/pdf", state=UploadState.COMPLETE, completed_at=clock.now(),
        expires_at=clock.now(),
    )  # fmt: skip
    job = make_job(tenant, "sheets.pages", params={"exam": str(exam.pk), "parts": []}, attempt=0)
    page = {
        "upload": str(upload.pk), "reading": json.loads(json.dumps(reading.to_json())),
        "match": "" if reading.error else match.value,
        "candidates": [str(student.pk) for student in candidates],
    }  # fmt: skip
    ReadPages.objects.for_tenant(tenant).create(job=job, attempt=0, pages=[page])
    with transaction.atomic():
        pages_stored(job, {})
    return Scan.objects.for_tenant(tenant).get(job=job)


class Teacher:
    """Opens an examination's link, as a browser does."""

    def __init__(
        self, exam: Exam, *, kind: str = "review-link", scopes: Sequence[str] = (), **body: Any
    ) -> None:
        answer = key_client(exam.tenant, *scopes).post(
            f"/api/v1/exams/{exam.pk}/{kind}", body, format="json"
        )
        assert answer.status_code == 200, answer.content
        parts = urlsplit(answer.json()["url"])
        self.root = f"/desk/exam/{exam.pk}"
        self.browser = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
        opened = self.browser.get(f"{parts.path}?{parts.query}")
        assert opened.status_code == 303, opened.content
        self.landed = opened["Location"]
        self.html = self.browser.get(self.landed).content.decode()
        found = re.search(r'name="csrf-token" content="(\w+)"', self.html)
        assert found is not None
        self._headers = {"X-CSRFToken": found[1]}

    def get(self, path: str = "") -> Any:
        return self.browser.get(self.root + path)

    def post(self, path: str, **body: Any) -> Any:
        return self.browser.post(
            self.root + path, body, content_type="application/json", headers=self._headers
        )

    def queue(self, after: str = "") -> dict[str, Any]:
        answer = self.get(f"/review/queue{after and f'?after={after}'}")
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def items(self) -> list[tuple[str, str]]:
        """Every open item, piece by piece: its page and what is in doubt."""
        found, after = [], ""
        while True:
            piece = self.queue(after)
            found += [
                (scan["id"], item["what"]) for scan in piece["scans"] for item in scan["items"]
            ]
            if piece["next"] is None:
                return found
            after = piece["next"]

    def settle(self, scan: Scan, *, seen: dict[str, Any], **body: Any) -> Any:
        return self.post(f"/review/scans/{scan.pk}", seen=seen, **body)
