"""Reading: a job always says where it is, what it made, or why it failed and what to do."""

from __future__ import annotations

import hashlib
import urllib.request
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from academy.core import clock
from academy.core.ids import new_id
from academy.jobs import lease
from academy.jobs.models import Job
from tests.support.jobs import claim, drain, make_job, run
from tests.support.kinds.handlers import content

JOBS = "/api/v1/jobs"

pytestmark = pytest.mark.django_db


def read(client: Any, job: Job, query: str = "") -> dict[str, Any]:
    response = client.get(f"{JOBS}/{job.pk}{query}")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


# ------------------------------------------------------------------ one job


def test_a_succeeded_job_shows_its_result(client: Any, tenant: Any) -> None:
    job = make_job(tenant, params={"note": "hello"})
    run(job)
    body = read(client, job)
    assert (body["state"], body["percent"], body["attempt"]) == ("succeeded", 100.0, 1)
    assert body["result"] == {"note": "hello", "attempt": 1}
    assert body["error"] is None
    times = [body[name] for name in ("created_at", "started_at", "finished_at")]
    assert times == sorted(times)
    assert all(time.endswith("Z") for time in times)


def test_a_running_job_shows_its_progress(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.sleep")
    held = claim(job)
    with connection.cursor() as cursor:
        progress = lease.Progress("transcoding", 41.54, 93.24)
        lease.renew([lease.Beat(job.pk, held.attempt, progress)], cursor)
    body = read(client, job)
    assert (body["state"], body["step"]) == ("running", "transcoding")
    assert (body["percent"], body["eta_seconds"]) == (41.5, 93.2)


def test_a_failed_job_says_why_and_what_to_do_in_both_languages(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.permanent", params={"reason": "no sound"})
    run(job)
    body = read(client, job)
    error = body["error"]
    assert (body["state"], error["code"], error["retryable"]) == ("failed", "test_permanent", False)
    assert error["message"] == {
        "ko": "시험용 영구 오류입니다: no sound",
        "en": "A permanent failure made by a test: no sound",
    }
    assert error["action"]["ko"]
    assert error["action"]["en"]


def test_a_dead_job_tells_the_user_nothing_of_the_machinery(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.poison")
    run(job)
    response = client.get(f"{JOBS}/{job.pk}?expand=attempts")
    assert response.json()["state"] == "dead"
    assert response.json()["error"]["code"] == "handler_error"
    assert "Traceback" not in response.content.decode()
    assert "test-worker" not in response.content.decode()


def test_a_job_that_waits_for_its_next_try_shows_the_last_failure(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.transient", params={"times": 3})
    run(job)
    body = read(client, job, "?expand=attempts")
    assert (body["state"], body["failures"]) == ("retry_wait", 1)
    assert body["error"]["code"] == "test_transient"
    assert body["error"]["retryable"] is True
    assert body["not_before"] > body["created_at"]
    (attempt,) = body["attempts"]
    assert (attempt["number"], attempt["outcome"]) == (1, "transient")
    assert attempt["error"] == body["error"]


def test_a_failure_of_the_past_is_not_shown_once_the_job_runs_again(
    client: Any, tenant: Any
) -> None:
    job = make_job(tenant, "test.transient", params={"times": 1})
    run(job)
    client.post(f"{JOBS}/{job.pk}/retry")
    assert read(client, job)["error"] is None
    run(job)
    body = read(client, job, "?expand=attempts")
    assert (body["state"], body["error"], body["attempt"]) == ("succeeded", None, 2)
    assert [attempt["outcome"] for attempt in body["attempts"]] == ["transient", "succeeded"]


@pytest.mark.integration("s3")
def test_links_to_artifacts_are_signed_at_that_moment(
    client: Any, tenant: Any, buckets: None
) -> None:
    job = make_job(tenant, "test.output", params={"objects": 2, "bytes": 100})
    run(job)
    asked_at = clock.now()
    shown = read(client, job)["artifacts"]
    assert [item["name"] for item in shown] == ["0000.bin", "0001.bin"]
    for number, item in enumerate(shown):
        with urllib.request.urlopen(item["url"], timeout=10) as answer:
            data = answer.read()
            assert "attachment" in answer.headers["Content-Disposition"]
        assert data == content(str(job.pk), number, 100)
        assert (item["size"], item["sha256"]) == (100, hashlib.sha256(data).hexdigest())
        expires = datetime.fromisoformat(item["url_expires_at"]) - asked_at
        assert timedelta(minutes=59) < expires <= timedelta(minutes=61)


def test_a_waiting_parent_shows_how_far_its_parts_are(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.fan_out", params={"children": 4})
    run(job)
    first = Job.unscoped.filter(parent=job).order_by("child_key")[0]
    run(first)
    body = read(client, job)
    assert body["state"] == "waiting"
    assert body["flow"] == {"total": 4, "succeeded": 1, "running": 0, "percent": 25.0}
    child = read(client, first)
    assert (child["parent"], child["child_key"]) == (str(job.pk), "part-0000")
    assert child["flow"] is None


def test_a_flow_ends_with_a_reason_that_names_the_part(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.fan_out", params={"children": 3, "fail_at": 1})
    drain("ai-lite", "ai-basic")
    body = read(client, job)
    assert (body["state"], body["error"]["code"]) == ("failed", "child_failed")
    assert body["error"]["details"]["child"] == "part-0001"
    assert "part-0001" in body["error"]["message"]["ko"]


@pytest.mark.parametrize("below", ["", "/attempts", "/children", "/events"])
@pytest.mark.parametrize("job_id", ["0", "jobs", "%20", "01932c07-a5d4-7b1e-9c70"])
def test_a_malformed_number_is_not_found(client: Any, job_id: str, below: str) -> None:
    response = client.get(f"{JOBS}/{job_id}{below}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_an_unknown_number_is_not_found(client: Any) -> None:
    response = client.get(f"{JOBS}/{new_id()}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "job_not_found")


def test_unknown_query_parameters_are_refused(client: Any, tenant: Any) -> None:
    job = make_job(tenant)
    for path in (f"{JOBS}/{job.pk}?expand=secrets", f"{JOBS}?nope=1", f"{JOBS}?state=gone"):
        assert client.get(path).status_code == 400


# ------------------------------------------------------------------ lists


def test_the_list_goes_from_new_to_old_in_pages(client: Any, tenant: Any) -> None:
    ids = [str(make_job(tenant).pk) for _ in range(7)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(JOBS, {"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        assert len(page["items"]) <= 3
        seen += [job["id"] for job in page["items"]]
        cursor = page["next_cursor"]
        make_job(tenant)  # what arrives meanwhile appears on no later page
    assert seen == ids[::-1]


def test_jobs_stored_at_the_same_moment_are_on_one_page_each(client: Any) -> None:
    orders = [{"kind": "test.ok"}] * 5
    batch = client.post(f"{JOBS}/batch", {"jobs": orders}).json()["jobs"]
    first = client.get(JOBS, {"limit": 3}).json()
    rest = client.get(JOBS, {"limit": 3, "cursor": first["next_cursor"]}).json()
    shown = [job["id"] for job in first["items"] + rest["items"]]
    assert shown == [job["id"] for job in batch][::-1]


def test_filters_hold_together(client: Any, tenant: Any) -> None:
    done = make_job(tenant)
    run(done)
    failed = make_job(tenant, "test.permanent")
    run(failed)
    waiting = make_job(tenant, "test.transient", params={"times": 5})
    run(waiting)
    make_job(tenant)

    def ids(query: str) -> set[UUID]:
        return {UUID(job["id"]) for job in client.get(f"{JOBS}?{query}").json()["items"]}

    assert ids("state=succeeded") == {done.pk}
    assert ids("state=succeeded&state=failed") == {done.pk, failed.pk}
    assert ids("kind=test.permanent") == {failed.pk}
    assert ids("queue=ai-basic") == {waiting.pk}
    assert ids("queue=ai-lite&state=retry_wait") == set()


def test_parts_are_listed_only_below_their_parent(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.fan_out", params={"children": 3})
    run(job)
    assert [item["id"] for item in client.get(JOBS).json()["items"]] == [str(job.pk)]
    below = client.get(f"{JOBS}/{job.pk}/children").json()
    assert {item["child_key"] for item in below["items"]} == {
        "part-0000",
        "part-0001",
        "part-0002",
    }
    assert client.get(JOBS, {"parent": str(job.pk)}).json() == below


def test_a_list_reads_the_same_number_of_queries_however_long_it_is(
    client: Any, tenant: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_job(tenant)
    client.get(JOBS)  # the key's last use is noted once a minute
    with django_assert_max_num_queries(3):
        assert len(client.get(JOBS).json()["items"]) == 20


@pytest.mark.parametrize("query", ["cursor=abc", "limit=0", "limit=201", "limit=x"])
def test_a_bad_page_is_refused(client: Any, query: str) -> None:
    assert client.get(f"{JOBS}?{query}").status_code == 400


# ------------------------------------------------------------------ kinds


def test_kinds_come_with_the_schema_of_their_parameters(client: Any) -> None:
    kinds = {kind["name"]: kind for kind in client.get("/api/v1/kinds").json()["items"]}
    assert kinds["test.sleep"]["queue"] == "video"
    assert kinds["test.sleep"]["queues"] == ["video"]
    assert kinds["test.sleep"]["params"]["properties"]["seconds"]["maximum"] == 3600
    assert "system.ping.messaging" in kinds
    assert "test.part" not in kinds
