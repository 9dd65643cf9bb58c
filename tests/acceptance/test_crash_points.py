"""A process dies at each named point, as in a power cut; the job ends once, as it should.

All the crashes come first, in processes of their own; then a healthy crew picks up what they left.
"""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any

import httpx
import pytest

from academy.core import crash
from academy.core.storage import Bucket, store
from academy.jobs import outputs
from academy.jobs.models import Effect, Job, JobAttempt
from tests.support import invariants
from tests.support.kinds.handlers import content
from tests.support.processes import Process, eventually
from tests.support.rest import new_tenant
from tests.support.world import World

WORKER_POINTS = {
    "claim.before": "test.output",
    "claim.after": "test.output",
    "handler.before": "test.output",
    "handler.after": "test.output",
    "settle.before": "test.output",
    "settle.after": "test.output",
    "join.before": "test.part",
    "effect.sending": "test.effect",
    "effect.answered": "test.effect",
}
RELAY_POINTS = ("relay.before_publish", "relay.published", "relay.marked")
SUBMIT_POINTS = ("submit.before_commit", "submit.after_commit")
OBJECTS, BYTES = 3, 5_000


class Crashed:
    """What was submitted, and which of it met which crash."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.answers: dict[str, tuple[str, str]] = {}


@pytest.fixture(scope="module")
def crashed(world: World) -> Crashed:
    """Every point has killed one process; everything has ended since."""
    found = Crashed()
    _crash_workers(world, found)
    _crash_relays(world, found)
    _crash_apis(world, found)
    world.relay()
    for queue in ("video", "ai-lite", "ai-basic", "messaging"):
        world.worker(queue)
    world.end(*Job.unscoped.all(), seconds=90.0)
    for job in found.jobs.values():
        job.refresh_from_db()
    return found


def _deliver(world: World, job: Job, **environ: str) -> Process:
    argv = ["-m", "tests.support.deliver", str(job.pk), str(job.version)]
    return world.process("deliver", *argv, **environ)


def _crash_workers(world: World, found: Crashed) -> None:
    tenant = world.tenant()
    (parent,) = world.submit(tenant, "test.fan_out", children=2)
    assert _deliver(world, parent).start().wait(60) == 0
    dying: list[tuple[str, Process]] = []
    for point, kind in WORKER_POINTS.items():
        if point == "join.before":
            job, other = Job.unscoped.filter(parent=parent).order_by("child_key")
            assert _deliver(world, other).start().wait(60) == 0
        else:
            options = {"objects": OBJECTS, "bytes": BYTES} if kind == "test.output" else {}
            (job,) = world.submit(tenant, kind, **options)
        found.jobs[point] = job
        dying.append((point, _deliver(world, job, ACADEMY_CRASH_POINT=point)))
    for start in range(0, len(dying), 3):
        together = dying[start : start + 3]
        for _, process in together:
            process.start()
        for point, process in together:
            assert process.wait(60) == -signal.SIGKILL, f"{point}: {process.log}"


def _crash_relays(world: World, found: Crashed) -> None:
    tenant = world.tenant()
    for point in (*RELAY_POINTS, "reap.before"):
        (found.jobs[point],) = world.submit(tenant, "test.ok")
        process = world.relay(ACADEMY_CRASH_POINT=point)
        assert process.wait(60) == -signal.SIGKILL, f"{point}: {process.log}"


def _crash_apis(world: World, found: Crashed) -> None:
    new = new_tenant(plan="grow")
    apis = {point: world.api(ACADEMY_CRASH_POINT=point) for point in SUBMIT_POINTS}
    healthy, address = world.api()
    for _, url in [*apis.values(), (healthy, address)]:
        eventually(lambda url=url: _answers(url), 60, "the API answers")
    for point, (process, url) in apis.items():
        with pytest.raises(httpx.TransportError):
            _post(url, new.key.token, point)
        eventually(lambda process=process: "SIGKILL" in process.log, 10, "gunicorn saw it die")
        # The client does what it should: the same request with the same key, until it is answered.
        first, second = (_post(address, new.key.token, point) for _ in range(2))
        assert (first.status_code, second.status_code) == (202, 202), first.text
        found.answers[point] = (first.json()["id"], second.json()["id"])
        found.jobs[point] = Job.unscoped.get(pk=first.json()["id"])
        process.stop()
    healthy.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _post(url: str, token: str, key: str) -> Any:
    return httpx.post(
        f"{url}/api/v1/jobs",
        json={"kind": "test.ok", "params": {"note": key}},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
        timeout=20,
    )


def test_the_list_of_points_is_the_codes():
    assert {*WORKER_POINTS, *RELAY_POINTS, *SUBMIT_POINTS, "reap.before"} == set(crash.POINTS)


@pytest.mark.parametrize("point", crash.POINTS)
def test_the_job_that_met_the_crash_succeeds(world, crashed, point: str):
    job = crashed.jobs[point]
    assert (job.state, job.error_code) == ("succeeded", ""), world.story([job.pk])


@pytest.mark.parametrize(
    ("point", "attempts"),
    [
        ("claim.before", ["succeeded"]),
        ("claim.after", ["lost", "succeeded"]),
        ("handler.before", ["lost", "succeeded"]),
        ("handler.after", ["lost", "succeeded"]),
        ("settle.before", ["lost", "succeeded"]),
        ("settle.after", ["succeeded"]),
        ("join.before", ["succeeded"]),
        ("effect.sending", ["lost", "succeeded"]),
        ("effect.answered", ["lost", "succeeded"]),
        *[(point, ["succeeded"]) for point in (*RELAY_POINTS, *SUBMIT_POINTS)],
    ],
)
def test_a_crash_costs_an_attempt_only_where_one_was_under_way(crashed, point, attempts):
    found = JobAttempt.objects.filter(job=crashed.jobs[point]).order_by("number")
    assert list(found.values_list("outcome", flat=True)) == attempts


def test_a_join_that_was_swallowed_is_done(crashed):
    parent = crashed.jobs["join.before"].parent
    assert (parent.state, parent.result) == ("succeeded", {"parts": 2, "sum": 1})


@pytest.mark.parametrize("point", SUBMIT_POINTS)
def test_a_client_that_asks_again_gets_one_job_and_one_answer(crashed, point: str):
    first, second = crashed.answers[point]
    assert first == second
    assert Job.unscoped.filter(params__note=point).count() == 1


@pytest.mark.parametrize("point", ["effect.sending", "effect.answered"])
def test_an_effect_cut_short_is_asked_about_and_happens_once(world, crashed, point: str):
    effect = Effect.unscoped.get(job=crashed.jobs[point])
    assert effect.state == "sent"
    assert world.provider.sends()[str(effect.tenant_id), str(effect.job_id), "recipient-0"] == 1


@pytest.mark.parametrize("point", [p for p, kind in WORKER_POINTS.items() if kind == "test.output"])
def test_the_outputs_are_those_of_the_attempt_that_won_and_whole(crashed, point: str):
    job = crashed.jobs[point]
    bucket = store(Bucket.STORAGE)
    assert job.output_prefix.endswith(f"/a{job.attempt}/")
    assert len(job.artifacts) == OBJECTS
    for number, item in enumerate(job.artifacts):
        assert item["key"].startswith(job.output_prefix)
        assert bucket.read(item["key"]) == content(str(job.pk), number, BYTES)


def test_what_the_lost_attempts_wrote_is_collected_and_nothing_else(crashed):
    outputs.sweep(grace=timedelta(seconds=-60))
    bucket = store(Bucket.STORAGE)
    for point in ("handler.after", "settle.before", "claim.after"):
        job = crashed.jobs[point]
        kept = {item["key"] for item in job.artifacts}
        assert set(bucket.keys(f"t/{job.tenant_id}/jobs/{job.pk}/")) == kept


def test_every_row_and_log_is_sound_and_no_slot_is_held(crashed):
    assert invariants.finally_(Job.unscoped.values_list("pk", flat=True)) == []
