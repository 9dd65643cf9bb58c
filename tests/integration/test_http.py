"""Every answer of the API has its id, its headers and, when it fails, the one error body."""

from __future__ import annotations

import io
import json
import logging
import threading
from typing import Any

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import SuspiciousOperation
from django.core.management import call_command
from django.db import IntegrityError, InterfaceError, OperationalError
from django.test import Client
from rest_framework.test import APIClient

from academy.core import health
from academy.core.errors import AppError
from academy.tenants.api import views_auth
from tests.support.rest import client_with, error_of, key_client, new_tenant

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


@pytest.fixture
def client() -> APIClient:
    return key_client(new_tenant().tenant)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/nothing/here", 404, "not_found"),
        ("get", "/api/v1/nothing", 404, "not_found"),
        ("get", "/api/v1/uploads/not-a-uuid", 404, "not_found"),
        ("put", "/api/v1/me", 405, "method_not_allowed"),
        ("options", "/api/v1/me", 405, "method_not_allowed"),
        ("get", "/api/v1/me?x=%00", 400, "malformed_request"),
        ("get", "/api/v1/%00", 400, "malformed_request"),
    ],
)
def test_routing_errors_are_json_too(
    client: APIClient, method: str, path: str, status: int, code: str
) -> None:
    assert error_of(getattr(client, method)(path), status)["code"] == code


def post(client: APIClient, body: bytes, content_type: str = "application/json", **extra: Any):
    return client.generic("POST", "/api/v1/api-keys", body, content_type=content_type, **extra)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_request"),
        (b"\xff\xfe", "application/json", 400, "malformed_request"),
        (b'{"name": "a\\u0000"}', "application/json", 400, "malformed_request"),
        (b'{"name": "\\ud800"}', "application/json", 400, "malformed_request"),
        (b"[" * 50_000, "application/json", 400, "malformed_request"),
        (b"[]", "application/json", 400, "validation_failed"),
        (b"null", "application/json", 400, "validation_failed"),
        (b'"name"', "application/json", 400, "validation_failed"),
        (b"{}", "application/json", 400, "validation_failed"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"<a/>", "text/xml", 415, "unsupported_media_type"),
        (b" " * (1024 * 1024 + 1), "application/json", 413, "body_too_large"),
    ],
)
def test_bodies_that_cannot_be_read_are_refused_with_a_code(
    client: APIClient, body: bytes, content_type: str, status: int, code: str
) -> None:
    assert error_of(post(client, body, content_type), status)["code"] == code


def test_an_unacceptable_answer_type_is_406(client: APIClient) -> None:
    answer = client.get("/api/v1/me", HTTP_ACCEPT="text/csv")
    assert error_of(answer, 406)["code"] == "not_acceptable"


def test_a_request_id_is_taken_over_when_it_is_one_and_made_when_not(client: APIClient) -> None:
    given = "client-made-id.0001"
    assert client.get("/api/v1/me", HTTP_X_REQUEST_ID=given).headers["X-Request-ID"] == given
    for wrong in ("short", "x" * 65, "has space in it", "line\nbreak-in-it", "한글한글한글한글"):
        made = client.get("/api/v1/me", HTTP_X_REQUEST_ID=wrong).headers["X-Request-ID"]
        assert made != wrong
        assert len(made) == 36


def test_an_unknown_host_is_refused_without_a_stack_trace() -> None:
    answer = Client(raise_request_exception=False).get("/api/v1/me", HTTP_HOST="evil.example")
    assert error_of(answer, 400)["code"] == "malformed_request"


def raising(error: Exception) -> Any:
    def read(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OperationalError("connection refused: host db.internal"), 503, "service_unavailable"),
        (InterfaceError("connection already closed"), 503, "service_unavailable"),
        (AppError("storage_unavailable"), 503, "storage_unavailable"),
        (AppError("rate_limited", retry_after=7), 429, "rate_limited"),
        (IntegrityError("duplicate key value"), 500, "internal_error"),
        (SuspiciousOperation("odd"), 400, "malformed_request"),
        (KeyError("secret-detail"), 500, "internal_error"),
    ],
)
def test_what_a_view_raises_becomes_the_error_body_and_nothing_leaks(
    client: APIClient,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    monkeypatch.setattr(views_auth.MeView, "get", raising(error))
    answer = client.get("/api/v1/me")
    assert error_of(answer, status)["code"] == code
    assert "secret-detail" not in answer.content.decode()
    assert "db.internal" not in answer.content.decode()
    assert ("Retry-After" in answer.headers) is (status in (429, 503))


def test_an_error_outside_the_views_has_the_same_body(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, status in ((OperationalError("down"), 503), (ValueError("bug"), 500)):
        monkeypatch.setattr(SessionMiddleware, "process_request", raising(error))
        answer = client_with(None).get("/healthz")
        error_of(answer, status)


def test_an_unexpected_error_is_logged_with_its_request_id(
    client: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(views_auth.MeView, "get", raising(KeyError("cause")))
    with caplog.at_level(logging.ERROR):
        client.get("/api/v1/me", HTTP_X_REQUEST_ID="trace-me-please")
    assert any("KeyError" in (record.exc_text or str(record.exc_info)) for record in caplog.records)


def test_answers_carry_the_security_headers(client: APIClient) -> None:
    headers = client.get("/api/v1/me").headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


def test_the_docs_page_loads_nothing_from_elsewhere() -> None:
    page = client_with(None).get("/api/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "http://" not in text
    assert "https://" not in text
    assert "<script>" not in text
    assert "script-src" in page.headers["Content-Security-Policy"] or (
        "default-src 'self'" in page.headers["Content-Security-Policy"]
    )
    assert client_with(None).get("/api/docs/").status_code == 200
    script = client_with(None).get("/api/docs?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")


def schema() -> dict[str, Any]:
    written = io.StringIO()
    call_command("spectacular", "--format", "openapi-json", "--validate", stdout=written)
    loaded: dict[str, Any] = json.loads(written.getvalue())
    return loaded


def test_every_operation_documents_its_errors_its_scope_and_its_credentials() -> None:
    document = schema()
    assert set(document["components"]["securitySchemes"]) >= {"apiKey", "accessToken"}
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 20
    for path, method, operation in operations:
        where = f"{method} {path}"
        content = operation["responses"]["default"]["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Error"}, where
        if path.startswith("/api/v1/auth/") and not path.endswith("/password"):
            assert operation.get("security", []) in ([], [{}]), where
        elif path.startswith("/api/v1/"):
            assert operation["security"], where
        for name, shown in operation.get("requestBody", {}).get("content", {}).items():
            assert shown.get("examples"), (where, name)


def test_the_document_does_not_depend_on_the_deployment() -> None:
    text = json.dumps(schema())
    assert "127.0.0.1" not in text
    assert schema()["servers"] == [{"url": "/", "description": "This server"}]


def test_a_balancer_may_ask_for_health_by_address_and_for_nothing_else(settings: Any) -> None:
    settings.ALLOWED_HOSTS = [".example.com"]
    by_address = {"HTTP_HOST": "10.0.0.5:8000"}
    assert Client().get("/healthz", **by_address).status_code == 200
    assert Client().get("/api/v1/jobs", **by_address).status_code == 400
    assert Client().get("/healthz/", **by_address).status_code == 400


def test_health_asks_nothing_and_readiness_asks_everything(
    buckets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client_with(None).get("/healthz").json() == {"ok": True}
    monkeypatch.setattr(health, "_checks", dict(health._checks))
    answer = client_with(None).get("/readyz")
    assert answer.status_code == 200, answer.content
    assert set(answer.json()["checks"]) >= {"database", "migrations", "buckets"}

    health.register_check("part", raising(health.NotReady("secret-reason")))
    answer = client_with(None).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["part"]["ok"] is False
    assert answer.json()["checks"]["database"]["ok"] is True
    assert "secret-reason" not in answer.content.decode()


def test_a_check_that_hangs_counts_as_failed_and_runs_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, release = [], threading.Event()

    def hang() -> None:
        started.append(1)
        release.wait(20)

    monkeypatch.setattr(health, "_checks", {"hanging": hang})
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.2)
    try:
        for _ in range(3):
            assert client_with(None).get("/readyz").status_code == 503
        assert len(started) == 1
    finally:
        release.set()
