"""Answer sheets for tests: a small design, made-up students, and pages filled as told."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.db import transaction
from PIL import Image

from academy.core import clock
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.roster.models import Student
from academy.sheets.fields import IdentifyBy
from academy.sheets.grading import AnswerKey, KeyItem
from academy.sheets.identity import Match
from academy.sheets.layout import Layout, QuestionKind, Section
from academy.sheets.models import Exam, ReadPages, Scan, SheetDesign
from academy.sheets.reading.results import Answer, Identifier, PageReading, Status
from academy.sheets.results import ReadResult
from academy.sheets.scans import pages_stored
from academy.sheets.services import exam_create
from academy.sheets.synthetic.captures import Capture, capture
from academy.sheets.synthetic.marks import Mark, Pen
from academy.sheets.synthetic.prints import print_and_fill
from academy.sheets.synthetic.streams import Stream, rng_of
from academy.sheets.synthetic.students import Filled, Placed
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from tests.support.jobs import make_job

LAYOUT = Layout(title="쪽지시험", identifier_digits=4, columns=1, sections=(Section(count=4),))
KEY = AnswerKey(items=tuple(KeyItem(answers=(n,), points=1) for n in (1, 2, 3, 4)))
_PEN = Pen(0.95, 1.1, (25, 22, 22), 0.0)
_DPI = 150

#: What a student marks: the digits (a space for none), and the choice of each question: None for
#: nothing, several for a double mark.
Sheet = tuple[str, Sequence[int | tuple[int, ...] | None]]


def design(tenant: Tenant, layout: Layout = LAYOUT) -> SheetDesign:
    """The design of the layout; the same row for the same layout."""
    known = SheetDesign.objects.for_tenant(tenant).filter(fingerprint=layout.fingerprint).first()
    return known or SheetDesign.objects.for_tenant(tenant).create(
        title="쪽지시험", layout=layout.model_dump(mode="json"), fingerprint=layout.fingerprint
    )


def exam(tenant: Tenant, *, key: AnswerKey | None = KEY) -> Exam:
    """An open examination whose sheets name students by the parent's phone."""
    return exam_create(
        tenant=tenant, by="test", design_id=design(tenant).pk, title="3월",
        identify_by=IdentifyBy.PARENT_PHONE, key=key,
    )  # fmt: skip


def student(tenant: Tenant, tail: str) -> Student:
    """A student whose parent's phone ends in these digits."""
    return Student.objects.for_tenant(tenant).create(
        name=f"김보기{tail}", parent_phone=f"0100000{tail}"
    )


def picture(sheet: Sheet, seed: int = 0, *, hard: Mapping[int, Mark] | None = None) -> Image.Image:
    """A scan of a page filled so; ``hard`` marks some questions in another way than full."""
    digits, answers = sheet
    placed = [
        Placed(f"id.{place}", int(digit), Mark.FULL)
        for place, digit in enumerate(digits) if digit != " "
    ]  # fmt: skip
    for number, given in enumerate(answers, start=1):
        values = () if given is None else given if isinstance(given, tuple) else (given,)
        mark = (hard or {}).get(number, Mark.FULL)
        placed += [Placed(f"q{number}", value, mark) for value in values]
    rng: np.random.Generator = rng_of(Stream.GATE, 900, seed)
    paper = print_and_fill(LAYOUT, 1, Filled(_PEN, tuple(placed), {}, {}), _DPI, rng)
    return Image.open(io.BytesIO(capture(paper, Capture.CLEAN_SCAN, rng))).convert("L")


def pdf(path: Path, sheets: Sequence[Sheet]) -> Path:
    """A scanner's PDF of the sheets."""
    first, *rest = [picture(sheet, seed) for seed, sheet in enumerate(sheets)]
    first.save(path, save_all=True, append_images=rest, resolution=_DPI)
    return path


def uploaded(tenant: Tenant, path: Path, **fields: Any) -> Upload:
    """A complete upload of the file."""
    upload_id = new_id()
    key = f"t/{tenant.pk}/uploads/{upload_id}/source"
    is_pdf = path.suffix == ".pdf"
    content_type = "application/pdf" if is_pdf else "image/jpeg"
    store(Bucket.AI).put_file(key, path, content_type)
    values: dict[str, Any] = {
        "id": upload_id, "bucket": "ai", "key": key, "filename": path.name,
        "size": path.stat().st_size, "content_type": content_type,
        "purpose": "pdf" if is_pdf else "image", "state": UploadState.COMPLETE,
        "completed_at": clock.now(), "expires_at": clock.now(),
    } | fields  # fmt: skip
    return Upload.objects.for_tenant(tenant).create(**values)


def ordered(tenant: Tenant, kind: str, **params: Any) -> Job:
    """A submitted job."""
    return jobs_submit(by=Submitter(tenant, "test"), orders=[Order(kind, params)])[0]


def submitted(tenant: Tenant, exam: Exam, *uploads: Upload) -> Job:
    """A `sheets.read` of the uploads."""
    return ordered(
        tenant, "sheets.read", exam=str(exam.pk), uploads=[str(upload.pk) for upload in uploads]
    )


def result_of(job: Job) -> dict[str, Any]:
    """What a `sheets.read` that succeeded says."""
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    ReadResult.model_validate(job.result)
    result: dict[str, Any] = job.result["result"]
    return result


def scan(
    exam: Exam,
    student: Student | None,
    answers: Sequence[Sequence[int]],
    *,
    doubtful: Sequence[int] = (),
    match: Match = Match.EXACT,
    error: str | None = None,
) -> Scan:
    """A page as a job that succeeded leaves it; ``doubtful`` questions have a crop."""
    tenant = exam.tenant
    upload = Upload.objects.for_tenant(tenant).create(
        bucket="ai", key=f"t/{new_id()}", filename="a.pdf", size=1, content_type="application/pdf",
        purpose="pdf", state=UploadState.COMPLETE, completed_at=clock.now(), expires_at=clock.now(),
    )  # fmt: skip
    read = [
        Answer(
            number, QuestionKind.CHOICE, tuple(values),
            Status.LOW_CONFIDENCE if number in doubtful else Status.OK,
            0.5 if number in doubtful else 0.99,
            crop=f"crop-q{number}.jpg" if number in doubtful else None,
        )
        for number, values in enumerate(answers, start=1)
    ]  # fmt: skip
    reading = PageReading(1, error=error)
    if error is None:
        digits = "????" if student is None else student.parent_phone[-4:]
        identifier = Identifier(digits, Status.OK, 0.99, (0.99,) * 4)
        reading = PageReading(
            1, exam.design.fingerprint, 1, 1, identifier, tuple(read), 4, overlay="overlay.jpg"
        )
    job = make_job(tenant, "sheets.pages", params={"exam": str(exam.pk), "parts": []}, attempt=0)
    page = {
        "upload": str(upload.pk), "reading": json.loads(json.dumps(reading.to_json())),
        "match": "" if error else match.value,
        "candidates": [] if student is None else [str(student.pk)],
    }  # fmt: skip
    ReadPages.objects.for_tenant(tenant).create(job=job, attempt=0, pages=[page])
    with transaction.atomic():
        pages_stored(job, {})
    return Scan.objects.for_tenant(tenant).get(job=job)
