"""Submission: what is accepted is stored once, what is refused leaves nothing behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs import kinds
from academy.jobs.models import IdempotencyKey, Job
from academy.tenants.models import QueueLimit
from tests.support.jobs import AnyParams, in_threads, make_job, make_tenant

JOBS = "/api/v1/jobs"
BATCH = "/api/v1/jobs/batch"
ORDER = {"kind": "test.ok", "params": {"note": "hello"}}

pytestmark = pytest.mark.django_db


def stored() -> tuple[int, int]:
    return Job.unscoped.count(), IdempotencyKey.unscoped.count()


def limit(tenant: Any, queue: str, **limits: int) -> None:
    QueueLimit.objects.for_tenant(tenant).create(queue=queue, **limits)


def test_a_submission_is_accepted_with_the_address_of_its_job(client: Any) -> None:
    response = client.post(JOBS, ORDER)
    assert response.status_code == 202
    body = response.json()
    assert response["Location"] == f"{JOBS}/{body['id']}"
    assert (body["state"], body["kind"], body["params"]) == ("queued", "test.ok", ORDER["params"])
    assert client.get(response["Location"]).json() == body
    job = Job.unscoped.get(pk=UUID(body["id"]))
    assert job.request_id == response["X-Request-ID"]
    assert job.submitted_by.startswith("key:")


def test_defaults_of_the_parameters_are_stored(client: Any) -> None:
    assert client.submit("test.sleep", params={"seconds": 2})["params"] == {
        "seconds": 2.0,
        "beats": 10,
        "deaf": False,
    }


def test_priority_and_time_are_taken_over(client: Any) -> None:
    later = clock.now() + timedelta(days=29)
    body = client.submit(priority=9, not_before=later.isoformat())
    assert body["priority"] == 9
    assert body["not_before"][:19] == later.isoformat()[:19]


def test_a_moment_in_the_past_means_now(client: Any) -> None:
    body = client.submit(not_before="2001-01-01T00:00:00Z")
    assert body["not_before"] == body["created_at"]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"kind": "test.nothing"}, "kind_unknown"),
        ({"kind": "test.part", "params": {"index": 1}}, "kind_unknown"),
        ({"kind": "test.ok", "params": {"note": 5}}, "params_invalid"),
        ({"kind": "test.ok", "params": {"nope": 1}}, "params_invalid"),
        ({"kind": "test.sleep", "params": {"seconds": -1}}, "params_invalid"),
        ({"kind": "test.ok", "nope": 1}, "unknown_field"),
        ({"kind": "test.ok", "state": "succeeded"}, "unknown_field"),
        ({}, "validation_failed"),
        ({"kind": 5}, "validation_failed"),
        ({"kind": "x" * 65}, "validation_failed"),
        ({"kind": "test.ok", "params": []}, "validation_failed"),
        ({"kind": "test.ok", "params": None}, "validation_failed"),
        ({"kind": "test.ok", "priority": 10}, "validation_failed"),
        ({"kind": "test.ok", "priority": -1}, "validation_failed"),
        ({"kind": "test.ok", "priority": "5"}, "validation_failed"),
        ({"kind": "test.ok", "priority": True}, "validation_failed"),
        ({"kind": "test.ok", "not_before": "tomorrow"}, "validation_failed"),
        ({"kind": "test.ok", "not_before": "9999-12-31T23:59:59Z"}, "validation_failed"),
        ({"kind": "test.ok", "params": {"note": "a\u0000b"}}, "malformed_request"),
        ([ORDER], "validation_failed"),
        ("test.ok", "validation_failed"),
        (None, "validation_failed"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_stored(client: Any, order: Any, code: str) -> None:
    response = client.post(JOBS, order, headers={"Idempotency-Key": "k"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert stored() == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"kind": "test.ok", "priority": NaN}',
        b"[" * 100_000,
        b'{"kind": "test.ok", "params": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
        b'{"kind": "test.ok", "params": {"note": "\\ud800"}}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_not_sound_json_is_refused(client: Any, body: bytes) -> None:
    response = client.post(JOBS, body, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "malformed_request")
    assert stored() == (0, 0)


def test_a_large_body_is_refused(client: Any) -> None:
    body = b'{"kind": "test.ok", "params": {"note": "' + b"x" * 2_000_000 + b'"}}'
    assert client.post(JOBS, body, content_type="application/json").status_code == 413


def test_bad_parameters_are_named_without_their_values(client: Any) -> None:
    response = client.post(JOBS, {"kind": "test.sleep", "params": {"seconds": "a-secret"}})
    error = response.json()["error"]
    assert [item["field"] for item in error["details"]["fields"]] == ["seconds"]
    assert "a-secret" not in response.content.decode()
    assert error["message"]["ko"]
    assert error["message"]["en"]


def test_the_check_of_a_kind_refuses_foreign_objects(client: Any) -> None:
    def check(tenant_id: UUID, params: AnyParams) -> None:
        raise AppError("object_missing")

    kinds.register(
        kinds.KindSpec(
            name="made.foreign",
            version=1,
            queue="ai-lite",
            params=AnyParams,
            handler="nowhere:run",
            bucket="storage",
            check=check,
        )
    )
    for path, body in (
        (JOBS, {"kind": "made.foreign"}),
        (BATCH, {"jobs": [ORDER, {"kind": "made.foreign"}]}),
    ):
        response = client.post(path, body)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "object_missing")
    assert response.json()["error"]["details"]["index"] == 1
    assert stored() == (0, 0)


def test_a_full_backlog_is_refused_with_a_time_to_wait(client: Any, tenant: Any) -> None:
    limit(tenant, "ai-lite", backlog=2)
    client.submit()
    client.submit()
    response = client.post(JOBS, ORDER, headers={"Idempotency-Key": "k"})
    assert (response.status_code, response.json()["error"]["code"]) == (
        429,
        "quota_backlog_exceeded",
    )
    assert int(response["Retry-After"]) > 0
    assert stored() == (2, 0)
    client.submit("test.transient")  # another queue has its own limit


def test_the_daily_limit_counts_what_has_ended(client: Any, tenant: Any) -> None:
    limit(tenant, "ai-lite", per_day=2)
    for _ in range(2):
        client.post(f"{JOBS}/{client.submit()['id']}/cancel")
    response = client.post(JOBS, ORDER)
    assert response.json()["error"]["code"] == "quota_daily_exceeded"


def test_a_suspended_academy_submits_nothing(client: Any, tenant: Any) -> None:
    tenant.is_active = False
    tenant.save()
    response = client.post(JOBS, ORDER)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "tenant_inactive")
    assert stored() == (0, 0)


# ------------------------------------------------------------------ batches


def test_a_batch_is_accepted_in_order(client: Any) -> None:
    orders = [{"kind": "test.ok", "params": {"note": str(n)}} for n in range(1_000)]
    response = client.post(BATCH, {"jobs": orders})
    assert response.status_code == 202
    ids = [UUID(job["id"]) for job in response.json()["jobs"]]
    assert ids == sorted(ids)
    notes = {job.pk: job.params["note"] for job in Job.unscoped.all()}
    assert [notes[job_id] for job_id in ids] == [str(n) for n in range(1_000)]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"kind": "test.nothing"}, "kind_unknown"),
        ({"kind": "test.ok", "params": {"note": 1}}, "params_invalid"),
    ],
)
def test_one_bad_order_refuses_the_batch_and_is_named(client: Any, bad: Any, code: str) -> None:
    response = client.post(BATCH, {"jobs": [ORDER, ORDER, bad]})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["details"]["index"]) == (400, code, 2)
    assert stored() == (0, 0)


def test_a_malformed_order_is_named_by_its_place(client: Any) -> None:
    response = client.post(BATCH, {"jobs": [ORDER, {**ORDER, "priority": 77}]})
    assert list(response.json()["error"]["details"]["fields"]) == ["jobs.1.priority"]
    assert stored() == (0, 0)


@pytest.mark.parametrize("body", [{"jobs": []}, {"jobs": [ORDER] * 1_001}, {"jobs": ORDER}, {}])
def test_a_batch_has_one_to_a_thousand_jobs(client: Any, body: Any) -> None:
    assert client.post(BATCH, body).status_code == 400
    assert stored() == (0, 0)


def test_a_batch_beyond_the_quota_stores_nothing(client: Any, tenant: Any) -> None:
    limit(tenant, "ai-lite", backlog=4)
    response = client.post(BATCH, {"jobs": [ORDER] * 5})
    assert response.status_code == 429
    assert stored() == (0, 0)


def test_a_batch_with_a_key_is_stored_once(client: Any) -> None:
    answers = [
        client.post(BATCH, {"jobs": [ORDER, ORDER]}, headers={"Idempotency-Key": "b"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert stored() == (2, 1)


# ------------------------------------------------------------------ idempotency


def test_the_same_key_and_request_has_one_effect_and_one_answer(client: Any) -> None:
    first = client.post(JOBS, ORDER, headers={"Idempotency-Key": "k"})
    again = client.post(JOBS, dict(reversed(ORDER.items())), headers={"Idempotency-Key": "k"})
    assert again.status_code == first.status_code == 202
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert stored() == (1, 1)


def test_a_key_for_another_request_is_refused(client: Any) -> None:
    client.post(JOBS, ORDER, headers={"Idempotency-Key": "k"})
    for path, body in ((JOBS, {"kind": "test.ok"}), (BATCH, {"jobs": [ORDER]})):
        response = client.post(path, body, headers={"Idempotency-Key": "k"})
        assert (response.status_code, response.json()["error"]["code"]) == (
            422,
            "idempotency_key_reused",
        )
    assert stored() == (1, 1)


def test_an_error_is_not_kept_so_that_the_key_can_be_used_again(client: Any) -> None:
    bad = client.post(JOBS, {"kind": "test.nothing"}, headers={"Idempotency-Key": "k"})
    good = client.post(JOBS, ORDER, headers={"Idempotency-Key": "k"})
    assert (bad.status_code, good.status_code) == (400, 202)


@pytest.mark.parametrize("key", ["", "with space", "한글", "x" * 256])
def test_a_key_is_visible_ascii(client: Any, key: str) -> None:
    response = client.post(JOBS, ORDER, headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["error"]["code"]) == (
        400,
        "idempotency_key_invalid",
    )
    assert stored() == (0, 0)


def test_two_academies_may_use_the_same_key(client: Any, client_of: Any) -> None:
    other = client_of(make_tenant())
    for caller in (client, other):
        response = caller.post(JOBS, ORDER, headers={"Idempotency-Key": "k"})
        assert "Idempotency-Replayed" not in response
    assert stored() == (2, 2)


# ------------------------------------------------------------------ at the same moment


@pytest.mark.django_db(transaction=True)
def test_twenty_posts_with_one_key_store_one_job(client: Any) -> None:
    def post(_number: int) -> Any:
        return client.post(JOBS, ORDER, headers={"Idempotency-Key": "k"})

    answers = in_threads(20, post)
    accepted = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code != 202]
    assert accepted
    assert {answer.json()["id"] for answer in accepted} == {accepted[0].json()["id"]}
    assert sum("Idempotency-Replayed" not in answer for answer in accepted) == 1
    for answer in refused:
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "idempotency_key_in_progress"
        assert answer["Retry-After"] == "1"
    assert stored() == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["backlog", "per_day"])
def test_a_quota_holds_against_submissions_at_the_same_moment(
    client: Any, tenant: Any, name: str
) -> None:
    limit(tenant, "ai-lite", **{name: 7})
    for _ in range(3):
        make_job(tenant)
    answers = in_threads(20, lambda _: client.post(JOBS, ORDER).status_code)
    assert sorted(answers) == [202] * 4 + [429] * 16
    assert Job.unscoped.count() == 7


@pytest.mark.django_db(transaction=True)
def test_a_quota_holds_against_batches_at_the_same_moment(client: Any, tenant: Any) -> None:
    limit(tenant, "ai-lite", backlog=10)
    answers = in_threads(8, lambda _: client.post(BATCH, {"jobs": [ORDER] * 3}).status_code)
    assert sorted(answers) == [202] * 3 + [429] * 5
    assert Job.unscoped.count() == 9
