"""Browser users: passwords are guessed slowly, refresh tokens work once, rights follow the row."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from academy.core import clock
from academy.tenants import throttle, tokens
from academy.tenants.models import LoginThrottle, Member, RefreshToken, Role
from academy.tenants.services import member_add
from tests.support.rest import (
    client_with,
    error_of,
    new_tenant,
    owner_client,
    sign_in,
    staff_client,
)

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


@pytest.fixture
def owner() -> tuple[str, str]:
    new = new_tenant()
    return new.owner.member.user.username, new.owner.password


def refresh(token: str) -> Any:
    return client_with(None).post("/api/v1/auth/refresh", {"refresh": token}, format="json")


def test_a_sign_in_gives_a_token_that_speaks_for_the_member(owner: tuple[str, str]) -> None:
    pair = sign_in(*owner).json()
    me = client_with(pair["access"]).get("/api/v1/me").json()
    assert (me["kind"], me["role"], me["username"]) == ("member", "owner", owner[0])
    assert pair["expires_in"] == 900
    assert "keys:admin" in me["scopes"]


def test_a_wrong_password_and_an_unknown_user_read_the_same(owner: tuple[str, str]) -> None:
    wrong = sign_in(owner[0], "not the password")
    unknown = sign_in("nobody.here", "not the password")
    assert error_of(wrong, 401)["code"] == error_of(unknown, 401)["code"] == "login_failed"


def test_an_unknown_user_costs_a_password_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    genuine = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        hashed.append(password)
        return genuine(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    sign_in("nobody.at.all", "guess")
    assert hashed == ["guess"]


def test_the_access_token_expires_on_the_platforms_clock(owner: tuple[str, str]) -> None:
    access = sign_in(*owner).json()["access"]
    with clock.shifted(settings.ACCESS_TOKEN_LIFETIME + timedelta(seconds=1)):
        error = error_of(client_with(access).get("/api/v1/me"), 401)
    assert error["code"] == "credentials_expired"


def forged(access: str, **changes: Any) -> list[str]:
    claims = jwt.decode(access, options={"verify_signature": False}) | changes
    head, _, signature = access.split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return [
        f"{head}.{body}.{signature}",
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, "x" * 32, algorithm="HS256"),
        jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256"),
    ]


def test_a_forged_or_unsigned_token_is_refused(owner: tuple[str, str]) -> None:
    other = new_tenant().owner.member
    for token in forged(
        sign_in(*owner).json()["access"], mid=str(other.pk), sub=str(other.user_id)
    ):
        assert error_of(client_with(token).get("/api/v1/me"), 401)["code"] == "not_authenticated"


@pytest.mark.parametrize("claim", ["sub", "exp", "aud", "iss", "iat", "jti"])
def test_a_token_without_a_required_claim_is_refused(claim: str, owner: tuple[str, str]) -> None:
    claims = jwt.decode(sign_in(*owner).json()["access"], options={"verify_signature": False})
    del claims[claim]
    token = jwt.encode(claims, tokens._signing_key(), algorithm="HS256")
    error_of(client_with(token).get("/api/v1/me"), 401)


def test_a_refresh_token_works_once_and_gives_the_next_pair(owner: tuple[str, str]) -> None:
    first = sign_in(*owner).json()
    second = refresh(first["refresh"]).json()
    assert second["refresh"] != first["refresh"]
    assert client_with(second["access"]).get("/api/v1/me").status_code == 200
    assert refresh(second["refresh"]).status_code == 200


def test_a_refresh_token_used_twice_ends_the_whole_session(owner: tuple[str, str]) -> None:
    stolen = sign_in(*owner).json()["refresh"]
    newest = refresh(stolen).json()["refresh"]
    assert error_of(refresh(stolen), 401)["code"] == "session_ended"
    assert error_of(refresh(newest), 401)["code"] == "session_ended"


def test_one_session_ends_without_the_others(owner: tuple[str, str]) -> None:
    first, second = sign_in(*owner).json(), sign_in(*owner).json()
    answer = client_with(None).post(
        "/api/v1/auth/logout", {"refresh": first["refresh"]}, format="json"
    )
    assert answer.status_code == 204
    error_of(refresh(first["refresh"]), 401)
    assert refresh(second["refresh"]).status_code == 200


def test_a_session_ends_at_its_first_expiry_however_often_it_is_refreshed(
    owner: tuple[str, str],
) -> None:
    token = sign_in(*owner).json()["refresh"]
    with clock.shifted(settings.REFRESH_TOKEN_LIFETIME - timedelta(minutes=1)):
        token = refresh(token).json()["refresh"]
    with clock.shifted(settings.REFRESH_TOKEN_LIFETIME + timedelta(minutes=1)):
        error_of(refresh(token), 401)
        assert tokens.sweep() == 2
    assert not RefreshToken.objects.exists()


def test_refresh_tokens_are_stored_as_hashes_only(owner: tuple[str, str]) -> None:
    token = sign_in(*owner).json()["refresh"]
    row = RefreshToken.objects.get()
    assert token.encode() not in bytes(row.token_hash)
    assert len(bytes(row.token_hash)) == 32


def test_a_removed_member_is_out_at_once() -> None:
    new = new_tenant()
    teacher = member_add(tenant=new.tenant, username="teacher.sunwoo", role=Role.TEACHER)
    pair = sign_in("teacher.sunwoo", teacher.password).json()
    answer = owner_client(new).delete(f"/api/v1/members/{teacher.member.pk}")
    assert answer.status_code == 204
    error_of(client_with(pair["access"]).get("/api/v1/me"), 401)
    error_of(refresh(pair["refresh"]), 401)
    error_of(sign_in("teacher.sunwoo", teacher.password), 401)


def test_guessing_is_throttled_for_the_pair_and_the_window_ends(owner: tuple[str, str]) -> None:
    limit = throttle._PAIR.per_window
    for _ in range(limit):
        error_of(sign_in(owner[0], "guess"), 401)
    answer = sign_in(*owner)
    error = error_of(answer, 429)
    assert error["code"] == "login_throttled"
    assert 0 < int(answer.headers["Retry-After"]) <= throttle.WINDOW.total_seconds()
    with clock.shifted(throttle.WINDOW + timedelta(seconds=1)):
        assert sign_in(*owner).status_code == 200
        throttle.sweep()


def test_the_admins_form_is_throttled_like_the_api() -> None:
    _, user = staff_client()
    user.set_password("a longer battery staple")
    user.is_superuser = True
    user.save()
    browser = Client()
    good = {"username": user.username, "password": "a longer battery staple"}
    assert browser.post("/admin/login/?next=/admin/", good).status_code == 302
    browser.logout()
    for _ in range(throttle._PAIR.per_window):
        assert browser.post("/admin/login/", {**good, "password": "guess"}).status_code == 200
    assert browser.post("/admin/login/", good).status_code == 200
    assert browser.get("/admin/").status_code == 302
    with clock.shifted(throttle.WINDOW + timedelta(seconds=1)):
        assert browser.post("/admin/login/?next=/admin/", good).status_code == 302


def test_one_address_that_tries_many_names_is_throttled() -> None:
    for index in range(throttle._ADDRESS.per_window):
        throttle.count_attempt(f"name-{index}", "127.0.0.1")
    error_of(sign_in("one.more", "guess"), 429)
    throttle.count_attempt("one.more", "127.0.0.2")


def test_a_success_forgives_and_the_table_names_nobody(owner: tuple[str, str]) -> None:
    for _ in range(3):
        sign_in(owner[0], "guess")
    sign_in(*owner)
    rows = list(LoginThrottle.objects.all())
    assert [row.failures for row in rows] == [3]
    assert all(owner[0] not in row.key and "127.0.0.1" not in row.key for row in rows)


def test_somebody_of_two_academies_chooses_one() -> None:
    here, there = new_tenant(), new_tenant()
    user = here.owner.member.user
    Member.objects.for_tenant(there.tenant).create(user=user, role=Role.TEACHER)
    error = error_of(sign_in(user.username, here.owner.password), 400)
    assert error["code"] == "tenant_choice_required"
    pair = sign_in(user.username, here.owner.password, tenant=there.tenant.slug).json()
    me = client_with(pair["access"]).get("/api/v1/me").json()
    assert (me["tenant"]["slug"], me["role"]) == (there.tenant.slug, "teacher")


def test_a_changed_password_ends_every_session(owner: tuple[str, str]) -> None:
    pair = sign_in(*owner).json()
    client = client_with(pair["access"])
    weak = {"current": owner[1], "new": "123456789012"}
    answer = client.post("/api/v1/auth/password", weak, format="json")
    assert error_of(answer, 400)["code"] == "password_too_weak"
    wrong = {"current": "x", "new": "a longer battery staple"}
    error_of(client.post("/api/v1/auth/password", wrong, format="json"), 401)
    good = {"current": owner[1], "new": "a longer battery staple"}
    assert client.post("/api/v1/auth/password", good, format="json").status_code == 204
    error_of(refresh(pair["refresh"]), 401)
    error_of(sign_in(*owner), 401)
    assert sign_in(owner[0], "a longer battery staple").status_code == 200


def test_staff_sign_in_without_an_academy_and_see_no_academys_data() -> None:
    client, user = staff_client()
    me = client.get("/api/v1/me").json()
    scopes = ["ops:read", "ops:write", "platform:tenants"]
    assert (me["kind"], me["tenant"], me["scopes"]) == ("staff", None, scopes)
    for path in ("/api/v1/tenant", "/api/v1/uploads", "/api/v1/api-keys", "/api/v1/members"):
        error_of(client.get(path), 403)
    user.is_staff = False
    user.save()
    error_of(client.get("/api/v1/me"), 401)
