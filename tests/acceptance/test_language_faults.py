"""Workers die around calls that cost money: nothing is spent that the ledger does not count."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from academy.ai.language.explanations.kind import EXPLANATIONS
from academy.ai.language.models import Call, CallState
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from tests.support.language_double import KEY, USAGE, Asked, LanguageDouble, Plan, serving
from tests.support.processes import eventually
from tests.support.world import World

COST = USAGE["prompt_tokens"] * 1 + USAGE["completion_tokens"] * 2
SOLVED = Plan({"steps": ["더합니다."], "answer": "3", "choice": None})


@pytest.fixture
def double(settings: Any) -> Iterator[LanguageDouble]:
    with serving(LanguageDouble()) as found:
        settings.LANGUAGE = found.language()
        found.answers(SOLVED)
        yield found


def submitted(world: World, tenant: Tenant, body: str) -> Job:
    (job,) = world.submit(tenant, EXPLANATIONS.name, questions=[{"body": body, "answer": "3"}])
    return job


def calls(job: Job) -> list[tuple[str, bool]]:
    """The state of each call, and whether it counts in full."""
    rows = Call.objects.for_tenant(job.tenant_id).filter(job=job).order_by("created_at", "id")
    return [(row.state, row.cost_micro == row.reserved_micro) for row in rows]


def test_a_worker_that_dies_around_a_call_leaves_it_counted_and_the_job_is_done_once(
    world: World, tenant: Tenant, double: LanguageDouble
) -> None:
    environ = double.environ()
    # Killed before the call, after the answer, and while it waits for one.
    before, after, within = (submitted(world, tenant, f"{one}?") for one in ("a", "b", "waits"))
    dying = [
        world.process(
            f"deliver-{point}", "-m", "tests.support.deliver", str(job.pk), str(job.version),
            ACADEMY_CRASH_POINT=f"language.{point}", **environ,
        ).start()
        for job, point in ((before, "reserved"), (after, "answered"))
    ]  # fmt: skip
    for process in dying:
        assert process.wait(60) == -signal.SIGKILL, process.log
    assert calls(before) == calls(after) == [(CallState.RESERVED, True)]
    assert double.charged == 1, "the first was killed before it asked"

    waited: list[Asked] = []

    def answering(asked: Asked) -> Plan:
        if "waits" in asked.text and not waited:
            waited.append(asked)
            return Plan(SOLVED.content, fault="stall")
        return SOLVED

    double.answers(answering)
    world.relay()
    worker = world.worker("ai-basic", **environ)
    eventually(lambda: waited, 90, lambda: world.story([within.pk]))
    psutil.Process(world.holder(within)).send_signal(signal.SIGKILL)
    world.end(before, after, within, seconds=90)
    for job in (before, after, within):
        assert (job.state, job.attempt) == ("succeeded", 2), (job.error_code, job.error_params)
        assert calls(job) == [(CallState.LOST, True), (CallState.SETTLED, False)]
    assert double.charged == 5
    counted = Call.objects.for_tenant(tenant).exclude(state=CallState.FREE.value)
    assert counted.count() == 6
    assert sum(call.cost_micro for call in counted) >= COST * double.charged
    assert KEY not in worker.log + "".join(process.log for process in dying)
