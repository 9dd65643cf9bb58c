"""Answer sheets are made, read by many hands and graded: each page once, whoever died between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pypdfium2
import pytest
from PIL import Image

from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job
from academy.jobs.replay import job_replay
from academy.jobs.states import JobState
from academy.jobs.submit import Submitter
from academy.sheets import scans, scoring
from academy.sheets.fields import ExamState
from academy.sheets.handlers import pages, reading
from academy.sheets.layout import Layout, Section
from academy.sheets.models import Exam, ReadPages, Scan
from academy.sheets.results import MakeResult, PagesResult, SheetExportResult
from academy.sheets.services import exam_edit, scan_settle
from academy.tenants.models import Tenant
from tests.support import answer_sheets as made
from tests.support.jobs import drain, let_wait_pass, make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
RIGHT = [1, 2, 3, 4]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def scans_of(exam: Exam) -> list[Scan]:
    return list(Scan.objects.for_tenant(exam.tenant_id).filter(exam=exam).order_by("index"))


def test_files_of_sheets_become_scores_and_no_job_knows_a_number(
    tenant: Tenant, tmp_path: Path
) -> None:
    exam = made.exam(tenant)
    students = [made.student(tenant, tail) for tail in ("1234", "5678", "9012")]
    box = made.pdf(tmp_path / "box.pdf", [("1234", RIGHT), ("5678", [1, 1, None, (3, 4)])])
    photo = tmp_path / "photo.jpg"
    made.picture(("9012", [1, 2, 3, 5]), 7).save(photo)
    job = made.submitted(tenant, exam, *(made.uploaded(tenant, path) for path in (box, photo)))
    drain("ai-basic")
    job.refresh_from_db()
    assert made.result_of(job) == {
        "exam": str(exam.pk), "pages": 3, "readable": 3, "unreadable": 0, "identified": 3,
        "needs_review": 0, "duplicates": 0, "review": None,
    }  # fmt: skip
    scores = scoring.scores_of(exam)
    assert [(score.student, score.points) for score in scores] == [
        (students[0].pk, 4), (students[2].pk, 3), (students[1].pk, 1),
    ]  # fmt: skip
    assert [mark.outcome for mark in scores[2].graded.marks] == ["right", "wrong", "blank", "wrong"]
    (child,) = Job.objects.for_tenant(tenant).filter(kind="sheets.pages")
    PagesResult.model_validate(child.result)
    assert "digits" not in str([child.result, child.params, child.checkpoint, job.result])
    assert not ReadPages.objects.for_tenant(tenant).exists()
    for scan in scans_of(exam):
        assert store(Bucket.AI).head(scan.prefix + scan.reading["overlay"]) is not None


def test_a_sheet_counts_for_a_student_only_where_the_number_leaves_no_doubt(
    tenant: Tenant, tmp_path: Path
) -> None:
    exam = made.exam(tenant)
    tails = ("1234", "5678", "5679", "9012")
    students = {tail: str(made.student(tenant, tail).pk) for tail in tails}
    read = ("1234", "5678", "9013", "4444", "90 2")
    path = made.pdf(tmp_path / "box.pdf", [(digits, RIGHT) for digits in read])
    job = made.submitted(tenant, exam, made.uploaded(tenant, path))
    drain("ai-basic")
    job.refresh_from_db()
    assert (made.result_of(job)["identified"], made.result_of(job)["needs_review"]) == (1, 4)
    found = scans_of(exam)
    assert [scan.match for scan in found] == [
        "exact", "exact_with_competitor", "fuzzy", "no_match", "incomplete",
    ]  # fmt: skip
    assert [str(scan.student_id) for scan in found if scan.student_id] == [students["1234"]]
    assert [scan.candidates[:1] for scan in found] == [
        [students["1234"]], [students["5678"]], [students["9012"]], [], [students["9012"]],
    ]  # fmt: skip
    crop = found[4].reading["identifier"]["crop"]
    assert store(Bucket.AI).head(found[4].prefix + crop) is not None


def test_a_page_is_read_once_however_often_it_is_asked_for(tenant: Tenant, tmp_path: Path) -> None:
    exam = made.exam(tenant)
    student = made.student(tenant, "1234")
    upload = made.uploaded(tenant, made.pdf(tmp_path / "box.pdf", [("1234", RIGHT)]))
    made.submitted(tenant, exam, upload)
    drain("ai-basic")
    (child,) = Job.objects.for_tenant(tenant).filter(kind="sheets.pages")
    (scan,) = scans_of(exam)
    scan_settle(tenant=tenant, by="test", scan_id=scan.pk, answers={1: [2]})
    run(child, version=child.version)
    again = made.submitted(tenant, exam, upload)
    drain("ai-basic")
    again.refresh_from_db()
    assert made.result_of(again)["pages"] == 1
    assert Job.objects.for_tenant(tenant).filter(kind="sheets.pages").count() == 1
    (after,) = scans_of(exam)
    assert (after.pk, after.settled) == (scan.pk, {"answers": {"1": [2]}})
    assert [(one.student, one.points) for one in scoring.scores_of(exam)] == [(student.pk, 3)]


def test_a_cancelled_reading_goes_on_with_the_pages_that_are_left(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGES_PER_CHILD", 1)
    exam = made.exam(tenant)
    path = made.pdf(tmp_path / "box.pdf", [(tail, RIGHT) for tail in ("1111", "2222", "3333")])
    job = made.submitted(tenant, exam, made.uploaded(tenant, path))
    run(job)
    children = list(Job.objects.for_tenant(tenant).filter(parent=job).order_by("child_key"))
    assert len(children) == 3
    run(children[0])
    job_cancel(tenant=tenant, job_id=job.pk)
    assert [scan.index for scan in scans_of(exam)] == [1]
    again = job_replay(by=Submitter(tenant, "test"), job_id=job.pk)
    run(again)
    left = Job.objects.for_tenant(tenant).filter(parent=again).order_by("child_key")
    assert [child.params["parts"][0]["first"] for child in left] == [2, 3]
    drain("ai-basic")
    again.refresh_from_db()
    assert made.result_of(again)["pages"] == 3
    assert [scan.index for scan in scans_of(exam)] == [1, 2, 3]


def test_an_attempt_that_dies_after_reading_leaves_no_scan(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = made.exam(tenant)
    path = made.pdf(tmp_path / "box.pdf", [("1111", RIGHT)])
    job = made.submitted(tenant, exam, made.uploaded(tenant, path))
    run(job)
    (child,) = Job.objects.for_tenant(tenant).filter(parent=job)

    def dying(_name: str) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(pages, "crash_point", dying)
        run(child)
    assert child.state == JobState.RETRY_WAIT
    assert scans_of(exam) == []
    let_wait_pass(child)
    Job.unscoped.filter(pk=child.pk).update(state="queued")
    run(child)
    assert child.state == JobState.SUCCEEDED
    (scan,) = scans_of(exam)
    assert f"/a{child.attempt}/" in scan.prefix
    drafts = ReadPages.objects.for_tenant(tenant)
    assert not drafts.exists()
    # An attempt that had lost its lease may still come with what it read.
    drafts.create(job=child, attempt=99, pages=[])
    scans.sweep()
    assert not drafts.exists()


def test_a_page_without_a_sheet_waits_for_a_person_and_stops_nobody(
    tenant: Tenant, tmp_path: Path
) -> None:
    exam = made.exam(tenant)
    made.student(tenant, "1234")
    sheet = made.picture(("1234", RIGHT))
    path = tmp_path / "box.pdf"
    Image.new("L", sheet.size, 255).save(path, save_all=True, append_images=[sheet], resolution=150)
    job = made.submitted(tenant, exam, made.uploaded(tenant, path))
    drain("ai-basic")
    job.refresh_from_db()
    result = made.result_of(job)
    assert (result["unreadable"], result["identified"], result["needs_review"]) == (1, 1, 1)
    blank, _ = scans_of(exam)
    assert (blank.page, blank.reading["error"]) == (None, "sheet_markers_missing")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.pdf", b"%PDF-1.7\n" + b"\0" * 500), ("a.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 500)],
)
def test_a_file_that_is_none_is_refused_with_its_code(
    tenant: Tenant, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    upload = made.uploaded(tenant, path)
    job = made.submitted(tenant, made.exam(tenant), upload)
    run(job)
    assert (job.state, job.error_code) == (JobState.FAILED, "document_unreadable")
    assert job.error_params == {"file": str(upload.pk)}


def test_a_photograph_in_heic_is_refused_before_a_job_is_stored(
    tenant: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\0" * 100)
    upload = made.uploaded(tenant, path, filename="IMG_0001.HEIC", content_type="image/heif")
    with pytest.raises(AppError, match="document_heic"):
        made.submitted(tenant, made.exam(tenant), upload)


def test_jobs_of_other_academies_things_are_refused(tenant: Tenant, tmp_path: Path) -> None:
    path = made.pdf(tmp_path / "box.pdf", [("1111", RIGHT)])
    other = make_tenant()
    exam, upload = made.exam(tenant), made.uploaded(tenant, path)
    with pytest.raises(AppError, match="upload_not_found"):
        made.submitted(other, made.exam(other), upload)
    with pytest.raises(AppError, match="exam_not_found"):
        made.submitted(other, exam, made.uploaded(other, path))
    with pytest.raises(AppError, match="sheet_design_not_found"):
        made.ordered(other, "sheets.make", design=str(exam.design_id))
    exam_edit(tenant=tenant, by="test", exam_id=exam.pk, title=None, state=ExamState.CLOSED)
    with pytest.raises(AppError, match="exam_closed"):
        made.submitted(tenant, exam, upload)


def test_the_pdf_of_a_design_has_all_its_pages(tenant: Tenant, tmp_path: Path) -> None:
    design = made.design(tenant, Layout(logo=True, sections=(Section(count=61),)))
    logo = tmp_path / "logo.png"
    Image.new("RGB", (60, 20), "navy").save(logo)
    upload = made.uploaded(tenant, logo)
    job = made.ordered(tenant, "sheets.make", design=str(design.pk), logo=str(upload.pk))
    run(job)
    assert job.state == JobState.SUCCEEDED, job.error_code
    MakeResult.model_validate(job.result)
    result: dict[str, Any] = job.result["result"]
    assert (result["fingerprint"], result["pages"]) == (design.fingerprint, 2)
    target = tmp_path / "sheet.pdf"
    store(Bucket.AI).get_file(job.output_prefix + result["file"], target)
    with pypdfium2.PdfDocument(target) as document:
        assert len(document) == 2
    with pytest.raises(AppError, match="sheet_without_logo"):
        made.ordered(tenant, "sheets.make", design=str(made.design(tenant).pk), logo=str(upload.pk))


def test_scores_go_out_as_a_table(tenant: Tenant, tmp_path: Path) -> None:
    exam = made.exam(tenant)
    made.scan(exam, made.student(tenant, "1234"), [[1], [2], [4], []])
    job = made.ordered(tenant, "sheets.export", exam=str(exam.pk))
    run(job)
    assert job.state == JobState.SUCCEEDED, job.error_code
    SheetExportResult.model_validate(job.result)
    target = tmp_path / "scores.xlsx"
    store(Bucket.EXCEL).get_file(job.output_prefix + "scores.xlsx", target)
    heading, row = openpyxl.load_workbook(target).active.iter_rows(values_only=True)
    assert heading[0] == "이름"
    assert heading[8:] == ("1", "2", "3", "4")
    assert row[0] == "김보기1234"
    assert (row[5], row[6]) == (2, 2)
    assert row[8:] == ("O", "O", "X", None)
    with pytest.raises(AppError, match="exam_without_key"):
        made.ordered(tenant, "sheets.export", exam=str(made.exam(tenant, key=None).pk))
