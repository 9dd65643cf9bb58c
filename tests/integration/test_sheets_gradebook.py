"""Scores over several examinations in one workbook: who sat what, at which place, and how sure."""

from __future__ import annotations

import csv
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydantic import ValidationError

from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.roster.models import Student
from academy.sheets.gradebook import People, sitting_of
from academy.sheets.models import Exam, Scan
from academy.sheets.params import GradebookParams
from academy.sheets.reading.results import Status
from academy.sheets.results import GradebookResult
from academy.tenants.models import Tenant
from tests.support import answer_sheets as made
from tests.support.jobs import make_tenant, run
from tests.support.rest import error_of, key_client
from tests.support.review import exam, paper

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("buckets"),
]
WHO = ("이름", "번호", "학교", "학년", "반")


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def pupil(tenant: Tenant, name: str, tail: str, class_name: str = "1반") -> Student:
    student = made.student(tenant, tail)
    Student.objects.for_tenant(tenant).filter(pk=student.pk).update(
        name=name, school="보기중", grade="중2", class_name=class_name
    )
    student.refresh_from_db()
    return student


def sat(exam: Exam, student: Student, *, wrong: int = 0, **told: Any) -> None:
    """Both pages with so many wrong answers, the first questions first."""
    answers = {number: [5] for number in range(1, wrong + 1)}
    paper(exam, student, answers=answers, **told)
    paper(exam, student, page=2, answers=answers)


def on(exam: Exam, day: datetime) -> Exam:
    Exam.objects.for_tenant(exam.tenant_id).filter(pk=exam.pk).update(created_at=day)
    exam.refresh_from_db()
    return exam


@pytest.fixture
def spring(tenant: Tenant) -> tuple[Exam, Exam]:
    """March and April; the last moment of a day in Korea, and the first of the next."""
    march, april = exam(tenant, title="3월 모의고사"), exam(tenant, title="4월 모의고사")
    first, second = pupil(tenant, "김가온", "1111"), pupil(tenant, "이나래", "2222", "2반")
    third, absent = pupil(tenant, "박다솜", "3333"), pupil(tenant, "최라온", "4444")
    sat(march, first, wrong=2)
    sat(march, second, wrong=1)
    sat(march, third, wrong=2)
    sat(april, first, doubtful={4: Status.LOW_CONFIDENCE})
    sat(april, second, wrong=3)
    paper(april, absent)
    return (
        on(march, datetime(2026, 3, 2, 14, 59, tzinfo=UTC)),
        on(april, datetime(2026, 3, 2, 15, 0, tzinfo=UTC)),
    )


def ended(tenant: Tenant, **params: Any) -> Job:
    job = made.ordered(tenant, "sheets.gradebook", **params)
    run(job)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    GradebookResult.model_validate(job.result)
    return job


def told(job: Job) -> dict[str, Any]:
    """What the job says."""
    assert job.result is not None
    result: dict[str, Any] = job.result["result"]
    return result


def book(job: Job, folder: Path) -> openpyxl.Workbook:
    (artifact,) = job.artifacts
    path = folder / artifact["name"]
    store(Bucket.EXCEL).get_file(artifact["key"], path)
    return openpyxl.load_workbook(path)


def values(sheet: Any) -> list[list[Any]]:
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def test_students_by_examinations_with_places_means_and_what_is_in_doubt(
    tenant: Tenant, spring: tuple[Exam, Exam], tmp_path: Path
) -> None:
    job = ended(tenant)
    found = book(job, tmp_path)
    assert found.sheetnames == [
        "전체 성적", "3월 모의고사", "3월 모의고사 문항", "4월 모의고사", "4월 모의고사 문항",
    ]  # fmt: skip
    heading, *rows = values(found["전체 성적"])
    assert heading == [
        "석차", *WHO, "응시", "평균(%)",
        "3월 모의고사", "3월 모의고사 석차", "4월 모의고사", "4월 모의고사 석차",
    ]  # fmt: skip
    by_name = {row[1]: row for row in rows[:4]}
    # (50 + 70) / 2 of 70; April counts as it stands, and is marked.
    assert by_name["김가온"][6:] == [2, 85.71, 50, 2, 70, 1]
    assert by_name["이나래"][6:] == [2, 71.43, 60, 1, 40, 2]
    assert by_name["박다솜"][6:] == [1, 71.43, 50, 2, None, None]
    # A page is missing: points, and neither a place nor a share in the mean.
    assert by_name["최라온"][6:] == [1, None, None, None, 50, None]
    assert [row[0] for row in rows[:4]] == [1, 2, 2, None]
    assert by_name["김가온"][1:6] == ["김가온", None, "보기중", "중2", "1반"]
    shades = {cell.value: cell.fill.fgColor.rgb for cell in found["전체 성적"]["K"][1:5]}
    assert (shades[70], shades[50], shades[40]) == ("FFFFEB9C", "FFFFC7CE", "00000000")
    feet = {row[0]: row[8:] for row in rows[4:]}
    assert feet["응시 인원"] == [3, None, 2, None]
    assert feet["평균"] == [53.33, None, 55, None]
    assert feet["만점"] == [70, None, 70, None]
    assert [
        (one["students"], one["needs_review"], one["incomplete"]) for one in told(job)["exams"]
    ] == [
        (3, 0, 0), (3, 1, 1),
    ]  # fmt: skip
    assert job.result is not None
    assert job.result["review_required"] is True


def test_each_examination_has_its_answers_and_its_figures(
    tenant: Tenant, spring: tuple[Exam, Exam], tmp_path: Path
) -> None:
    found = book(ended(tenant, exams=[str(spring[0].pk)]), tmp_path)
    heading, best, *_ = values(found["3월 모의고사"])
    assert heading == ["석차", *WHO, "점수", "정답 수", "확인 필요", *map(str, range(1, 8))]
    assert best == [
        1, "이나래", None, "보기중", "중2", "2반", 60, 6, None, "X", *["O"] * 6,
    ]  # fmt: skip
    figures = values(found["3월 모의고사 문항"])
    assert figures[0][:7] == [
        "문항", "정답", "배점", "득점률(%)", "변별도", "상하위 차", "무응답(%)",
    ]  # fmt: skip
    assert figures[1][:4] == [1, "1", 10, 0]
    assert figures[2][:4] == [2, "2", 10, 33.3]
    assert figures[2][7:12] == [0, 33.3, 0, 0, 66.7]
    assert figures[5][-1] == "12 (100 %)"


def test_filters_choose_examinations_by_day_and_title_and_students_by_class(
    tenant: Tenant, spring: tuple[Exam, Exam], tmp_path: Path
) -> None:
    def exams(**params: Any) -> list[str]:
        return [one["title"] for one in told(ended(tenant, **params))["exams"]]

    assert exams(since="2026-03-03") == ["4월 모의고사"]
    assert exams(until="2026-03-02") == ["3월 모의고사"]
    assert exams(title="모의", since="2026-03-02", until="2026-03-03") == [
        "3월 모의고사", "4월 모의고사",
    ]  # fmt: skip
    assert exams(title="4월") == ["4월 모의고사"]
    swapped = [str(spring[1].pk), str(spring[0].pk)]
    assert exams(exams=swapped) == ["4월 모의고사", "3월 모의고사"]
    job = ended(tenant, classes=["2반"], details=False)
    found = book(job, tmp_path)
    assert found.sheetnames == ["전체 성적"]
    _, row, count, *_ = values(found["전체 성적"])
    # The place is among all who sat; the place by the mean among those written.
    assert (row[0], row[1], row[9], row[11]) == (1, "이나래", 1, 2)
    assert count[8] == 3
    assert told(job)["students"] == 1


def test_titles_that_are_the_same_have_their_day_and_a_csv_has_the_one_table(
    tenant: Tenant, spring: tuple[Exam, Exam], tmp_path: Path
) -> None:
    Exam.objects.for_tenant(tenant).update(title="=주간 평가")
    job = ended(tenant, format="csv")
    (artifact,) = job.artifacts
    assert artifact["name"] == "gradebook.csv"
    path = tmp_path / artifact["name"]
    store(Bucket.EXCEL).get_file(artifact["key"], path)
    heading, first, *_ = csv.reader(path.read_text("utf-8-sig").splitlines())
    assert [title.lstrip("'") for title in heading[8:]] == [
        "=주간 평가 (03-02)", "=주간 평가 (03-02) 석차", "=주간 평가 (03-03)",
        "=주간 평가 (03-03) 석차",
    ]  # fmt: skip
    assert all(title.startswith("'=") for title in heading[8:])
    assert first[:2] == ["1", "김가온"]
    assert first[8:] == ["50", "2", "70", "1"]


def test_what_cannot_be_written_is_refused_before_the_job(
    tenant: Tenant, spring: tuple[Exam, Exam]
) -> None:
    client = key_client(tenant)

    def refused(status: int, **params: Any) -> str:
        body = {"kind": "sheets.gradebook", "params": params}
        code: str = error_of(client.post("/api/v1/jobs", body, format="json"), status)["code"]
        return code

    keyless = exam(tenant, key=None)
    foreign = exam(make_tenant())
    assert refused(409, exams=[str(keyless.pk)]) == "exam_without_key"
    assert refused(404, exams=[str(foreign.pk)]) == "exam_not_found"
    assert refused(404, title="12월") == "exams_none_found"
    unsound: list[dict[str, Any]] = [
        {"exams": [str(spring[0].pk)] * 2},
        {"exams": [str(spring[0].pk)], "title": "3월"},
        {"since": "2026-03-02", "until": "2026-03-01"},
        {"exams": []},
    ]
    for wrong in unsound:
        assert refused(400, **wrong) == "params_invalid"
    with pytest.raises(ValidationError):
        GradebookParams(since=date(2026, 3, 2), until=date(2026, 3, 1))


def test_memory_does_not_grow_with_the_sheets(tenant: Tenant) -> None:
    """What stays of a sheet of 40 KB is its line."""
    march = exam(tenant)
    copies(march, sat_by=10)
    people = People(tenant.pk, GradebookParams())
    sitting_of(march, people)

    def peak(sheets: int) -> int:
        copies(march, sat_by=sheets)
        tracemalloc.start()
        try:
            assert len(sitting_of(march, people).lines) == sheets
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(100), peak(400)
    grown = (many - few) / 300
    assert grown < 3_000


def copies(exam: Exam, *, sat_by: int) -> None:
    """So many students, each with both pages, and long readings."""
    known = {scan.student_id for scan in Scan.objects.for_tenant(exam.tenant_id)}
    if not known:
        sat(exam, pupil(exam.tenant, "김가온", "0000"))
    pattern = list(Scan.objects.for_tenant(exam.tenant_id).order_by("pk")[:2])
    for scan in pattern:
        scan.reading["padding"] = "x" * 20_000
    new = Student.objects.for_tenant(exam.tenant_id).bulk_create(
        Student(tenant=exam.tenant, name=f"김보기{n}", parent_phone=f"010{n:08}")
        for n in range(len(known) or 1, sat_by)
    )
    Scan.objects.for_tenant(exam.tenant_id).bulk_create(
        Scan(
            tenant=exam.tenant, exam=exam, job_id=scan.job_id, upload_id=scan.upload_id,
            index=100 + 2 * n + page, page=scan.page, reading=scan.reading, match=scan.match,
            student=student, needs_review=False, prefix="p/",
        )
        for n, student in enumerate(new, start=len(known))
        for page, scan in enumerate(pattern)
    )  # fmt: skip
