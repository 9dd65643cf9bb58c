"""Lists of students come in: looked at first, then added, each row once, faults by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from academy.core import clock
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.roster import batches, lists
from academy.roster.handlers import importing
from academy.roster.models import Student
from academy.roster.results import ImportResult
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState
from tests.support import sheets
from tests.support.jobs import let_wait_pass, make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def submitted(tenant: Tenant, upload: Upload, **params: Any) -> Job:
    order = Order("roster.import", {"upload": str(upload.pk), **params})
    return jobs_submit(by=Submitter(tenant, "test"), orders=[order])[0]


def imported(tenant: Tenant, path: Path, **params: Any) -> Job:
    job = submitted(tenant, sheets.uploaded(tenant, path), **{"dry_run": False, **params})
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    ImportResult.model_validate(job.result)
    result: dict[str, Any] = job.result["result"]
    return result


def counts(job: Job) -> tuple[int, int, int, int]:
    result = result_of(job)
    return tuple(result[name] for name in ("created", "changed", "same", "faulty"))  # type: ignore[return-value]


def marked(job: Job, tmp_path: Path) -> Sequence[tuple[Any, ...]]:
    """The rows of the annotated copy."""
    (artifact,) = job.artifacts
    target = tmp_path / "marked.xlsx"
    store(Bucket.EXCEL).get_file(artifact["key"], target)
    return list(openpyxl.load_workbook(target).active.iter_rows(values_only=True))


FAULTY = [
    ["우리 학원 명단"],
    [],
    sheets.HEADING,
    sheets.student(1),
    ["", "010-0000-0002"],
    ["박보기", "02-123-4567"],
    ["이보기", "12345678"],
    [],
    ["최보기", 1012345678],
]


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    tenant: Tenant, tmp_path: Path
) -> None:
    upload = sheets.uploaded(tenant, sheets.xlsx(tmp_path / "a.xlsx", FAULTY))
    job = submitted(tenant, upload)
    run(job)
    result = result_of(job)
    assert (result["dry_run"], result["header_row"], result["rows"]) == (True, 3, 5)
    assert counts(job) == (3, 0, 0, 2)
    assert [(one["field"], one["column"], one["confidence"]) for one in result["columns"]][:2] == [
        ("name", "A", 1.0), ("parent_phone", "B", 0.9),
    ]  # fmt: skip
    places = [(one["row"], one["column"], one["code"]) for one in result["errors"]]
    assert places == [(5, "A", "row_name_missing"), (6, "B", "row_phone_invalid")]
    assert not Student.objects.for_tenant(tenant).exists()
    upload.refresh_from_db()
    assert upload.state == UploadState.COMPLETE


def test_a_result_shows_the_shape_of_values_and_not_the_values(
    tenant: Tenant, tmp_path: Path
) -> None:
    job = submitted(tenant, sheets.uploaded(tenant, sheets.xlsx(tmp_path / "a.xlsx", FAULTY)))
    run(job)
    assert result_of(job)["errors"][1]["value"] == "0*-***-***7"
    stored = str(job.result) + str(job.checkpoint) + str(job.params)
    for secret in ("김보기1", "0000-0001", "1012345678", "123-4567"):
        assert secret not in stored


def test_the_annotated_copy_keeps_every_row_in_its_place_and_marks_the_faults(
    tenant: Tenant, tmp_path: Path
) -> None:
    job = submitted(tenant, sheets.uploaded(tenant, sheets.xlsx(tmp_path / "a.xlsx", FAULTY)))
    run(job)
    rows = marked(job, tmp_path)
    assert [row[0] for row in rows] == [
        "우리 학원 명단", None, "이름", "김보기1", None, "박보기", "이보기", None, "최보기",
    ]  # fmt: skip
    assert rows[2][8] == "오류 (Errors)"
    assert "전화번호가 올바르지 않습니다" in rows[5][8]
    assert [row[8] for row in (rows[3], rows[6])] == [None, None]
    book = openpyxl.load_workbook(tmp_path / "marked.xlsx")
    assert book.active["B6"].fill.fgColor.rgb == "FFFFC7CE"
    assert book.active["A6"].fill.fgColor.rgb == "00000000"


def test_an_import_adds_good_rows_hands_back_the_others_and_deletes_the_file(
    tenant: Tenant, tmp_path: Path
) -> None:
    job = imported(tenant, sheets.xlsx(tmp_path / "a.xlsx", FAULTY))
    assert counts(job) == (3, 0, 0, 2)
    stored = Student.objects.for_tenant(tenant).order_by("name")
    assert [(one.name, one.parent_phone) for one in stored] == [
        ("김보기1", "01000000001"), ("이보기", "01012345678"), ("최보기", "01012345678"),
    ]  # fmt: skip
    rows = marked(job, tmp_path)
    assert [row[1] for row in rows[3:]] == ["010-0000-0002", "02-123-4567"]
    upload = Upload.objects.for_tenant(tenant).get()
    assert upload.state == UploadState.DELETED
    assert store(Bucket.EXCEL).head(upload.key) is None
    with pytest.raises(AppError, match="upload_expired"):
        submitted(tenant, upload)


def test_the_same_list_again_changes_nothing_and_a_new_one_only_what_it_says(
    tenant: Tenant, tmp_path: Path
) -> None:
    rows = [sheets.HEADING, *(sheets.student(number) for number in range(1, 6))]
    path = sheets.xlsx(tmp_path / "a.xlsx", rows)
    assert counts(imported(tenant, path)) == (5, 0, 0, 0)
    before = dict(Student.objects.for_tenant(tenant).values_list("name", "updated_at"))
    assert counts(imported(tenant, path)) == (0, 0, 5, 0)
    assert dict(Student.objects.for_tenant(tenant).values_list("name", "updated_at")) == before

    changes = [("이름", "보호자 전화", "반", "학교"), ("김보기1", "010-0000-0001", "새 반", "")]
    job = submitted(tenant, sheets.uploaded(tenant, sheets.xlsx(tmp_path / "b.xlsx", changes)))
    run(job)
    assert counts(job) == (0, 1, 0, 0)
    assert counts(imported(tenant, tmp_path / "b.xlsx")) == (0, 1, 0, 0)
    changed = Student.objects.for_tenant(tenant).get(name="김보기1")
    assert (changed.class_name, changed.school, changed.memo) == ("새 반", "보기1중학교", "메모 1")


def test_a_removed_student_comes_back_with_the_same_id(tenant: Tenant, tmp_path: Path) -> None:
    path = sheets.xlsx(tmp_path / "a.xlsx", [sheets.HEADING, sheets.student(1)])
    imported(tenant, path)
    first = Student.objects.for_tenant(tenant).get()
    first.removed_at = clock.now()
    first.save()
    assert counts(imported(tenant, path)) == (0, 1, 0, 0)
    again = Student.objects.for_tenant(tenant).get()
    assert (again.pk, again.removed_at) == (first.pk, None)


def test_academies_do_not_share_students(tenant: Tenant, tmp_path: Path) -> None:
    path = sheets.xlsx(tmp_path / "a.xlsx", [sheets.HEADING, sheets.student(1)])
    imported(tenant, path)
    other = make_tenant()
    assert counts(imported(other, path)) == (1, 0, 0, 0)
    with pytest.raises(AppError, match="upload_not_found"):
        submitted(other, Upload.objects.for_tenant(tenant).get())


def test_rows_are_stored_with_a_handful_of_statements_for_each_batch(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 500)
    rows = [sheets.HEADING, *(sheets.student(number) for number in range(1_000))]
    job = submitted(
        tenant, sheets.uploaded(tenant, sheets.xlsx(tmp_path / "a.xlsx", rows)), dry_run=False
    )
    with CaptureQueriesContext(connection) as captured:
        run(job)
    assert counts(job)[0] == 1_000
    assert len([one for one in captured if "roster_student" in one["sql"]]) == 6


def test_an_attempt_goes_on_behind_the_last_batch_and_counts_each_row_once(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    real, calls = batches.store, []

    def failing(tenant_id: Any, rows: Any) -> batches.Tally:
        calls.append(len(rows))
        if len(calls) == 3:
            raise ConnectionError
        return real(tenant_id, rows)

    monkeypatch.setattr(batches, "store", failing)
    rows = [sheets.HEADING, *(sheets.student(number) for number in range(35))]
    job = imported(tenant, sheets.xlsx(tmp_path / "a.xlsx", rows))
    assert job.state == JobState.RETRY_WAIT
    assert Student.objects.for_tenant(tenant).count() == 20
    let_wait_pass(job)
    job.refresh_from_db()
    Job.unscoped.filter(pk=job.pk).update(state="queued")
    run(job)
    assert counts(job) == (35, 0, 0, 0)
    assert calls == [10, 10, 10, 10, 5]


def test_a_doubtful_column_is_shown_by_a_dry_run_and_refused_by_an_import(
    tenant: Tenant, tmp_path: Path
) -> None:
    rows = [("이름", "연락처", "특기 사항 메모란"), ("김보기", "02-555-0000", "x"),
            ("박보기", "010-0000-0001", "y"), ("이보기", "", "z")]  # fmt: skip
    path = sheets.xlsx(tmp_path / "a.xlsx", rows)
    dry = submitted(tenant, sheets.uploaded(tenant, path))
    run(dry)
    phone = next(one for one in result_of(dry)["columns"] if one["field"] == "parent_phone")
    assert 0.4 <= phone["confidence"] < 0.6
    job = imported(tenant, path)
    assert (job.state, job.error_code) == (JobState.FAILED, "roster_mapping_unsure")
    named = imported(tenant, path, mapping={"name": "A", "parent_phone": "연락처"})
    assert counts(named) == (1, 0, 0, 2)


def test_a_mapping_can_name_columns_of_a_table_without_a_heading(
    tenant: Tenant, tmp_path: Path
) -> None:
    path = sheets.xlsx(tmp_path / "a.xlsx", [(1, "김보기", 1000000001), (2, "박보기", 1000000002)])
    mapping = {"name": "B", "parent_phone": "C"}
    assert counts(imported(tenant, path, mapping=mapping, header_row=0)) == (2, 0, 0, 0)
    job = imported(tenant, path)
    assert (job.state, job.error_code) == (JobState.FAILED, "roster_header_not_found")


def test_lists_that_nobody_imports_are_deleted_after_a_week(tenant: Tenant, tmp_path: Path) -> None:
    path = sheets.xlsx(tmp_path / "a.xlsx", [sheets.HEADING, sheets.student(1)])
    long_ago = clock.now() - lists.KEPT - timedelta(minutes=1)
    old, waiting = (sheets.uploaded(tenant, path, completed_at=long_ago) for _ in range(2))
    fresh = sheets.uploaded(tenant, path)
    submitted(tenant, waiting)
    lists.sweep()
    states = {upload.pk: upload.state for upload in Upload.objects.for_tenant(tenant)}
    assert states == {old.pk: "deleted", waiting.pk: "complete", fresh.pk: "complete"}
    assert store(Bucket.EXCEL).head(old.key) is None


def test_a_mapping_of_unknown_fields_is_refused_before_anything_is_stored(
    tenant: Tenant, tmp_path: Path
) -> None:
    upload = sheets.uploaded(tenant, sheets.xlsx(tmp_path / "a.xlsx", [sheets.HEADING]))
    with pytest.raises(AppError, match="params_invalid"):
        submitted(tenant, upload, mapping={"nickname": "A"})
