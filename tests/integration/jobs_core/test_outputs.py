"""What attempts that lost have written is collected, and nothing else is."""

from __future__ import annotations

import os
from datetime import timedelta
from uuid import uuid4

import pytest

from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs import kinds, lease, outputs
from academy.jobs.context import output_prefix
from academy.jobs.models import Job, JobAttempt
from academy.jobs.states import JobState, Outcome
from tests.support.jobs import claim, make_job, run

pytestmark = [pytest.mark.integration("s3", "postgres")]
NOW = timedelta(seconds=-60)


@pytest.fixture
def bucket(buckets):
    return store(Bucket.STORAGE)


def _written(bucket, job) -> list[str]:
    return sorted(bucket.keys(f"t/{job.tenant_id}/jobs/{job.pk}/"))


def _again(job) -> None:
    Job.unscoped.filter(pk=job.pk).update(state="queued", version=job.version + 1)


def test_a_job_that_succeeded_keeps_what_its_attempt_wrote(tenant, bucket):
    job = make_job(tenant, "test.output", params={"objects": 2})
    run(job)
    assert job.state == "succeeded"
    kept = [item["key"] for item in job.artifacts]
    assert _written(bucket, job) == kept
    assert outputs.sweep(grace=NOW) == 0
    assert _written(bucket, job) == kept
    for item in job.artifacts:
        assert bucket.head(item["key"]).size == item["size"]


def test_the_attempts_that_lost_are_emptied_and_only_those(tenant, bucket):
    job = make_job(tenant, "test.output", params={"objects": 2})
    for number in range(1, 11):
        held = claim(job)
        assert held.attempt == number
        prefix = output_prefix(tenant.pk, job.pk, number)
        bucket.put_bytes(f"{prefix}left-over", b"x", "text/plain")
        lease.settle(held, lease.Settlement(JobState.QUEUED, Outcome.RELEASED))
    run(job)
    assert job.attempt == 11
    # Attempt 1's prefix is the beginning of attempt 10's and 11's names, but not of their keys.
    assert outputs.sweep(grace=NOW) == 10
    assert _written(bucket, job) == [item["key"] for item in job.artifacts]
    assert JobAttempt.objects.filter(job=job, swept_at__isnull=False).count() == 10
    assert outputs.sweep(grace=NOW) == 0


def test_nothing_is_deleted_before_the_grace_or_while_an_attempt_works(tenant, bucket):
    job = make_job(tenant, "test.output")
    held = claim(job)
    key = f"{output_prefix(tenant.pk, job.pk, 1)}being-written"
    bucket.put_bytes(key, b"x", "text/plain")
    assert outputs.sweep(grace=NOW) == 0
    lease.settle(held, lease.Settlement(JobState.FAILED, Outcome.PERMANENT, error_code="disk_full"))
    assert outputs.sweep() == 0
    assert _written(bucket, job) == [key]
    assert outputs.sweep(grace=NOW) == 1
    assert _written(bucket, job) == []


def test_a_store_that_is_away_is_asked_again_and_not_for_every_prefix(tenant, monkeypatch):
    asked: list[str] = []

    class Away:
        def delete_prefix(self, prefix: str) -> int:
            asked.append(prefix)
            raise AppError("storage_unavailable")

    monkeypatch.setattr(outputs, "store", lambda bucket: Away())
    for _ in range(5):
        held = claim(make_job(tenant))
        lease.settle(held, lease.Settlement(JobState.CANCELLED, Outcome.CANCELLED))
    assert outputs.sweep(grace=NOW) == 0
    assert len(asked) == 1
    assert not JobAttempt.objects.filter(swept_at__isnull=False).exists()


def test_a_kind_that_is_gone_does_not_stand_in_the_way(tenant, handlers, bucket, monkeypatch):
    gone, known = make_job(tenant, handlers.kind(name="made.gone")), make_job(tenant)
    for job in (gone, known):
        bucket.put_bytes(f"{output_prefix(tenant.pk, job.pk, 1)}x", os.urandom(4), "text/plain")
        lease.settle(claim(job), lease.Settlement(JobState.CANCELLED, Outcome.CANCELLED))
    monkeypatch.delitem(kinds._kinds, "made.gone")
    assert outputs.sweep(grace=NOW, limit=1) == 1
    assert _written(bucket, known) == []


def test_prefixes_hold_the_academy_the_job_and_the_attempt():
    tenant_id, job_id = uuid4(), uuid4()
    assert output_prefix(tenant_id, job_id, 3) == f"t/{tenant_id}/jobs/{job_id}/a3/"
