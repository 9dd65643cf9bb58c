"""Results reach students only when they are published and final; and the page around them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import openpyxl
import pytest
from django.test import Client

from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.roster.models import Student
from academy.sheets.models import Change, Exam
from academy.sheets.publication import overview_of
from academy.sheets.reading.results import Status
from academy.tenants.keys import key_revoke
from academy.tenants.models import ApiKey, Tenant
from tests.support import answer_sheets as made
from tests.support.jobs import drain, make_tenant
from tests.support.openapi import Document
from tests.support.rest import error_of, key_client
from tests.support.review import Teacher, exam, paper

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("buckets"),
]


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def march(tenant: Tenant) -> Exam:
    return exam(tenant)


def sat(exam: Exam, tail: str, **answers: list[int]) -> Student:
    """A student with both pages; ``q2=[5]`` is another answer than the right one."""
    student = made.student(exam.tenant, tail)
    given = {int(name[1:]): values for name, values in answers.items()}
    for page in (1, 2):
        paper(exam, student, page=page, answers=given)
    return student


class App:
    """The academy's own system, held against the document."""

    def __init__(self, tenant: Tenant, document: Document) -> None:
        self.client, self.document = key_client(tenant), document

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        address = f"/api/v1/exams/{path}"
        sent = {} if body is None else {"data": body, "format": "json"}
        answer = getattr(self.client, method)(address, **sent)
        self.document.check_answer(
            method, address, answer.status_code, "application/json", answer.json()
        )
        return answer


@pytest.fixture
def app(tenant: Tenant, document: Document) -> App:
    return App(tenant, document)


def test_a_result_is_seen_while_it_is_published(app: App, march: Exam) -> None:
    best, other = sat(march, "1111"), sat(march, "2222", q2=[5], q7=[])
    path = f"{march.pk}/results/{other.pk}"
    assert error_of(app("get", path), 404)["code"] == "results_not_published"
    exam = app("patch", str(march.pk), {"published": True}).json()
    assert exam["published_at"] is not None
    body = app("get", path).json()
    assert (body["points"], body["of"], body["right"], body["rank"], body["students"]) == (
        50.0, 70.0, 5, 2, 2,
    )  # fmt: skip
    assert body["mean"] == 60.0
    second = body["marks"][1]
    assert (second["values"], second["answers"], second["graded"], second["difficulty"]) == (
        [5], [2], "wrong", 0.5,
    )  # fmt: skip
    assert app("get", f"{march.pk}/results/{best.pk}").json()["rank"] == 1
    assert app("patch", str(march.pk), {"published": False}).json()["published_at"] is None
    assert error_of(app("get", path), 404)["code"] == "results_not_published"
    app("patch", str(march.pk), {"published": False})
    changes = Change.objects.for_tenant(march.tenant).filter(what="published")
    assert [(one.before, one.after) for one in changes.order_by("pk")] == [
        (False, True), (True, False),
    ]  # fmt: skip


def test_what_is_not_final_is_withheld_whatever_was_published(app: App, march: Exam) -> None:
    doubted, incomplete = made.student(march.tenant, "1111"), made.student(march.tenant, "2222")
    scan = paper(march, doubted, doubtful={1: Status.LOW_CONFIDENCE})
    paper(march, doubted, page=2)
    paper(march, incomplete)
    stranger = made.student(march.tenant, "3333")
    app("patch", str(march.pk), {"published": True})
    for student in (doubted, incomplete):
        answer = app("get", f"{march.pk}/results/{student.pk}")
        assert error_of(answer, 409)["code"] == "result_not_final"
    answer = app("get", f"{march.pk}/results/{stranger.pk}")
    assert error_of(answer, 404)["code"] == "result_not_found"
    teacher = Teacher(march)
    teacher.settle(scan, answers={"1": [1]}, seen={"answer.1": None})
    body = app("get", f"{march.pk}/results/{doubted.pk}").json()
    assert (body["points"], body["students"], body["mean"]) == (70.0, 1, 70.0)


def test_the_figures_over_all_follow_every_change(app: App, march: Exam) -> None:
    sat(march, "1111")
    assert overview_of(march).mean == 70
    student = sat(march, "2222", q1=[5])
    assert overview_of(march).mean == 65
    assert overview_of(march) is overview_of(march)
    key = app("get", f"{march.pk}/key").json()["items"]
    items = [{"answers": one["answers"], "points": 20} for one in key]
    app("put", f"{march.pk}/key", {"items": items})
    march.refresh_from_db()
    assert overview_of(march).mean == 130
    assert overview_of(march).rank_of(overview_of(march).points[0]) == 2
    assert student is not None


def test_without_a_key_there_is_nothing_to_publish(app: App, tenant: Tenant) -> None:
    keyless = exam(tenant, key=None)
    answer = app("patch", str(keyless.pk), {"published": True})
    assert error_of(answer, 409)["code"] == "exam_without_key"


def test_a_link_opens_one_result_without_an_account(app: App, march: Exam) -> None:
    student, other = sat(march, "1111", q3=[1]), sat(march, "2222")
    path = f"{march.pk}/results/{student.pk}"
    assert error_of(app("post", f"{path}/link", {}), 404)["code"] == "results_not_published"
    app("patch", str(march.pk), {"published": True})
    made_link = app("post", f"{path}/link", {"expires_in": 3600}).json()
    assert made_link["message"]["ko"] == (
        "김보기1111 학생의 「3월 모의고사」 결과가 나왔습니다: 70점 만점에 60점."
    )
    parts = urlsplit(made_link["url"])
    reader = Client(headers={"Accept-Language": "ko"})
    opened = reader.get(f"{parts.path}?{parts.query}")
    assert opened["Location"] == parts.path
    html = reader.get(parts.path).content.decode()
    assert "7문항 중 6문항을 맞혔습니다" in html
    assert other.name not in html
    assert reader.get(parts.path.replace(str(student.pk), str(other.pk))).status_code == 403
    assert reader.get(f"/desk/exam/{march.pk}").status_code == 403
    # What was handed out outlives the key that made it, and ends with the publication.
    for key in ApiKey.objects.for_tenant(march.tenant):
        key_revoke(tenant=march.tenant, key_id=key.pk)
    assert reader.get(parts.path).status_code == 200
    Exam.objects.for_tenant(march.tenant).filter(pk=march.pk).update(published_at=None)
    withdrawn = reader.get(parts.path)
    assert (withdrawn.status_code, "아직 공개되지 않은" in withdrawn.content.decode()) == (
        404,
        True,
    )


def test_academies_do_not_see_each_others_results(document: Document, march: Exam) -> None:
    student = sat(march, "1111")
    other = App(make_tenant(), document)
    for method, path, body in [
        ("get", f"{march.pk}/results/{student.pk}", None),
        ("post", f"{march.pk}/results/{student.pk}/link", {}),
        ("patch", str(march.pk), {"published": True}),
    ]:
        assert error_of(other(method, path, body), 404)["code"] == "exam_not_found"


def test_the_page_of_an_examination_shows_scores_and_figures(march: Exam) -> None:
    for number in range(12):
        sat(march, f"{1000 + number}", **({"q1": [5], "q2": [4]} if number % 3 == 0 else {}))
    teacher = Teacher(march, kind="page-link")
    assert teacher.landed == teacher.root
    assert teacher.html.count('<tr class="top">') == 8
    assert "67 %" in teacher.html
    assert "Over 12 complete sheets." in teacher.html
    assert teacher.html.count('class="answers"') == 7
    assert "Publish to students" in teacher.html
    quiet = Teacher(march, kind="page-link", read_only=True)
    assert "Publish to students" not in quiet.html
    assert "Excel table" not in quiet.html


def test_an_examination_without_sheets_says_so(march: Exam) -> None:
    assert "No sheets have been read yet" in Teacher(march, kind="page-link").html
    assert Teacher(march).queue() == {
        "scans": [], "next": None, "progress": {"left": 0, "settled": 0},
    }  # fmt: skip


def test_a_teacher_publishes_and_withdraws_from_the_page(march: Exam) -> None:
    teacher = Teacher(march, kind="page-link", actor="kim")
    assert teacher.post("/publication", published=True).json()["published_at"] is not None
    assert "Withdraw the results" in teacher.get().content.decode()
    assert teacher.post("/publication", published=False).json()["published_at"] is None
    by = (
        Change.objects.for_tenant(march.tenant)
        .filter(what="published")
        .values_list("by", flat=True)
    )
    assert {one.partition("/")[2] for one in by} == {"kim"}


@pytest.mark.django_db(transaction=True)
def test_the_table_is_made_and_taken_from_the_page(march: Exam, tmp_path: Any) -> None:
    student = sat(march, "1111")
    teacher = Teacher(march, kind="page-link", actor="kim")
    started = teacher.post("/exports").json()
    assert (started["ended"], started["url"]) == (False, None)
    drain("ai-lite")
    done = teacher.get(f"/exports/{started['job']}").json()
    assert (done["ended"], done["error"]) == (True, None)
    job = Job.objects.for_tenant(march.tenant).get(pk=started["job"])
    assert job.submitted_by.endswith("/kim")
    path = tmp_path / "scores.xlsx"
    path.write_bytes(store(Bucket.EXCEL).read(job.artifacts[0]["key"]))
    rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
    assert student.name in rows[1]
    other = Teacher(exam(march.tenant, title="4월"), kind="page-link")
    assert error_of(other.get(f"/exports/{started['job']}"), 404)["code"] == "job_not_found"
