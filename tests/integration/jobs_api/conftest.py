"""The jobs API through Django's whole stack, on a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from academy.core.ids import new_id
from academy.jobs import kinds
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.tenants.scopes import DEFAULT_KEY_SCOPES
from tests.support.jobs import make_tenant
from tests.support.kinds import registry
from tests.support.openapi import Document

JOBS = "/api/v1/jobs"


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
    """The test kinds, and whatever a test registers, for this test only."""
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


class Client(APIClient):
    """A caller with a key, whose every answer is held against the OpenAPI document."""

    document: Document

    def generic(self, method: str, path: str, *args: Any, **extra: Any) -> Any:
        response = super().generic(method, path, *args, **extra)
        if not response.streaming:
            media = response.headers.get("Content-Type", "").partition(";")[0]
            read = response.content.decode if media == "text/plain" else response.json
            body = read() if response.content else None
            self.document.check_answer(
                method, response.wsgi_request.path, response.status_code, media, body
            )
        return response

    def submit(self, kind: str = "test.ok", **order: Any) -> dict[str, Any]:
        """Submit one job and return its body."""
        response = self.post(JOBS, {"kind": kind, **order})
        assert response.status_code == 202, response.content
        body: dict[str, Any] = response.json()
        return body


@pytest.fixture(scope="session")
def _documents() -> dict[frozenset[str], Document]:
    return {}


@pytest.fixture
def document(_documents: dict[frozenset[str], Document]) -> Document:
    """The OpenAPI document with the test kinds in it."""
    names = frozenset(spec.name for spec in kinds.all_kinds())
    if names not in _documents:
        _documents[names] = Document()
    return _documents[names]


@pytest.fixture
def client_of(document: Document) -> Any:
    """Makes a client of a tenant with some scopes."""

    def make(tenant: Tenant, scopes: frozenset[str] = DEFAULT_KEY_SCOPES) -> Client:
        client = Client(raise_request_exception=False)
        client.document = document
        key = key_create(tenant=tenant, name=f"key-{new_id().hex[-12:]}", scopes=scopes)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.token}")
        return client

    return make


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> Tenant:
    """An academy; rows are committed where the test says so."""
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and bool(marker.kwargs.get("transaction"))
    request.getfixturevalue("transactional_db" if commits else "db")
    return make_tenant()


@pytest.fixture
def client(tenant: Tenant, client_of: Any) -> Client:
    """A client of ``tenant``."""
    made: Client = client_of(tenant)
    return made
