"""One run: the world, its crew, the clients' load, the faults, and the rest at the end."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Count

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs.models import Effect, Job, JobAttempt
from academy.jobs.replay import job_retry
from academy.jobs.states import TERMINAL
from academy.jobs.submit import Submitter
from tests.chaos import plan as plans
from tests.chaos.check import Line, Run, table
from tests.chaos.client import Client
from tests.chaos.crew import Crew
from tests.support.provider import Faults
from tests.support.sqs_proxy import SqsProxy
from tests.support.world import World

PATIENCE = 240.0
"""Seconds that the jobs have to come to rest once the faults are over."""
ENVIRON = {
    # In an hour of kills a healthy job may lose its worker more often than in a bad year.
    "JOB_MAX_LOSSES": "40",
    "JOB_REPUBLISH_SECONDS": "8",
    "LOG_FORMAT": "json",
}


@dataclass
class Report:
    """What a run shows."""

    seed: int
    lines: list[Line]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(line.holds for line in self.lines)


class Canaries(threading.Event):
    """Counts the messages that carry what no message may carry."""

    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def __call__(self, request: dict[str, Any]) -> bool:
        text = json.dumps(request)
        if plans.CANARY_PHONE in text or plans.CANARY_SECRET in text:
            self.found += 1
        return False


def break_the_queue(proxy: SqsProxy, seed: int) -> Canaries:
    """10 % duplicates, 5 % lost answers, 2 % dropped requests, for as long as it is not healed."""
    rng = random.Random(f"sqs {seed}")
    canaries = Canaries()
    proxy.fault("SendMessageBatch", times=None, decide=canaries)

    def sometimes(share: float) -> Any:
        return lambda _request: rng.random() < share

    proxy.fault("*", times=None, drop=True, decide=sometimes(0.02))
    proxy.fault("SendMessageBatch", times=None, duplicate=True, decide=sometimes(0.10))
    for action in ("SendMessageBatch", "DeleteMessageBatch", "ReceiveMessage"):
        proxy.fault(action, times=None, lose_answer=True, decide=sometimes(0.05))
    return canaries


def run(
    *, jobs: int, seed: int, rate: float, pace: plans.Pace, patience: float = PATIENCE
) -> Report:
    """Run ``jobs`` jobs through the faults of ``seed``; ``rate`` submissions a second."""
    began = clock.monotonic()
    plan = plans.jobs(jobs, seed)
    with World(**ENVIRON) as world:
        world.provider.faults = Faults(error_rate=0.05, lost_answer_rate=0.05)
        tenants = [world.tenant() for _ in range(plans.TENANTS)]
        crew = Crew(world)
        crew.ready()
        canaries = break_the_queue(world.proxy, seed)
        client = Client(tenants, plan, rate=rate)
        struck_from = clock.monotonic()
        client.start()
        _strike_while(client, crew, seed, pace)
        faults_for = clock.monotonic() - struck_from
        crew.heal()
        world.provider.faults = Faults()
        rested = _rest(crew, patience)

        def wait_for(again: Sequence[Job]) -> None:
            _rest(crew, 120.0 if again else 0.0)

        if client.failure is not None:
            raise client.failure
        lines = table(
            Run(world, tenants, plan, client.accepted.ids, canaries.found, replay=wait_for)
        )
        lines.append(_crew_line(crew))
        facts = _facts(world, crew, client)
        facts |= {
            "seconds of faults": round(faults_for, 1),
            "seconds to rest": round(rested, 1),
            "seconds in all": round(clock.monotonic() - began, 1),
        }
        return Report(seed, lines, facts)


def _strike_while(client: Client, crew: Crew, seed: int, pace: plans.Pace) -> None:
    """Break things until all is submitted, and then until most of it has ended."""
    due = clock.monotonic()
    for strike in plans.strikes(seed, pace):
        due += strike.after
        while clock.monotonic() < due:
            crew.tend()
            time.sleep(0.05)
        if not client.is_alive() and _open_jobs() <= len(client.accepted.ids) * 0.1:
            return
        crew.strike(strike)


def _open_jobs() -> int:
    """How many have not ended; while the database is away, as if none had."""
    try:
        return Job.unscoped.filter(finished_at__isnull=True).count()
    except (OperationalError, InterfaceError):
        connection.close()
        return 10**9


def _rest(crew: Crew, patience: float) -> float:
    """Wait until every job has ended; returns the seconds that took.

    The faults are over, so operations do what they would: retry now what waits for better times.
    """
    began = clock.monotonic()
    while _open_jobs() and clock.monotonic() - began < patience:
        crew.tend()
        for job in Job.unscoped.filter(state="retry_wait").select_related("tenant"):
            with contextlib.suppress(AppError):  # it was due by itself meanwhile
                job_retry(by=Submitter(job.tenant, "chaos"), job_id=job.pk)
        time.sleep(0.3)
    return clock.monotonic() - began


def _crew_line(crew: Crew) -> Line:
    wrong = [f"ended by itself: {who}" for who in crew.ended_by_themselves]
    return Line("alive", "no worker or relay ended by itself", crew.signals, wrong)


def _facts(world: World, crew: Crew, client: Client) -> dict[str, Any]:
    states = dict(Job.unscoped.values_list("state").annotate(count=Count("pk")).order_by("state"))
    outcomes = dict(
        JobAttempt.objects.values_list("outcome").annotate(n=Count("job_id")).order_by("outcome")
    )
    sends = world.provider.sends()
    return {
        "jobs accepted": len(client.accepted.ids),
        "rows": sum(states.values()),
        "states": states,
        "attempts": outcomes,
        "asked again by clients": client.accepted.asked_again,
        "cancels": client.accepted.cancels,
        "SIGKILLs": crew.signals,
        "PostgreSQL stopped hard": world.database.stops,
        "faults": {fault.value: count for fault, count in sorted(crew.done.items())},
        "workers that gave up": len(crew.ended_by_themselves),
        "messages sent": world.proxy.counts["SendMessageBatch"],
        "lost or stuck": sum(n for state, n in states.items() if state not in TERMINAL),
        "effects at the provider": sum(sends.values()),
        "effects sent twice": sum(1 for count in sends.values() if count > 1),
        "effects open in ended jobs": Effect.unscoped.filter(
            state__in=["sending", "unknown"], job__state__in=["cancelled", "dead", "failed"]
        ).count(),
        "effects unknown": Effect.unscoped.filter(state__in=["sending", "unknown"])
        .exclude(job__state__in=["cancelled", "dead", "failed"])
        .count(),
    }
