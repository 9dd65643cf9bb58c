"""From a paper to a student's wrong notes: divided, corrected, answered, graded, and put together.

``NOTES_PDF=file`` keeps the wrong notes that the first test makes.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from academy.ai.notes.results import WrongNoteResult
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.documents import paper
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.roster.models import Student
from academy.sheets.models import Exam
from academy.tenants.models import Tenant
from tests.support import answer_sheets as made
from tests.support.documents import uploaded
from tests.support.jobs import drain, make_tenant, run
from tests.support.rest import error_of, key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
GROUP = "[3~4] 다음 글을 읽고 물음에 답하시오."


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def printed(path: Path) -> Path:
    """A page of four questions in two columns, of which the last two share a text."""
    paper.register_font()
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    canvas.setFont(paper.FONT, 11)
    tops = {1: (50, 760), 2: (50, 420), 3: (320, 640), 4: (320, 340)}
    for number, (left, top) in tops.items():
        canvas.drawString(left, top, f"{number}. 문항표식{number}의 값으로 옳은 것은?")
        canvas.rect(left + 15, top - 110, 90 + 10 * number, 80)
        canvas.drawString(left + 15, top - 140, "① 1    ② 2    ③ 3    ④ 4    ⑤ 5")
    canvas.drawString(320, 760, GROUP)
    canvas.drawString(320, 735, "공통지문표식은 두 문제가 함께 쓴다.")
    canvas.save()
    return path


def done(job: Job) -> Job:
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, (job.kind, job.error_code, job.error_params)
    return job


@pytest.fixture
def test_paper(tenant: Tenant, tmp_path: Path) -> Job:
    """The paper, divided."""
    upload = uploaded(tenant, printed(tmp_path / "paper.pdf"))
    job = made.ordered(tenant, "ai.question_segmentation", upload=str(upload.pk))
    run(job)
    return done(job)


def text_of(job: Job, folder: Path) -> str:
    (artifact,) = job.artifacts
    path = folder / "notes.pdf"
    store(Bucket.AI).get_file(artifact["key"], path)
    with pypdfium2.PdfDocument(path) as document:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)


def correct(tenant: Tenant, job: Job) -> None:
    """A teacher cuts question 2 off below its figure, and has question 4 begin a line lower."""
    address = f"/api/v1/ai/questions/{job.pk}"
    api = key_client(tenant)
    now = api.get(address).json()
    items: list[dict[str, Any]] = [
        {"n": one["n"], "last": one["last"], "parts": one["parts"]} for one in now["questions"]
    ]
    assert [(one["n"], one["last"]) for one in items] == [(1, None), (2, None), (3, 4), (3, None),
                                                          (4, None)]  # fmt: skip
    left, top, right, _ = items[1]["parts"][0]["bbox"]
    # The choices, 140 points below, are 390 pixels away.
    items[1]["parts"] = [{"page": 1, "bbox": [left, top, right, top + 345]}]
    answer = api.put(address, {"revision": 0, "questions": items}, format="json")
    assert answer.status_code == 200, answer.content


def graded(tenant: Tenant, folder: Path) -> tuple[Exam, Student, Student]:
    """An examination whose key is 1 2 3 4: one student missed 2 and 4, the other nothing."""
    exam = made.exam(tenant)
    weak, strong = made.student(tenant, "1234"), made.student(tenant, "5678")
    box = made.pdf(folder / "box.pdf", [("1234", [1, 3, 3, None]), ("5678", [1, 2, 3, 4])])
    job = made.submitted(tenant, exam, made.uploaded(tenant, box))
    drain("ai-basic")
    done(job)
    return exam, weak, strong


def test_a_students_wrong_notes_come_from_the_graded_sheet_and_the_corrected_test(
    tenant: Tenant, test_paper: Job, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    correct(tenant, test_paper)
    exam, weak, strong = graded(tenant, tmp_path)
    wanted = {"exam": str(exam.pk), "student": str(weak.pk), "test": str(test_paper.pk)}
    priced = key_client(tenant).post(
        "/api/v1/ai/estimate", {"kind": "sheets.wrong_note_pdf", "params": wanted}, format="json"
    )
    assert (priced.json()["units"], priced.json()["price"]) == (2, 2)
    job = made.ordered(tenant, "sheets.wrong_note_pdf", **wanted)
    run(job)
    WrongNoteResult.model_validate(done(job).result)
    assert job.result is not None
    result = job.result["result"]
    assert (result["questions"], result["as_text"]) == (2, 2)
    text = text_of(job, tmp_path)
    if keep := os.environ.get("NOTES_PDF"):
        shutil.copy(tmp_path / "notes.pdf", keep)
    assert [text.count(f"문항표식{n}") for n in (1, 2, 3, 4)] == [0, 1, 0, 1]
    assert text.count("공통지문표식") == 1
    assert "[3~4]" not in text.replace(GROUP, "")
    # Of question 4 alone: the corrected box of question 2 ends above its choices.
    assert text.count("① 1") == 1
    assert "2. ② (내 답: ③)" in " ".join(text.split())
    assert "4. ④ (내 답: 무응답)" in " ".join(text.split())
    assert weak.name in text
    assert weak.name not in str(job.result) + str(job.params) + caplog.text
    with pytest.raises(AppError) as caught:
        made.ordered(tenant, "sheets.wrong_note_pdf", **{**wanted, "student": str(strong.pk)})
    assert caught.value.code == "notes_nothing_missed"


def test_named_questions_are_taken_as_they_count_now(
    tenant: Tenant, test_paper: Job, tmp_path: Path
) -> None:
    def noted(*numbers: int) -> Job:
        job = made.ordered(
            tenant, "ai.wrong_note_pdf", test=str(test_paper.pk), numbers=list(numbers)
        )
        run(job)
        return done(job)

    assert text_of(noted(2, 1), tmp_path).count("① 1") == 2
    correct(tenant, test_paper)
    text = text_of(noted(4, 2, 3), tmp_path)
    assert [text.index(f"문항표식{n}") for n in (4, 2, 3)] == sorted(
        text.index(f"문항표식{n}") for n in (2, 3, 4)
    )
    assert text.count("공통지문표식") == 1
    assert text.count("① 1") == 2
    with pytest.raises(AppError) as caught:
        noted(9, 1)
    assert (caught.value.code, caught.value.params["numbers"]) == ("notes_questions_missing", "9")


def test_what_is_not_sure_or_not_yours_makes_no_wrong_notes(
    tenant: Tenant, test_paper: Job
) -> None:
    exam = made.exam(tenant)
    unsure, absent = made.student(tenant, "1234"), made.student(tenant, "9999")
    made.scan(exam, unsure, [[1], [2], [4], []], doubtful=[3])

    def refused(client: Any, status: int, **params: Any) -> str:
        wanted = {"exam": str(exam.pk), "student": str(unsure.pk), "test": str(test_paper.pk)}
        body = {"kind": "sheets.wrong_note_pdf", "params": wanted | params}
        answer = client.post("/api/v1/jobs", body, format="json")
        code: str = error_of(answer, status)["code"]
        return code

    api = key_client(tenant)
    assert refused(api, 409) == "result_not_final"
    assert refused(api, 404, student=str(absent.pk)) == "result_not_found"
    assert refused(api, 400, outcomes=["right"]) == "params_invalid"
    assert refused(key_client(make_tenant()), 404) == "exam_not_found"
    without = key_client(tenant, "jobs:read", "jobs:write")
    assert refused(without, 403) == "scope_missing"
    final = made.student(tenant, "5678")
    made.scan(exam, final, [[1], [2], [4], [4]])
    assert refused(api, 404, student=str(final.pk), test=str(exam.pk)) == "job_not_found"
