"""Examinations over REST: keys and settled marks count at once, and each academy sees its own."""

from __future__ import annotations

from typing import Any

import pytest

from academy.core.ids import new_id
from academy.sheets.identity import Match
from academy.sheets.models import Change, Exam, Scan
from academy.tenants.models import Tenant
from tests.support import answer_sheets as made
from tests.support.jobs import make_tenant
from tests.support.openapi import Document
from tests.support.rest import error_of, key_client

pytestmark = pytest.mark.django_db

LAYOUT = made.LAYOUT.model_dump(mode="json")
KEY = {"items": [{"answers": [number], "points": 1} for number in (1, 2, 3, 4)]}
RIGHT = [[1], [2], [3], [4]]


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


class Client:
    """A client whose every answer is held against the document."""

    def __init__(self, tenant: Tenant, document: Document, *scopes: str) -> None:
        self._client, self._document = key_client(tenant, *scopes), document

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        address = f"/api/v1/{path}"
        sent = {} if body is None else {"data": body, "format": "json"}
        answer = getattr(self._client, method)(address, headers=headers, **sent)
        self._document.check_answer(
            method, address.partition("?")[0], answer.status_code, "application/json",
            answer.json(),
        )  # fmt: skip
        return answer

    def preview(self, address: str) -> Any:
        return self._client.get(address)

    def settle(self, scan: Scan, **body: Any) -> Any:
        return self("post", f"scans/{scan.pk}/settle", body)

    def points(self, exam: Exam) -> list[float]:
        return [one["points"] for one in self("get", f"exams/{exam.pk}/scores").json()["items"]]


@pytest.fixture
def api(tenant: Tenant, document: Document) -> Client:
    return Client(tenant, document)


def test_a_design_is_stored_once_and_looked_at(api: Client) -> None:
    body = {"title": "쪽지시험", "layout": LAYOUT}
    answer = api("post", "sheet-designs", body, **{"Idempotency-Key": new_id().hex})
    assert answer.status_code == 201
    design = answer.json()
    assert design["fingerprint"] == made.LAYOUT.fingerprint
    assert design["layout"] == LAYOUT
    assert answer.headers["Location"] == f"/api/v1/sheet-designs/{design['id']}"
    assert api("get", f"sheet-designs/{design['id']}").json() == design
    assert api("get", "sheet-designs").json()["items"] == [design]
    error = error_of(api("post", "sheet-designs", {**body, "title": "x"}), 409)
    assert (error["code"], error["details"]) == ("sheet_design_exists", {"design": design["id"]})
    page = api.preview(design["pages"][0])
    assert page.headers["Content-Type"] == "image/svg+xml"
    assert page.content.startswith(b"<svg ")
    assert error_of(api.preview(design["pages"][0][:-1] + "2"), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    "layout",
    [
        {"sections": []},
        {"sections": [{"count": 181}]},
        {"sections": [{"count": 100}, {"count": 81}]},
        {"columns": 4, "sections": [{"count": 1}]},
        {"columns": "1", "sections": [{"count": 1}]},
        {"sections": [{"count": 1, "kind": "essay"}]},
    ],
)
def test_a_layout_that_cannot_be_printed_is_refused(api: Client, layout: Any) -> None:
    error = error_of(api("post", "sheet-designs", {"title": "x", "layout": layout}), 400)
    assert error["code"] == "validation_failed"


def test_a_key_must_fit_the_sheet_and_a_new_one_counts_at_once(api: Client, tenant: Tenant) -> None:
    design = made.design(tenant)
    exam = api("post", "exams", {"design": str(design.pk), "title": "3월"}).json()
    path = f"exams/{exam['id']}"
    assert (exam["has_key"], exam["identify_by"]) == (False, "parent_phone")
    assert error_of(api("get", f"{path}/scores"), 409)["code"] == "exam_without_key"
    short = {"items": KEY["items"][:3]}
    assert error_of(api("put", f"{path}/key", short), 422)["code"] == "exam_key_invalid"
    high = {"items": [{"answers": [6], "points": 1}, *KEY["items"][1:]]}
    assert error_of(api("put", f"{path}/key", high), 422)["code"] == "exam_key_invalid"
    none = {"items": [{"answers": [], "points": 1}, *KEY["items"][1:]]}
    assert error_of(api("put", f"{path}/key", none), 400)["code"] == "validation_failed"
    assert api("put", f"{path}/key", KEY).json()["points"] == 4.0

    row = Exam.objects.for_tenant(tenant).get(pk=exam["id"])
    made.scan(row, made.student(tenant, "1234"), [[1], [2], [3], [5]])
    assert api.points(row) == [3.0]
    other = {
        "items": [
            *KEY["items"][:3],
            {"answers": [4], "points": 2.5, "partial": {"5": 0.5}},
        ]
    }
    assert api("put", f"{path}/key", other).json()["items"][3] == {
        "question": 4, "answers": [4], "points": 2.5, "rule": "any", "partial": {"5": 0.5},
    }  # fmt: skip
    assert api.points(row) == [3.5]
    api("put", f"{path}/key", other)
    assert Change.objects.for_tenant(tenant).filter(exam=row, what="key").count() == 2
    detail = api("get", path).json()
    assert (detail["points"], detail["scans"]["pages"]) == (5.5, 1)


def test_a_settled_mark_counts_at_once_and_says_who_settled_it(api: Client, tenant: Tenant) -> None:
    exam = made.exam(tenant)
    student = made.student(tenant, "1234")
    scan = made.scan(exam, student, [[1], [2], [3], [1, 4]], doubtful=[3, 4])
    (listed,) = api("get", f"exams/{exam.pk}/scans?needs_review=true").json()["items"]
    assert (listed["reasons"], listed["doubtful"]) == (["answers"], [3, 4])
    assert api.points(exam) == [3.0]
    body = {"answers": {"3": [3], "4": [4]}}
    answer = api("post", f"scans/{scan.pk}/settle", body).json()
    assert (answer["needs_review"], answer["doubtful"]) == (False, [])
    assert [(one["values"], one["settled"]) for one in answer["answers"][2:]] == [
        ([3], [3]), ([1, 4], [4]),
    ]  # fmt: skip
    assert api.points(exam) == [4.0]
    again = api("post", f"scans/{scan.pk}/settle", body).json()
    assert [change["what"] for change in again["changes"]] == ["answer.3", "answer.4"]
    assert {change["by"][:4] for change in again["changes"]} == {"key:"}
    assert again["updated_at"] == answer["updated_at"]
    back = api.settle(scan, answers={"4": None}).json()
    assert (back["doubtful"], back["answers"][3]["settled"]) == ([4], None)
    assert api.points(exam) == [3.0]
    assert api.settle(scan, answers={"3": [], "4": [4]}).json()["answers"][2]["settled"] == []
    scores = api("get", f"exams/{exam.pk}/scores").json()
    assert [mark["graded"] for mark in scores["items"][0]["marks"]] == [
        "right", "right", "blank", "right",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"answers": {"5": [1]}},
        {"answers": {"1": [6]}},
        {"answers": {"1": [0]}},
        {"answers": {"1": [2, 2]}},
        {"student": str(new_id())},
    ],
)
def test_what_does_not_fit_the_page_cannot_be_settled(
    api: Client, tenant: Tenant, body: Any
) -> None:
    scan = made.scan(made.exam(tenant), made.student(tenant, "1234"), RIGHT)
    assert error_of(api.settle(scan, **body), 422)["code"] == "scan_settlement_invalid"
    assert not Change.objects.for_tenant(tenant).filter(scan=scan).exists()


def test_a_person_says_whose_a_sheet_is(api: Client, tenant: Tenant) -> None:
    exam, student = made.exam(tenant), made.student(tenant, "1234")
    scan = made.scan(exam, student, RIGHT, match=Match.FUZZY)
    before = api("get", f"scans/{scan.pk}").json()
    assert (before["student"], before["candidates"]) == (None, [str(student.pk)])
    assert before["reasons"] == ["identity"]
    assert api.points(exam) == []
    after = api.settle(scan, student=str(student.pk)).json()
    assert (after["student"], after["needs_review"]) == (str(student.pk), False)
    assert api.points(exam) == [4.0]
    assert api.settle(scan, student=None).json()["student"] is None
    foreign = made.student(make_tenant(), "1234")
    assert error_of(api.settle(scan, student=str(foreign.pk)), 422)


def test_two_pages_of_one_student_are_flagged_until_one_is_discarded(
    api: Client, tenant: Tenant
) -> None:
    exam, student = made.exam(tenant), made.student(tenant, "1234")
    first = made.scan(exam, student, RIGHT)
    second = made.scan(exam, student, [[2], [2], [3], [4]])
    found = api("get", f"exams/{exam.pk}/scans?needs_review=true").json()["items"]
    assert [one["reasons"] for one in found] == [["duplicate"]] * 2
    scores = api("get", f"exams/{exam.pk}/scores").json()["items"]
    assert [(one["points"], one["needs_review"]) for one in scores] == [(4.0, True)]
    assert api.settle(first, discarded=True).json()["reasons"] == []
    assert api.points(exam) == [3.0]
    assert api("get", f"scans/{second.pk}").json()["needs_review"] is False
    assert api.settle(first, discarded=False).json()["reasons"] == ["duplicate"]


def test_sheets_find_students_who_were_added_later(api: Client, tenant: Tenant) -> None:
    exam, student = made.exam(tenant), made.student(tenant, "1234")
    scan = made.scan(exam, student, RIGHT, match=Match.NO_MATCH)
    settled = made.scan(exam, made.student(tenant, "5678"), RIGHT, match=Match.FUZZY)
    api.settle(settled, student=str(student.pk))
    api("post", f"exams/{exam.pk}/identify", {})
    assert api("get", f"scans/{scan.pk}").json()["match"] == "exact"
    assert api("get", f"scans/{settled.pk}").json()["student"] == str(student.pk)
    assert api("get", f"exams/{exam.pk}").json()["scans"]["duplicates"] == 2


def test_pictures_are_signed_links_and_an_unreadable_page_says_why(
    api: Client, tenant: Tenant
) -> None:
    exam = made.exam(tenant)
    scan = made.scan(exam, made.student(tenant, "1234"), RIGHT, doubtful=[2])
    page = api("get", f"scans/{scan.pk}").json()
    assert f"{scan.prefix}overlay.jpg?" in page["overlay"]
    assert "X-Amz-Expires=3600" in page["overlay"]
    assert [one["crop"] is None for one in page["answers"]] == [True, False, True, True]
    broken = made.scan(exam, None, [], error="sheet_markers_missing")
    page = api("get", f"scans/{broken.pk}").json()
    assert (page["error"]["code"], page["reasons"]) == ("sheet_markers_missing", ["unreadable"])
    assert (page["overlay"], page["identifier"], page["answers"]) == (None, None, [])
    assert api.settle(broken, discarded=True).json()["needs_review"] is False


def test_a_closed_examination_is_read_and_not_changed(api: Client, tenant: Tenant) -> None:
    exam = made.exam(tenant)
    scan = made.scan(exam, made.student(tenant, "1234"), RIGHT)
    assert api("patch", f"exams/{exam.pk}", {"state": "closed"}).json()["state"] == "closed"
    assert error_of(api("put", f"exams/{exam.pk}/key", KEY), 409)["code"] == "exam_closed"
    assert error_of(api.settle(scan, answers={"1": [2]}), 409)["code"] == "exam_closed"
    assert api.points(exam) == [4.0]
    assert api("get", "exams?state=open").json()["items"] == []
    assert api("patch", f"exams/{exam.pk}", {"state": "open"}).json()["state"] == "open"
    assert api.settle(scan, answers={"1": [2]}).status_code == 200


def test_academies_do_not_see_each_others_examinations(
    api: Client, document: Document, tenant: Tenant
) -> None:
    exam = made.exam(tenant)
    scan = made.scan(exam, made.student(tenant, "1234"), RIGHT)
    other = Client(make_tenant(), document)
    for method, path, body in [
        ("get", f"sheet-designs/{exam.design_id}", None),
        ("get", f"exams/{exam.pk}", None),
        ("get", f"exams/{exam.pk}/key", None),
        ("get", f"exams/{exam.pk}/scores", None),
        ("get", f"exams/{exam.pk}/scans", None),
        ("get", f"scans/{scan.pk}", None),
        ("put", f"exams/{exam.pk}/key", KEY),
        ("patch", f"exams/{exam.pk}", {"title": "x"}),
        ("post", f"exams/{exam.pk}/identify", {}),
        ("post", f"scans/{scan.pk}/settle", {"discarded": True}),
        ("post", "exams", {"design": str(exam.design_id), "title": "x"}),
    ]:
        error_of(other(method, path, body), 404)
    assert other("get", "exams").json()["items"] == []
    assert other("get", "sheet-designs").json()["items"] == []


def test_reading_and_writing_are_different_rights(document: Document, tenant: Tenant) -> None:
    exam = made.exam(tenant)
    reader = Client(tenant, document, "sheets:read")
    assert reader("get", f"exams/{exam.pk}").status_code == 200
    error_of(reader("patch", f"exams/{exam.pk}", {"title": "x"}), 403)
    writer = Client(tenant, document, "sheets:write")
    error_of(writer("get", f"exams/{exam.pk}"), 403)
    assert writer("patch", f"exams/{exam.pk}", {"title": "x"}).json()["title"] == "x"
