"""Two academies: neither sees, counts or changes anything of the other, in any operation."""

from __future__ import annotations

from typing import Any

import pytest

from academy.jobs.models import Job
from academy.tenants.scopes import Scope
from tests.support.jobs import make_job, make_tenant, run

pytestmark = pytest.mark.django_db


def job_operations(document: Any) -> list[tuple[str, str, dict[str, Any]]]:
    found = [item for item in document.operations() if "Jobs" in item[2].get("tags", ())]
    assert len(found) == 12
    return found


def snapshot() -> list[Any]:
    return list(Job.unscoped.order_by("id").values_list("id", "state", "cancel_requested_at"))


def test_every_operation_on_a_job_of_another_academy_is_not_found(
    client: Any, client_of: Any, document: Any, tenant: Any
) -> None:
    stranger = client_of(make_tenant())
    failed = make_job(tenant, "test.permanent")
    run(failed)
    waiting = make_job(tenant, "test.transient")
    run(waiting)
    jobs = [make_job(tenant), failed, waiting]
    below = [item for item in job_operations(document) if "{job_id}" in item[1]]
    assert len(below) == 8
    for method, template, _ in below:
        accepts = ["application/json"]
        if template.endswith("/events"):
            accepts.append("text/event-stream")
        for job in jobs:
            path = template.replace("{job_id}", str(job.pk))
            before = snapshot()
            for accept in accepts:
                headers = {"Accept": accept, "Idempotency-Key": "k"}
                response = getattr(stranger, method)(path, headers=headers)
                assert response.status_code == 404, (method, path)
                assert response.json()["error"]["code"] == "job_not_found"
            assert snapshot() == before
            # Its owner is heard: the refusal is not the operation's own.
            assert getattr(client, method)(path).status_code in (200, 202, 409)


def test_lists_show_only_ones_own(client: Any, client_of: Any, tenant: Any) -> None:
    other = make_tenant()
    mine = make_job(tenant)
    parent = make_job(other, "test.fan_out", params={"children": 2})
    run(parent)
    assert [job["id"] for job in client.get("/api/v1/jobs").json()["items"]] == [str(mine.pk)]
    assert client.get("/api/v1/jobs", {"parent": str(parent.pk)}).json()["items"] == []
    cursor = client_of(other).get("/api/v1/jobs", {"limit": 1}).json()["next_cursor"]
    assert cursor is None


def test_a_cursor_of_another_academy_opens_nothing(client: Any, client_of: Any) -> None:
    other = make_tenant()
    for _ in range(3):
        make_job(other)
    cursor = client_of(other).get("/api/v1/jobs", {"limit": 1}).json()["next_cursor"]
    assert client.get("/api/v1/jobs", {"cursor": cursor}).json()["items"] == []


def test_every_operation_needs_a_key(client_of: Any, document: Any, tenant: Any) -> None:
    nobody = client_of(tenant)
    nobody.credentials()
    job = make_job(tenant)
    for method, template, _ in job_operations(document):
        response = getattr(nobody, method)(template.replace("{job_id}", str(job.pk)))
        assert response.status_code == 401, (method, template)


def test_every_operation_needs_its_scope(client_of: Any, document: Any, tenant: Any) -> None:
    """A key that may only write reads nothing, and one that may only read writes nothing."""
    job = make_job(tenant)
    held = {"get": Scope.JOBS_WRITE, "post": Scope.JOBS_READ}
    for method, template, _ in job_operations(document):
        caller = client_of(make_tenant(), frozenset({held[method]}))
        response = getattr(caller, method)(template.replace("{job_id}", str(job.pk)))
        assert response.status_code == 403, (method, template)
        assert response.json()["error"]["code"] == "scope_missing"
