"""Retry and replay."""

from __future__ import annotations

import pytest

from academy.core.errors import AppError
from academy.jobs import admission, kinds, replay
from academy.jobs.models import Job
from academy.jobs.submit import Submitter
from tests.support.jobs import claim, let_wait_pass, make_job, make_tenant, publish, run, state_of


def _by(tenant) -> Submitter:
    return Submitter(tenant, "key:test", "r-9")


@pytest.mark.parametrize(
    ("kind", "state"), [("test.permanent", "failed"), ("test.poison", "dead"), ("", "cancelled")]
)
def test_a_replay_is_a_new_job_that_names_the_old_one(tenant, kind: str, state: str):
    old = make_job(tenant, kind or "test.ok", priority=3)
    if kind:
        run(old)
    else:
        Job.unscoped.filter(pk=old.pk).update(state="cancelled", finished_at=old.created_at)
    assert state_of(old) == state
    new = replay.job_replay(by=_by(tenant), job_id=old.pk)
    assert (new.replay_of_id, new.kind, new.priority) == (old.pk, old.kind, 3)
    assert new.params == kinds.get(old.kind).parse(old.params).model_dump(mode="json")
    assert (new.state, new.attempt, new.submitted_by) == ("queued", 0, "key:test")
    assert state_of(old) == state


def test_a_replay_may_edit_the_parameters_and_they_are_checked_again(tenant):
    old = make_job(tenant, "test.permanent")
    run(old)
    new = replay.job_replay(by=_by(tenant), job_id=old.pk, params={"reason": "another"})
    assert new.params == {"reason": "another"}
    with pytest.raises(AppError) as caught:
        replay.job_replay(by=_by(tenant), job_id=old.pk, params={"surprise": 1})
    assert caught.value.code == "params_invalid"
    assert Job.unscoped.filter(replay_of=old).count() == 1


@pytest.mark.parametrize("state", ["queued", "published", "running", "succeeded"])
def test_what_has_not_failed_cannot_be_replayed(tenant, state: str):
    job = make_job(tenant)
    if state != "queued":
        publish()
    if state == "running":
        claim(job)
    if state == "succeeded":
        run(job)
    assert state_of(job) == state
    for act in (replay.job_replay, replay.job_retry):
        with pytest.raises(AppError) as caught:
            act(by=_by(tenant), job_id=job.pk)
        assert caught.value.code == "job_not_replayable"


def test_a_part_of_a_flow_is_replayed_through_its_parent(tenant):
    parent = make_job(tenant, "test.fan_out", params={"children": 1, "fail_at": 0})
    run(parent)
    child = Job.unscoped.get(parent=parent)
    run(child)
    with pytest.raises(AppError) as caught:
        replay.job_replay(by=_by(tenant), job_id=child.pk)
    assert caught.value.code == "job_not_replayable"
    assert replay.job_replay(by=_by(tenant), job_id=parent.pk).replay_of_id == parent.pk


def test_another_academys_job_can_be_neither_retried_nor_replayed(tenant):
    job = make_job(tenant, "test.permanent")
    run(job)
    for act in (replay.job_replay, replay.job_retry):
        with pytest.raises(AppError) as caught:
            act(by=_by(make_tenant()), job_id=job.pk)
        assert caught.value.code == "job_not_found"


def test_a_retry_ends_the_wait(tenant):
    job = make_job(tenant, "test.transient")
    run(job)
    assert job.state == "retry_wait"
    assert admission.promote_retries() == 0
    again = replay.job_retry(by=_by(tenant), job_id=job.pk)
    assert (again.pk, again.state, again.version) == (job.pk, "queued", 2)
    assert run(job) == "done"
    assert (job.state, job.failures, job.attempt) == ("succeeded", 1, 2)


def test_a_transient_failure_waits_in_the_row_and_then_runs_to_the_end(tenant):
    job = make_job(tenant, "test.transient", params={"times": 3})
    for failures in (1, 2, 3):
        assert run(job) == "done"
        assert (job.state, job.failures, job.error_code) == (
            "retry_wait",
            failures,
            "test_transient",
        )
        let_wait_pass(job)
        assert admission.promote_retries() == 1
    run(job)
    assert (job.state, job.attempt, job.error_code) == ("succeeded", 4, "")


def test_retries_that_are_used_up_leave_a_dead_job_that_says_so(tenant):
    job = make_job(tenant, "test.transient", params={"times": 100})
    for _ in range(4):
        run(job)
        let_wait_pass(job)
        admission.promote_retries()
    run(job)
    assert (job.state, job.error_code) == ("dead", "retries_exhausted")
    assert job.error_params == {"failures": 5, "last_code": "test_transient"}
