"""Pages without an account: links, the visits they begin, and what neither allows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.test import Client

from academy.core import clock
from academy.core.ids import new_id
from academy.desk.links import Grant, expiry, link
from academy.tenants.keys import key_create, key_revoke
from academy.tenants.models import Member, Tenant
from tests.support.desk_pages import PURPOSE
from tests.support.jobs import make_tenant
from tests.support.rest import client_with, error_of, key_client, new_tenant, owner_client

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.desk_pages")]

SCOPES = ("students:read", "students:write")


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def minted(client: Any, pupil: UUID, **body: Any) -> Any:
    return client.post(f"/api/v1/pupils/{pupil}/link", body, format="json")


def path_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    parts = urlsplit(answer.json()["url"])
    return f"{parts.path}?{parts.query}"


class Reader:
    """A browser that checks forgery as Django does in production."""

    def __init__(self, link: str, **headers: str) -> None:
        self.client = Client(enforce_csrf_checks=True, headers=headers)
        self.first = self.client.get(link)
        self.root = urlsplit(link).path

    def page(self, query: str = "") -> Any:
        return self.client.get(self.root + query)

    def memo(self) -> Any:
        return self.client.get(f"{self.root}/memo")

    def write(self, *, token: str | None = None, **options: Any) -> Any:
        if token is None:
            found = re.search(r'name="csrf-token" content="(\w+)"', self.page().content.decode())
            assert found is not None
            token = found[1]
        return self.client.post(
            f"{self.root}/memo", {"memo": "x"}, content_type="application/json",
            headers={"X-CSRFToken": token}, **options,
        )  # fmt: skip


def test_a_link_becomes_a_visit_and_leaves_the_address_bar(tenant: Tenant) -> None:
    pupil = new_id()
    reader = Reader(path_of(minted(key_client(tenant, *SCOPES), pupil, actor="teacher-7")))
    first = reader.first
    assert (first.status_code, first["Location"]) == (303, f"/desk/pupil/{pupil}")
    cookie = first.cookies["desk-pupil"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (
        True, "Lax", f"/desk/pupil/{pupil}",
    )  # fmt: skip
    page = reader.page()
    assert page.status_code == 200
    assert str(pupil) in page.content.decode()
    assert tenant.name in page.content.decode()
    assert re.fullmatch(r"key:\w+/teacher-7", reader.memo().json()["by"])
    assert reader.memo()["Cache-Control"] == "no-store"


@pytest.mark.parametrize("which", ["first", "page"])
def test_pages_run_nothing_foreign_and_tell_nobody_where_they_are(
    tenant: Tenant, which: str
) -> None:
    reader = Reader(path_of(minted(key_client(tenant, *SCOPES), new_id())))
    answer = reader.first if which == "first" else reader.page()
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert (answer["Referrer-Policy"], answer["Cache-Control"]) == (
        "same-origin", "private, no-store",
    )  # fmt: skip
    assert "<script>" not in answer.content.decode()


def test_a_write_needs_the_token_of_the_page(tenant: Tenant) -> None:
    reader = Reader(path_of(minted(key_client(tenant, *SCOPES), new_id(), actor="t1")))
    done = reader.write()
    assert (done.status_code, done.json()["written"]) == (200, {"memo": "x"})
    assert done.json()["by"].endswith("/t1")
    assert error_of(reader.write(token="a" * 32), 403)["code"] == "forbidden"
    foreign = reader.client.post(
        f"{reader.root}/memo", {"memo": "x"}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403


def test_a_link_allows_no_more_than_was_wished_and_its_maker_has(tenant: Tenant) -> None:
    full = key_client(tenant, *SCOPES)
    reader = Reader(path_of(minted(full, new_id(), read_only=True)))
    assert reader.memo().status_code == 200
    assert error_of(reader.write(), 403)["code"] == "scope_missing"
    reader = Reader(path_of(minted(key_client(tenant, "students:read"), new_id())))
    assert error_of(reader.write(), 403)["code"] == "scope_missing"
    assert error_of(minted(key_client(tenant, "jobs:read"), new_id()), 403)


def test_a_visit_is_of_one_object_alone(tenant: Tenant) -> None:
    mine, other = new_id(), new_id()
    link = path_of(minted(key_client(tenant, *SCOPES), mine))
    reader = Reader(link)
    assert reader.client.get(f"/desk/pupil/{other}").status_code == 403
    stolen = reader.client.cookies["desk-pupil"].value
    thief = Client()
    thief.cookies["desk-pupil"] = stolen
    assert error_of(thief.get(f"/desk/pupil/{other}/memo"), 403)["code"] == "page_visit_ended"
    assert thief.get(f"/desk/pupil/{mine}/memo").status_code == 200
    moved = link.replace(str(mine), str(other))
    assert b"page_link_invalid" in thief.get(moved).content
    # A cookie is no link, and a link no cookie.
    assert b"page_link_invalid" in thief.get(f"/desk/pupil/{mine}?token={stolen}").content
    thief.cookies["desk-pupil"] = link.partition("token=")[2]
    assert error_of(thief.get(f"/desk/pupil/{mine}/memo"), 403)["code"] == "page_visit_ended"


def test_links_and_visits_end(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    link = path_of(minted(key_client(tenant, *SCOPES), new_id(), expires_in=60))
    reader = Reader(link)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=61))
    late = Client().get(link)
    assert (late.status_code, b"page_link_expired" in late.content) == (403, True)
    # Whoever opened it in time comes back to the open page, by the old link too.
    assert reader.client.get(link).status_code == 303
    assert reader.page().status_code == 200
    monkeypatch.setattr(clock, "now", lambda: now + PURPOSE.visit + timedelta(seconds=1))
    assert b"page_visit_ended" in reader.page().content
    assert error_of(reader.memo(), 403)["code"] == "page_visit_ended"


def test_what_a_revoked_key_or_a_former_member_made_opens_nothing(tenant: Tenant) -> None:
    issued = key_create(tenant=tenant, name="k", scopes=SCOPES)
    link = path_of(minted(client_with(issued.token), new_id()))
    reader = Reader(link)
    assert reader.page().status_code == 200
    key_revoke(tenant=tenant, key_id=issued.key.pk)
    assert b"page_link_revoked" in reader.page().content
    assert error_of(reader.memo(), 403)["code"] == "page_link_revoked"
    assert Client().get(link).status_code == 403

    new = new_tenant()
    reader = Reader(path_of(minted(owner_client(new), new_id())))
    assert re.fullmatch(r"user:\d+", reader.memo().json()["by"])
    Member.objects.for_tenant(new.tenant).delete()
    assert error_of(reader.memo(), 403)["code"] == "page_link_revoked"


def test_an_academy_that_is_switched_off_shows_nothing(tenant: Tenant) -> None:
    reader = Reader(path_of(minted(key_client(tenant, *SCOPES), new_id())))
    Tenant.objects.filter(pk=tenant.pk).update(is_active=False)
    assert reader.page().status_code == 403
    assert error_of(reader.memo(), 403)["code"] == "tenant_inactive"


@pytest.mark.parametrize(
    "body",
    [
        {"actor": "김보기"}, {"actor": "01012345678"}, {"actor": "a" * 65}, {"actor": ""},
        {"expires_in": 59}, {"expires_in": 7 * 86_400 + 1}, {"expires_in": "60"},
        {"read_only": "yes"}, {"scopes": ["students:write"]},
    ],
)  # fmt: skip
def test_a_link_that_cannot_be_meant_is_refused(tenant: Tenant, body: dict[str, Any]) -> None:
    error_of(minted(key_client(tenant, *SCOPES), new_id(), **body), 400)


def test_a_forged_link_opens_nothing(tenant: Tenant) -> None:
    link = path_of(minted(key_client(tenant, *SCOPES), new_id()))
    for token in ("", "x", "a:b:c", "a" * 5_000, link.partition("token=")[2][:-1]):
        answer = Client().get(f"{urlsplit(link).path}?token={token}")
        assert (answer.status_code, b"page_link_invalid" in answer.content) == (403, True)
        assert not answer.cookies.get("desk-pupil")


def test_the_page_speaks_the_readers_language_and_can_be_switched(tenant: Tenant) -> None:
    link = path_of(minted(key_client(tenant, *SCOPES), new_id()))
    english = Reader(link, **{"Accept-Language": "en-GB,en;q=0.9"})
    assert '<html lang="en">' in english.page().content.decode()
    korean = Reader(link)
    html = korean.page().content.decode()
    assert '<html lang="ko">' in html
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)
    assert found is not None
    korean.client.post(
        "/desk/language",
        {"language": "en", "next": korean.root, "csrfmiddlewaretoken": found[1]},
    )
    assert '<html lang="en">' in korean.page().content.decode()
    refused = korean.page("?gone=1")
    assert (refused.status_code, b"This page cannot be opened" in refused.content) == (404, True)


def test_a_grant_beyond_the_purpose_is_a_mistake_of_the_programmer(tenant: Tenant) -> None:
    grant = Grant(tenant.pk, "key:x", "", frozenset({"keys:admin"}), expiry(timedelta(hours=1)))
    with pytest.raises(ValueError, match="keys:admin"):
        link(PURPOSE, {"pupil_id": new_id()}, grant)
