"""The academy's own material over REST: made, added to, found, deleted; each academy its own."""

from __future__ import annotations

from typing import Any

import pytest

from academy.core import clock
from academy.core.ids import new_id
from academy.core.storage import store
from academy.problems import limits, pictures, services
from academy.problems.models import Collection, LoosePicture, Problem, ProblemVector
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.openapi import Document
from tests.support.problems import added, collection, directions, indexed, model
from tests.support.rest import error_of, key_client

pytestmark = pytest.mark.django_db

BOOK = {"title": "보기고 2025 1학기 중간고사", "origin": "past_exam"}
SUM = {"number": "12", "text": "두 근의 합을 구하시오.", "page": 3, "tags": ["이차방정식", "합"]}


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

    def made(self, **changes: Any) -> str:
        """The address of the problems of a new collection."""
        answer = self("post", "problem-collections", {**BOOK, **changes})
        assert answer.status_code == 201, answer.content
        return f"problem-collections/{answer.json()['id']}/problems"


@pytest.fixture
def api(tenant: Tenant, document: Document) -> Client:
    return Client(tenant, document)


def test_a_collection_is_made_once_for_each_key_and_counts_its_problems(api: Client) -> None:
    key = {"Idempotency-Key": new_id().hex}
    answer = api("post", "problem-collections", BOOK, **key)
    made = answer.json()
    assert (answer.status_code, made["problems"]) == (201, 0)
    assert answer["Location"] == f"/api/v1/problem-collections/{made['id']}"
    assert api("post", "problem-collections", BOOK, **key).json() == made
    error = error_of(api("post", "problem-collections", BOOK), 409)
    assert (error["code"], error["details"]) == ("collection_exists", {"collection": made["id"]})
    api("post", f"problem-collections/{made['id']}/problems", {"problems": [SUM, SUM]})
    assert api("get", f"problem-collections/{made['id']}").json()["problems"] == 2
    listed = api("get", "problem-collections?origin=past_exam").json()["items"]
    assert [(one["id"], one["problems"]) for one in listed] == [(made["id"], 2)]
    assert api("get", "problem-collections?origin=textbook").json()["items"] == []


def test_problems_are_added_in_order_and_found_by_number_and_tag(api: Client) -> None:
    address = api.made()
    answer = api("post", address, {"problems": [SUM, {"text": "곱을 구하시오."}]})
    first, second = answer.json()["items"]
    assert answer.status_code == 201
    assert {name: first[name] for name in SUM} == SUM
    assert (second["number"], second["page"], second["tags"]) == ("", None, [])
    assert [one["id"] for one in api("get", address).json()["items"]] == [
        second["id"], first["id"],
    ]  # fmt: skip
    for query, found in (("number=12", [first]), ("tag=%ED%95%A9", [first]), ("tag=x", [])):
        assert api("get", f"{address}?{query}").json()["items"] == found
    shown = api("get", f"problems/{first['id']}").json()
    assert shown == {**first, "picture": None, "picture_expires_at": None}


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""}, {"text": "   "}, {"text": 5}, {"text": None}, {"text": "가" * 4_001},
        {"text": "가\x00나"}, {"page": 0}, {"page": "3"}, {"number": "1" * 21},
        {"tags": ["가"] * 11}, {"tags": [""]}, {"tags": "가"}, {"picture": "t/x.png"},
    ],
)  # fmt: skip
def test_what_no_problem_can_be_is_refused_and_nothing_is_added(
    api: Client, change: dict[str, Any]
) -> None:
    address = api.made()
    error = error_of(api("post", address, {"problems": [SUM, {**SUM, **change}]}), 400)
    assert error["code"] in {"validation_failed", "unknown_field", "malformed_request"}
    assert api("get", address).json()["items"] == []


def test_more_than_there_is_room_for_is_refused_with_the_limit(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {"problems": [SUM] * (limits.MAX_AT_ONCE + 1)}
    address = api.made()
    assert error_of(api("post", address, many), 400)["code"] == "validation_failed"
    for name, code in (
        ("MAX_IN_COLLECTION", "collection_full"),
        ("MAX_PROBLEMS", "problems_too_many"),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(limits, name, 1)
            error = error_of(api("post", address, {"problems": [SUM, SUM]}), 409)
        assert (error["code"], error["details"]) == (code, {"limit": 1})
    monkeypatch.setattr(limits, "MAX_COLLECTIONS", 1)
    error = error_of(api("post", "problem-collections", {**BOOK, "title": "둘째"}), 409)
    assert error["code"] == "collections_too_many"
    assert api("get", address).json()["items"] == []


@pytest.mark.integration("postgres", "s3")
@pytest.mark.usefixtures("buckets")
def test_deleting_takes_the_vectors_at_once_and_the_pictures_with_the_next_sweep(
    api: Client, tenant: Tenant
) -> None:
    own = collection(tenant)
    ids = [new_id() for _ in range(3)]
    keys = [pictures.picture_key(tenant.pk, one) for one in ids]
    pictures.announce(tenant.pk, keys)
    objects = store(pictures.BUCKET)
    for key in keys:
        objects.put_bytes(key, b"png", "image/png")
    problems = services.problems_add(
        tenant=tenant, collection_id=own.pk,
        problems=[
            services.NewProblem(id=one, text="그림", picture=key)
            for one, key in zip(ids, keys, strict=True)
        ],
    )  # fmt: skip
    assert not LoosePicture.objects.for_tenant(tenant).exists()
    indexed(tenant, model(), problems, directions(3, seed=1))
    assert api("get", f"problems/{ids[0]}").json()["picture"].startswith("http")

    assert api("delete", f"problems/{ids[0]}").json() == {"id": str(ids[0])}
    assert error_of(api("get", f"problems/{ids[0]}"), 404)["code"] == "problem_not_found"
    assert ProblemVector.objects.for_tenant(tenant).count() == 2
    assert pictures.sweep() == 1
    assert [objects.head(key) is None for key in keys] == [True, False, False]

    address = f"problem-collections/{own.pk}"
    assert api("delete", address).json() == {"id": str(own.pk), "problems": 2}
    assert error_of(api("delete", address), 404)["code"] == "collection_not_found"
    assert not ProblemVector.objects.for_tenant(tenant).exists()
    assert pictures.sweep() == 2
    assert all(objects.head(key) is None for key in keys)


@pytest.mark.integration("postgres", "s3")
@pytest.mark.usefixtures("buckets")
def test_a_picture_that_no_problem_ever_claims_is_deleted_after_its_time(tenant: Tenant) -> None:
    key = pictures.picture_key(tenant.pk, new_id())
    pictures.announce(tenant.pk, [key])
    store(pictures.BUCKET).put_bytes(key, b"png", "image/png")
    assert pictures.sweep() == 0
    LoosePicture.objects.for_tenant(tenant).update(due_at=clock.now())
    assert pictures.sweep() == 1
    assert store(pictures.BUCKET).head(key) is None


def test_a_place_of_a_job_is_taken_over_once(tenant: Tenant) -> None:
    own, other, job = collection(tenant), collection(tenant), new_id()

    def take(into: Collection) -> int:
        new = [services.NewProblem(text="문제", source_job=job, source_place=n) for n in (1, 2)]
        return len(services.problems_add(tenant=tenant, collection_id=into.pk, problems=new))

    assert [take(own), take(own), take(other)] == [2, 0, 2]


def test_another_academy_sees_adds_and_deletes_nothing(
    api: Client, document: Document, tenant: Tenant
) -> None:
    own = collection(tenant)
    (problem,) = added(tenant, own, ["비밀 문제"])
    stranger = Client(make_tenant(), document)
    assert stranger("get", "problem-collections").json()["items"] == []
    for method, path, body, code in (
        ("get", f"problem-collections/{own.pk}", None, "collection_not_found"),
        ("delete", f"problem-collections/{own.pk}", None, "collection_not_found"),
        ("get", f"problem-collections/{own.pk}/problems", None, "collection_not_found"),
        (
            "post",
            f"problem-collections/{own.pk}/problems",
            {"problems": [SUM]},
            "collection_not_found",
        ),
        ("get", f"problems/{problem.pk}", None, "problem_not_found"),
        ("delete", f"problems/{problem.pk}", None, "problem_not_found"),
    ):
        assert error_of(stranger(method, path, body), 404)["code"] == code
    # Titles are each academy's own.
    stranger.made(title=own.title)
    assert api("get", f"problem-collections/{own.pk}").json()["problems"] == 1


def test_rights_are_asked_for(tenant: Tenant, document: Document) -> None:
    reader = Client(tenant, document, "problems:read")
    other = Client(tenant, document, "jobs:read")
    assert reader("get", "problem-collections").status_code == 200
    error_of(reader("post", "problem-collections", BOOK), 403)
    error_of(other("get", "problem-collections"), 403)


def test_an_academy_that_leaves_leaves_no_material(tenant: Tenant) -> None:
    stays = make_tenant()
    for one in (tenant, stays):
        own = collection(one)
        indexed(one, model(), added(one, own, ["하나", "둘"]), directions(2, seed=2))
    assert services.material_delete(tenant=tenant) == 2
    for kept in (Collection, Problem, ProblemVector):
        assert not kept.objects.for_tenant(tenant).exists()
        assert kept.objects.for_tenant(stays).exists()
