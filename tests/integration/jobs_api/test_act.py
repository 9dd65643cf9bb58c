"""Acting on a job: cancel, retry, replay."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from academy.core.ids import new_id
from academy.jobs.models import Job
from tests.support.jobs import claim, in_threads, make_job, run

JOBS = "/api/v1/jobs"

pytestmark = pytest.mark.django_db


def act(client: Any, job: Job | UUID, action: str, body: Any = None, **headers: str) -> Any:
    job_id = job.pk if isinstance(job, Job) else job
    return client.post(f"{JOBS}/{job_id}/{action}", body, headers=headers)


def failed_job(tenant: Any) -> Job:
    job = make_job(tenant, "test.permanent", params={"reason": "first"}, priority=3)
    run(job)
    return job


# ------------------------------------------------------------------ cancel


def test_a_job_that_nobody_works_on_is_cancelled_at_once(client: Any, tenant: Any) -> None:
    job = make_job(tenant)
    for _ in range(2):
        response = act(client, job, "cancel")
        assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    assert response.json()["error"] is None


def test_a_job_at_work_is_asked_to_stop(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.sleep")
    claim(job)
    for _ in range(2):
        response = act(client, job, "cancel")
        assert response.status_code == 202
        assert response.json()["state"] == "running"
        assert response.json()["cancel_requested"] is True


def test_cancelling_a_flow_cancels_its_parts(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.fan_out", params={"children": 3})
    run(job)
    assert act(client, job, "cancel").status_code == 200
    children = client.get(f"{JOBS}/{job.pk}/children").json()["items"]
    assert {child["state"] for child in children} == {"cancelled"}


def test_what_has_ended_cannot_be_cancelled(client: Any, tenant: Any) -> None:
    job = make_job(tenant)
    run(job)
    response = act(client, job, "cancel")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "job_already_ended")
    assert response.json()["error"]["details"] == {"state": "succeeded"}


# ------------------------------------------------------------------ retry


def test_retry_ends_the_wait_of_the_same_job(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.transient", params={"times": 1})
    run(job)
    response = act(client, job, "retry")
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    assert response["Location"] == f"{JOBS}/{job.pk}"
    run(job)
    assert job.state == "succeeded"


def test_retry_of_what_has_failed_is_a_new_job(client: Any, tenant: Any) -> None:
    job = failed_job(tenant)
    body = act(client, job, "retry").json()
    assert body["id"] != str(job.pk)
    assert (body["replay_of"], body["state"]) == (str(job.pk), "queued")


@pytest.mark.parametrize("action", ["retry", "replay"])
def test_what_succeeded_or_is_under_way_does_not_run_again(
    client: Any, tenant: Any, action: str
) -> None:
    succeeded, running = make_job(tenant), make_job(tenant)
    run(succeeded)
    claim(running)
    for job in (succeeded, running):
        response = act(client, job, action)
        assert (response.status_code, response.json()["error"]["code"]) == (
            409,
            "job_not_replayable",
        )
    assert Job.unscoped.count() == 2


# ------------------------------------------------------------------ replay


def test_a_replay_is_a_new_job_that_names_the_old_one(client: Any, tenant: Any) -> None:
    job = failed_job(tenant)
    response = act(client, job, "replay")
    body = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"{JOBS}/{body['id']}"
    assert body["replay_of"] == str(job.pk)
    assert (body["params"], body["priority"]) == ({"reason": "first"}, 3)
    job.refresh_from_db()
    assert job.state == "failed"


def test_a_replay_takes_edited_parameters(client: Any, tenant: Any) -> None:
    job = failed_job(tenant)
    body = act(client, job, "replay", {"params": {"reason": "second"}}).json()
    assert body["params"] == {"reason": "second"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"params": {"reason": 5}}, "params_invalid"),
        ({"params": {"nope": 5}}, "params_invalid"),
        ({"params": "x"}, "validation_failed"),
        ({"kind": "test.ok"}, "unknown_field"),
    ],
)
def test_a_bad_replay_stores_nothing(client: Any, tenant: Any, body: Any, code: str) -> None:
    job = failed_job(tenant)
    response = act(client, job, "replay", body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert Job.unscoped.count() == 1


def test_a_part_is_replayed_only_with_its_parent(client: Any, tenant: Any) -> None:
    parent = make_job(tenant, "test.fan_out", params={"children": 2, "fail_at": 0})
    run(parent)
    part = Job.unscoped.filter(parent=parent).order_by("child_key")[0]
    run(part)
    assert act(client, part, "replay").json()["error"]["code"] == "job_not_replayable"
    assert act(client, parent, "replay").status_code == 202


@pytest.mark.parametrize("action", ["retry", "replay"])
def test_a_key_makes_running_again_happen_once(client: Any, tenant: Any, action: str) -> None:
    job = failed_job(tenant)
    first = act(client, job, action, **{"Idempotency-Key": "k"})
    again = act(client, job, action, **{"Idempotency-Key": "k"})
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert Job.unscoped.filter(replay_of=job).count() == 1
    other = act(client, failed_job(tenant), action, **{"Idempotency-Key": "k"})
    assert other.json()["error"]["code"] == "idempotency_key_reused"


@pytest.mark.django_db(transaction=True)
def test_ten_replays_with_one_key_at_the_same_moment_are_one_job(client: Any, tenant: Any) -> None:
    job = failed_job(tenant)
    answers = in_threads(10, lambda _: act(client, job, "replay", **{"Idempotency-Key": "k"}))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert Job.unscoped.filter(replay_of=job).count() == 1


@pytest.mark.parametrize("action", ["cancel", "retry", "replay"])
def test_an_unknown_job_is_not_found(client: Any, action: str) -> None:
    response = act(client, new_id(), action)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "job_not_found")


@pytest.mark.parametrize("action", ["cancel", "retry", "replay"])
def test_an_unknown_field_is_refused(client: Any, tenant: Any, action: str) -> None:
    response = act(client, make_job(tenant), action, {"force": True})
    assert response.json()["error"]["code"] == "unknown_field"
