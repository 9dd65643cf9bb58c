"""A REST client in tests: credentials, and the errors that answers carry."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from rest_framework.test import APIClient

from academy.core.ids import new_id
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.tenants.scopes import TENANT_SCOPES
from academy.tenants.services import NewTenant, staff_create, tenant_create


def new_tenant(plan: str = "start") -> NewTenant:
    """An academy with its owner and a first key of all scopes."""
    name = f"academy-{new_id().hex[-12:]}"
    return tenant_create(slug=name, name="시험학원", plan=plan, owner_username=f"owner.{name}")


def client_with(token: str | None) -> APIClient:
    """A client that sends a bearer credential, and answers 500 instead of raising."""
    client = APIClient(raise_request_exception=False)
    if token is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def key_client(tenant: Tenant, *scopes: str) -> APIClient:
    """A client with a new key of a tenant; without scopes it has all."""
    issued = key_create(
        tenant=tenant, name=f"key {new_id().hex[-12:]}", scopes=scopes or TENANT_SCOPES
    )
    return client_with(issued.token)


def sign_in(username: str, password: str, **fields: Any) -> Any:
    """The answer of a sign-in."""
    body = {"username": username, "password": password, **fields}
    return client_with(None).post("/api/v1/auth/token", body, format="json")


def owner_client(new: NewTenant) -> APIClient:
    """A client with the owner's access token."""
    answer = sign_in(new.owner.member.user.username, new.owner.password)
    assert answer.status_code == 200, answer.content
    return client_with(answer.json()["access"])


def staff_client() -> tuple[APIClient, User]:
    """A client with the access token of a new member of the platform's staff."""
    user, password = staff_create(username=f"staff.{new_id().hex[-12:]}")
    answer = sign_in(user.username, password)
    assert answer.status_code == 200, answer.content
    return client_with(answer.json()["access"]), user


def error_of(answer: Any, status: int) -> dict[str, Any]:
    """The error of an answer that has this status and the shape every error has."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    body = answer.json()
    assert set(body) == {"error", "request_id"}
    assert answer.headers["X-Request-ID"] == body["request_id"]
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "action", "retryable", "details"}
    assert error["message"]["ko"]
    assert error["message"]["en"]
    assert "Traceback" not in answer.content.decode()
    return error
