"""Students over REST: found, added once, changed, removed and back; each academy its own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from academy.core.ids import new_id
from academy.jobs.models import IdempotencyKey
from academy.roster.models import Student
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.openapi import Document
from tests.support.rest import error_of, key_client

pytestmark = pytest.mark.django_db

PERSON = {"name": " 김  보기 ", "parent_phone": "010-0000-0014", "gender": "female", "school": ""}


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

    def __call__(self, method: str, path: str = "", body: Any = None, **headers: str) -> Any:
        address = f"/api/v1/students{path}"
        sent = {} if body is None else {"data": body, "format": "json"}
        answer = getattr(self._client, method)(address, headers=headers, **sent)
        self._document.check_answer(
            method, address.partition("?")[0], answer.status_code, "application/json",
            answer.json(),
        )  # fmt: skip
        return answer

    def names(self, query: str = "") -> list[str]:
        return [one["name"] for one in self("get", query).json()["items"]]


@pytest.fixture
def api(tenant: Tenant, document: Document) -> Client:
    return Client(tenant, document)


def add(tenant: Tenant, name: str, phone: int, **values: Any) -> Student:
    return Student.objects.for_tenant(tenant).create(
        name=name, parent_phone=f"010{phone:08}", **values
    )


def test_a_student_is_added_in_its_stored_form_once_for_each_key(
    api: Client, tenant: Tenant
) -> None:
    key = {"Idempotency-Key": new_id().hex}
    answer = api("post", "", PERSON, **key)
    made = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"/api/v1/students/{made['id']}"
    told = {name: made[name] for name in ("name", "parent_phone", "gender", "school", "state")}
    assert told == {
        "name": "김 보기", "parent_phone": "***-****-0014", "gender": "female", "school": "",
        "state": "enrolled",
    }  # fmt: skip
    assert api("post", "", PERSON, **key).json()["id"] == made["id"]
    assert api("get", f"/{made['id']}").json() == {**made, "parent_phone": "01000000014"}
    assert Student.objects.for_tenant(tenant).count() == 1


def test_the_same_student_is_not_added_twice_and_no_answer_tells_the_phone(api: Client) -> None:
    first = api("post", "", PERSON).json()
    error = error_of(api("post", "", PERSON), 409)
    assert (error["code"], error["details"]) == ("student_exists", {"student": first["id"]})
    other = api("post", "", {**PERSON, "name": "박보기"}).json()
    error = error_of(api("patch", f"/{other['id']}", {"name": "김 보기"}), 409)
    assert (error["code"], error["details"]) == ("student_exists", {"student": first["id"]})
    assert api("get", f"/{other['id']}").json()["name"] == "박보기"


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""}, {"name": "1234"}, {"name": "가" * 41}, {"name": 5}, {"name": None},
        {"parent_phone": "02-123-4567"}, {"parent_phone": "0111234567"}, {"parent_phone": ""},
        {"student_phone": "12"}, {"gender": "x"}, {"state": "gone"}, {"enrolled_on": "2026-02-30"},
        {"enrolled_on": 20260301}, {"memo": "가" * 501}, {"nickname": "보기"},
    ],
)  # fmt: skip
def test_what_no_student_can_have_is_refused(api: Client, change: dict[str, Any]) -> None:
    error = error_of(api("post", "", {**PERSON, **change}), 400)
    assert error["code"] in {"validation_failed", "unknown_field"}


def test_what_is_named_changes_and_the_rest_stays(api: Client) -> None:
    made = api("post", "", {**PERSON, "memo": "첫 줄\n둘째 줄"}).json()
    changes = {"state": "paused", "enrolled_on": "2026-03-02", "student_phone": "12345678"}
    changed = api("patch", f"/{made['id']}", changes).json()
    expected = {**made, **changes, "student_phone": "***-****-5678"}
    assert {**changed, "updated_at": made["updated_at"]} == expected
    whole = api("get", f"/{made['id']}").json()
    assert (whole["parent_phone"], whole["student_phone"]) == ("01000000014", "01012345678")
    assert api("patch", f"/{made['id']}", {"student_phone": ""}).json()["student_phone"] == ""
    assert api("patch", f"/{made['id']}", {"enrolled_on": None}).json()["enrolled_on"] is None


def test_a_removed_student_is_hidden_and_comes_back_with_the_same_id(api: Client) -> None:
    made = api("post", "", PERSON).json()
    removed = api("delete", f"/{made['id']}").json()
    assert api("delete", f"/{made['id']}").json() == removed
    assert (api.names(), api.names("?removed=true")) == ([], ["김 보기"])
    assert error_of(api("patch", f"/{made['id']}", {}), 409)["code"] == "student_removed"
    again = api("post", "", {**PERSON, "school": "보기고등학교"})
    assert (again.status_code, again.json()["id"]) == (201, made["id"])
    assert (again.json()["school"], again.json()["removed_at"]) == ("보기고등학교", None)


def test_students_are_found_by_name_number_phone_and_filters(api: Client, tenant: Tenant) -> None:
    add(tenant, "김보기", 10_1234, school="가", state="paused")
    add(tenant, "박보기", 20_1234, number="A-7", grade="중1")
    add(tenant, "이나무", 30_9999, class_name="B")
    assert api.names() == ["이나무", "박보기", "김보기"]
    assert api.names("?q=보기") == ["박보기", "김보기"]
    assert api.names("?q=1234") == ["박보기", "김보기"]
    assert api.names("?q=0010-1234") == ["김보기"]
    assert api.names("?q=234") == []
    assert api.names("?q=010-0020-1234") == ["박보기"]
    assert api.names("?q=010-0000-1234") == api.names("?q=91-0020-1234") == []
    assert api.names("?q=0010 0020 1234") == []
    assert api.names("?q=A-7") == ["박보기"]
    assert api.names("?state=paused&state=left") == ["김보기"]
    assert api.names("?grade=중1") == ["박보기"]
    assert api.names("?class_name=B&q=나무") == ["이나무"]
    page = api("get", "?limit=2").json()
    assert [one["name"] for one in page["items"]] == ["이나무", "박보기"]
    assert api.names(f"?limit=2&cursor={page['next_cursor']}") == ["김보기"]


def test_an_academy_sees_and_changes_no_other_ones_students(
    api: Client, document: Document
) -> None:
    made = api("post", "", PERSON).json()
    other = Client(make_tenant(), document)
    assert other.names() == []
    for method, body in (("get", None), ("patch", {"memo": "x"}), ("delete", None)):
        assert error_of(other(method, f"/{made['id']}", body), 404)["code"] == "not_found"
    assert other("post", "", PERSON).status_code == 201


def test_whole_phones_are_for_those_who_may_see_them(
    api: Client, tenant: Tenant, document: Document
) -> None:
    key = {"Idempotency-Key": new_id().hex}
    made = api("post", "", {**PERSON, "student_phone": "010-1234-5678"}, **key).json()
    seen = [
        Client(tenant, document, "students:read", *more)("get", f"/{made['id']}").json()
        for more in ((), ("students:phones",))
    ]
    assert [one["parent_phone"] for one in seen] == ["***-****-0014", "01000000014"]
    assert [one["student_phone"] for one in seen] == ["***-****-5678", "01012345678"]
    # Nor is an answer with them kept for a repeated request.
    told = f"{api('get').json()}{made}{list(IdempotencyKey.unscoped.values_list())}"
    assert made["id"] in told
    assert not re.search("01000000014|01012345678", told)


def test_reading_and_writing_need_their_scopes(tenant: Tenant, document: Document) -> None:
    reader = Client(tenant, document, "students:read")
    assert reader("get").status_code == 200
    assert error_of(reader("post", "", PERSON), 403)["code"] == "scope_missing"
    writer = Client(tenant, document, "students:write")
    assert error_of(writer("get"), 403)["code"] == "scope_missing"
    assert writer("post", "", PERSON).status_code == 201
