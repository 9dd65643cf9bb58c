"""API keys: only the hash is kept, scopes are exact, rotation leaves no gap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from academy.core import clock
from academy.core.errors import AppError
from academy.tenants.keys import key_create, key_revoke, key_rotate, key_verify
from academy.tenants.models import ApiKey
from academy.tenants.scopes import TENANT_SCOPES, Scope
from tests.support.rest import client_with, error_of, key_client, new_tenant, owner_client

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


def test_a_key_opens_what_its_scopes_name_and_nothing_else() -> None:
    tenant = new_tenant().tenant
    client = key_client(tenant, Scope.TENANT_READ)
    assert client.get("/api/v1/tenant").json()["slug"] == tenant.slug
    error = error_of(client.get("/api/v1/uploads"), 403)
    assert (error["code"], error["details"]) == ("scope_missing", {"scope": "uploads:read"})


def test_neither_the_key_nor_anything_that_yields_it_is_stored() -> None:
    token = new_tenant().key.token
    secret = token.split("_", 2)[2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM tenants_apikey t")
        stored = " ".join(row[0] for row in cursor.fetchall())
    assert secret not in stored
    assert secret.encode().hex() not in stored


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token + "x",
        lambda token: token[: len("ak_xxxxxxxx_")],
        lambda token: "ak_zzzzzzzz_" + token.split("_", 2)[2],
        lambda _: "ak_",
        lambda _: "ak__",
        lambda _: "ak_\u00e9_x",
        lambda _: "x" * 5_000,
    ],
)
def test_a_wrong_key_is_401_whatever_is_wrong_with_it(change) -> None:
    token = change(new_tenant().key.token)
    answer = client_with(token).get("/api/v1/me")
    assert error_of(answer, 401)["code"] == "not_authenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "Bearer  ", "ak_x_y"])
def test_a_malformed_authorization_header_is_401(header: str) -> None:
    client = client_with(None)
    client.credentials(HTTP_AUTHORIZATION=header)
    error_of(client.get("/api/v1/me"), 401)


def test_revoked_and_expired_keys_stop_working_at_once() -> None:
    new = new_tenant()
    expiring = key_create(
        tenant=new.tenant,
        name="short",
        scopes=TENANT_SCOPES,
        expires_at=clock.now() + timedelta(minutes=1),
    )
    assert key_verify(expiring.token) is not None
    with clock.shifted(timedelta(minutes=2)):
        assert key_verify(expiring.token) is None
    key_revoke(tenant=new.tenant, key_id=new.key.key.pk)
    error_of(client_with(new.key.token).get("/api/v1/me"), 401)


def test_a_suspended_academys_keys_are_refused_with_the_reason() -> None:
    new = new_tenant()
    new.tenant.is_active = False
    new.tenant.save()
    error = error_of(client_with(new.key.token).get("/api/v1/me"), 403)
    assert error["code"] == "tenant_inactive"


def test_rotation_makes_a_second_key_and_ends_the_first_after_the_grace() -> None:
    new = new_tenant()
    old = new.key
    client = owner_client(new)
    answer = client.post(
        f"/api/v1/api-keys/{old.key.pk}/rotate", {"grace_seconds": 60}, format="json"
    )
    assert answer.status_code == 201
    rotated = answer.json()
    assert rotated["name"] == old.key.name
    assert rotated["scopes"] == sorted(old.key.scopes)
    assert key_verify(old.token) is not None
    assert key_verify(rotated["token"]) is not None
    with clock.shifted(timedelta(seconds=61)):
        assert key_verify(old.token) is None
        assert key_verify(rotated["token"]) is not None


def test_at_most_two_keys_of_a_name_live_at_once() -> None:
    tenant = new_tenant().tenant
    first = key_create(tenant=tenant, name="import", scopes=TENANT_SCOPES)
    second = key_rotate(tenant=tenant, key_id=first.key.pk)
    for attempt in (
        lambda: key_create(tenant=tenant, name="import", scopes=TENANT_SCOPES),
        lambda: key_rotate(tenant=tenant, key_id=second.key.pk),
    ):
        with pytest.raises(AppError) as caught:
            attempt()
        assert caught.value.code == "api_key_limit"
    key_revoke(tenant=tenant, key_id=first.key.pk)
    key_rotate(tenant=tenant, key_id=second.key.pk)


@pytest.mark.django_db(transaction=True)
def test_creations_side_by_side_never_exceed_two_of_a_name() -> None:
    tenant = new_tenant().tenant

    def create(_: int) -> bool:
        try:
            key_create(tenant=tenant, name="race", scopes=TENANT_SCOPES)
        except AppError:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(create, range(6))) == 2
    assert ApiKey.objects.for_tenant(tenant).filter(name="race").count() == 2


def test_last_use_is_noted_at_most_once_a_minute() -> None:
    new = new_tenant()
    key_verify(new.key.token)
    first = ApiKey.unscoped.get(pk=new.key.key.pk).last_used_at
    with clock.shifted(timedelta(seconds=30)):
        key_verify(new.key.token)
    assert ApiKey.unscoped.get(pk=new.key.key.pk).last_used_at == first
    with clock.shifted(timedelta(seconds=90)):
        key_verify(new.key.token)
    assert ApiKey.unscoped.get(pk=new.key.key.pk).last_used_at > first


def test_nobody_grants_scopes_they_do_not_have() -> None:
    tenant = new_tenant().tenant
    client = key_client(tenant, Scope.KEYS_ADMIN, Scope.JOBS_READ)
    error = error_of(
        client.post("/api/v1/api-keys", {"name": "x", "scopes": ["jobs:write"]}, format="json"), 403
    )
    assert (error["code"], error["details"]) == ("scope_not_grantable", {"scopes": "jobs:write"})
    made = client.post("/api/v1/api-keys", {"name": "y"}, format="json")
    assert made.json()["scopes"] == ["jobs:read"]
    answer = client.post(
        "/api/v1/api-keys", {"name": "z", "scopes": ["platform:tenants"]}, format="json"
    )
    assert error_of(answer, 400)["code"] == "validation_failed"


def test_the_token_is_in_the_answer_of_its_creation_and_never_again() -> None:
    client = owner_client(new_tenant())
    made = client.post("/api/v1/api-keys", {"name": "nightly"}, format="json")
    assert client_with(made.json()["token"]).get("/api/v1/me").json()["kind"] == "api_key"
    listed = client.get("/api/v1/api-keys").content.decode()
    assert made.json()["prefix"] in listed
    assert made.json()["token"].split("_", 2)[2] not in listed


def test_another_academys_key_does_not_exist() -> None:
    mine, other = owner_client(new_tenant()), new_tenant()
    for answer in (
        mine.delete(f"/api/v1/api-keys/{other.key.key.pk}"),
        mine.post(f"/api/v1/api-keys/{other.key.key.pk}/rotate", {}, format="json"),
        mine.delete(f"/api/v1/members/{other.owner.member.pk}"),
    ):
        assert error_of(answer, 404)["code"] == "not_found"
    assert key_verify(other.key.token) is not None
