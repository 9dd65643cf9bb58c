"""The test kinds themselves: what chaos builds on must be right where nothing goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from academy.core.storage import Bucket, store
from academy.jobs import kinds
from academy.jobs.models import Effect, Job
from tests.support.jobs import drain, let_wait_pass, make_job, make_tenant, run
from tests.support.kinds import provider_client, registry
from tests.support.kinds.handlers import content
from tests.support.provider import Faults, Provider, serving

pytestmark = pytest.mark.django_db

QUEUES = ("video", "ai-lite", "ai-basic", "ai-premium", "messaging")


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with serving(Provider(seed=7)) as served:
        monkeypatch.setenv(provider_client.VARIABLE, served.url)
        yield served


def finish(job: Job, tries: int = 60) -> Job:
    """Run the job, and again whenever it waits, until it has ended."""
    for _ in range(tries):
        run(job)
        if job.state != "retry_wait":
            return job
        let_wait_pass(job)
        Job.unscoped.filter(pk=job.pk).update(state="queued", version=job.version + 1)
    raise AssertionError(f"still {job.state} after {tries} tries")


@pytest.mark.parametrize(
    ("kind", "params", "state"),
    [
        ("test.ok", {"note": "x"}, "succeeded"),
        ("test.sleep", {"seconds": 0.05, "beats": 2}, "succeeded"),
        ("test.sleep", {"seconds": 0.05, "beats": 2, "deaf": True}, "succeeded"),
        ("test.transient", {"times": 2}, "succeeded"),
        ("test.transient", {"times": 9}, "dead"),
        ("test.permanent", {}, "failed"),
        ("test.poison", {}, "dead"),
    ],
)
def test_a_kind_ends_as_it_says(kind: str, params: Any, state: str) -> None:
    assert finish(make_job(make_tenant(), kind, params=params)).state == state


@pytest.mark.parametrize("nested", [False, True])
def test_a_flow_adds_up_its_parts(nested: bool) -> None:
    job = make_job(make_tenant(), "test.fan_out", params={"children": 4, "nested": nested})
    drain(*QUEUES)
    job.refresh_from_db()
    # A nested part 0 is itself a flow of two parts, 0 + 1.
    assert (job.state, job.result) == ("succeeded", {"parts": 4, "sum": 7 if nested else 6})


def test_a_flow_fails_where_it_is_told_to() -> None:
    job = make_job(make_tenant(), "test.fan_out", params={"children": 3, "fail_at": 2})
    drain(*QUEUES)
    job.refresh_from_db()
    assert (job.state, job.error_params["child"]) == ("failed", "part-0002")


@pytest.mark.integration("s3")
def test_output_can_be_made_again_from_the_number_of_the_job(buckets: None) -> None:
    job = finish(make_job(make_tenant(), "test.output", params={"objects": 3, "bytes": 50}))
    keys = list(store(Bucket.STORAGE).keys(job.output_prefix))
    assert keys == [f"{job.output_prefix}{number:04d}.bin" for number in range(3)]
    for number, key in enumerate(keys):
        assert store(Bucket.STORAGE).read(key) == content(str(job.pk), number, 50)


def test_each_recipient_is_sent_to_once(provider: Provider) -> None:
    job = finish(make_job(make_tenant(), "test.effect", params={"recipients": 5}))
    assert job.result == {"sent": 5, "refused": 0}
    assert set(provider.sends().values()) == {1}
    assert len(provider.sends()) == 5


def test_a_provider_that_loses_answers_is_never_sent_to_twice(provider: Provider) -> None:
    provider.faults = Faults(error_rate=0.2, lost_answer_rate=0.3)
    tenant = make_tenant()
    for _ in range(3):
        job = finish(make_job(tenant, "test.effect", params={"recipients": 10}))
        assert (job.state, job.result) == ("succeeded", {"sent": 10, "refused": 0})
    assert set(provider.sends().values()) == {1}
    assert len(provider.sends()) == 30


def test_a_refused_recipient_is_recorded_and_not_tried_again(provider: Provider) -> None:
    provider.faults = Faults(refuse=frozenset({"recipient-1"}))
    tenant = make_tenant()
    job = finish(make_job(tenant, "test.effect", params={"recipients": 3, "occurrence": "o"}))
    again = finish(make_job(tenant, "test.effect", params={"recipients": 3, "occurrence": "o"}))
    assert job.result == again.result == {"sent": 2, "refused": 1}
    assert sum(provider.sends().values()) == 2
    refused = Effect.objects.for_tenant(tenant).get(state="failed")
    assert refused.error_code == "test_recipient_refused"


def test_kinds_are_spread_over_the_queues() -> None:
    used = {spec.queue for spec in kinds.all_kinds() if spec.name.startswith("test.")}
    assert used == set(QUEUES)
