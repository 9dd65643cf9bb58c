"""A job's log lines over REST: for operators, and for nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academy.core.ids import new_id
from academy.jobs import logbook
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from academy.tenants.services import staff_create
from academy.tenants.tokens import access_token
from tests.support.jobs import make_job
from tests.support.rest import error_of

AT = datetime(2026, 3, 2, 0, 0, 1, 204_000, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client_of: Any, tenant: Tenant) -> Any:
    """A client of a member of the platform's staff."""
    user, _ = staff_create(username=f"staff.{new_id().hex[-12:]}")
    client = client_of(tenant)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_token(user, None)}")
    return client


@pytest.fixture
def job(tenant: Tenant) -> Job:
    """A job with three lines of its first attempt and one of its second."""
    made = make_job(tenant)
    lines = [
        (1, 1, "info", "one"),
        (1, 2, "warning", "two\n  of two lines"),
        (1, 3, "info", "three"),
    ]
    lines.append((2, 1, "error", "again"))
    logbook.store(
        [
            logbook.Line(
                made.pk, attempt, seq, AT + timedelta(seconds=seq), level, "made.up", message
            )
            for attempt, seq, level, message in lines
        ]
    )
    return made


def path(job: Job) -> str:
    return f"/api/v1/ops/jobs/{job.pk}/logs"


def test_an_operator_reads_the_lines_of_all_attempts(operator: Any, job: Job) -> None:
    body = operator.get(path(job)).json()
    assert [(line["attempt"], line["seq"]) for line in body["items"]] == [
        (1, 1), (1, 2), (1, 3), (2, 1),
    ]  # fmt: skip
    assert body["next_after"] is None
    assert body["items"][1] == {
        "attempt": 1,
        "seq": 2,
        "at": "2026-03-02T00:00:03.204000Z",
        "level": "warning",
        "logger": "made.up",
        "message": "two\n  of two lines",
    }


def test_pages_go_on_where_the_last_one_ended(operator: Any, job: Job) -> None:
    seen, after = [], ""
    for _ in range(5):
        body = operator.get(f"{path(job)}?limit=1{after}").json()
        seen += [line["message"] for line in body["items"]]
        if body["next_after"] is None:
            break
        after = f"&after={body['next_after']}"
    assert seen == ["one", "two\n  of two lines", "three", "again"]


def test_a_reader_who_follows_gets_only_what_is_new(operator: Any, job: Job) -> None:
    assert operator.get(f"{path(job)}?after=2.1").json()["items"] == []
    logbook.store([logbook.Line(job.pk, 2, 2, AT, "info", "made.up", "news")])
    (line,) = operator.get(f"{path(job)}?after=2.1").json()["items"]
    assert line["message"] == "news"


def test_lines_come_as_plain_text_where_that_is_asked_for(operator: Any, job: Job) -> None:
    answer = operator.get(f"{path(job)}?after=1.1&limit=2", HTTP_ACCEPT="text/plain")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode() == (
        "2026-03-02T00:00:03.204Z 1.2 WARNING made.up: two\n      of two lines\n"
        "2026-03-02T00:00:04.204Z 1.3 INFO made.up: three\n"
    )
    assert answer.headers["Link"] == f'<{path(job)}?after=1.3&limit=2>; rel="next"'


def test_no_key_of_an_academy_reads_them_not_even_its_own(client: Any, job: Job) -> None:
    assert error_of(client.get(path(job)), 403)["code"] == "scope_missing"


def test_an_error_is_json_also_where_text_was_asked_for(client: Any, operator: Any, job: Job):
    answer = client.get(path(job), HTTP_ACCEPT="text/plain")
    assert error_of(answer, 403)["code"] == "scope_missing"
    unknown = f"/api/v1/ops/jobs/{new_id()}/logs"
    assert error_of(operator.get(unknown, HTTP_ACCEPT="text/plain"), 404)["code"] == "job_not_found"


@pytest.mark.parametrize("query", ["after=1", "after=1.x", "after=-1.2", "limit=0", "limit=2001"])
def test_a_wrong_query_is_refused(operator: Any, job: Job, query: str) -> None:
    assert error_of(operator.get(f"{path(job)}?{query}"), 400)["code"] == "validation_failed"


def test_numbers_that_no_row_can_have_are_just_past_the_end(operator: Any, job: Job) -> None:
    assert operator.get(f"{path(job)}?after=9999999999.9999999999").json()["items"] == []


def test_a_job_without_lines_has_an_empty_log(operator: Any, tenant: Tenant) -> None:
    assert operator.get(path(make_job(tenant))).json() == {"items": [], "next_after": None}
