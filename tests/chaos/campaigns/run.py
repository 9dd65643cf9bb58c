"""One run: campaigns of several academies, a provider that loses answers, and killed workers."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Count

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.jobs.replay import job_retry
from academy.jobs.submit import Submitter
from academy.messaging import credit
from academy.messaging.models import Batch, Campaign, Message
from academy.messaging.policy import policy_change
from academy.tenants.models import Tenant
from tests.chaos import plan as plans
from tests.chaos.campaigns import load
from tests.chaos.campaigns.control import Outcome
from tests.chaos.campaigns.judge import table
from tests.chaos.check import Line
from tests.chaos.crew import Crew
from tests.chaos.plan import Fault, Pace
from tests.chaos.run import ENVIRON, break_the_queue
from tests.support import solapi_double
from tests.support.messages import phone
from tests.support.solapi_double import SolapiDouble
from tests.support.world import World

WORKERS: Final = ("messaging",) * 3
BLOCKED_EVERY: Final = 50
PACE: Final = Pace(
    kill_every=2.5,
    weights={
        Fault.KILL_WORKER: 60,
        Fault.KILL_RELAY: 15,
        Fault.PAUSE_WORKER: 8,
        Fault.SQS_AWAY: 6,
        Fault.PURGE: 3,
    },
)
PATIENCE: Final = 300.0
REPORTS_PATIENCE: Final = 60.0
_SHOWN: Final = 8


@dataclass
class Report:
    """What a run shows."""

    seed: int
    lines: list[Line]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(line.holds for line in self.lines)


def run(double: SolapiDouble, *, messages: int, seed: int, seconds: float) -> Report:
    """Confirm campaigns to so many phones in about so many seconds, through the seed's faults."""
    began = clock.monotonic()
    double.balance, double.delay_seconds = 10**12, load.DELAY_SECONDS
    double.blocked = {
        phone(number): "3040" for number in range(BLOCKED_EVERY, messages + 1, BLOCKED_EVERY)
    }
    with World(**ENVIRON) as world:
        tenants = [_tenant(world, messages) for _ in range(load.TENANTS)]
        crew = Crew(world, WORKERS)
        crew.ready()
        break_the_queue(world.proxy, seed)
        double.lose(load.ANSWERS_LOST, seed)
        client = load.Client(tenants, load.campaigns(messages, seed), seconds)
        client.start()
        _strike_while(client, crew, double, seed)
        broken = clock.monotonic() - began
        crew.heal()
        world.proxy.heal()
        double.lose(0.0, seed)
        rested = _rest(crew, double)
        if client.failure is not None:
            raise client.failure
        lines = table(double, tenants, messages, world.logs)
        gave_up = [f"ended by itself: {who}" for who in crew.ended_by_themselves]
        lines.append(Line("alive", "no worker or relay ended by itself", crew.signals, gave_up))
        facts = {
            "messages": messages,
            "campaigns": client.confirmed,
            "asked again by the client": client.asked_again,
            "phones reached": len(double.sends),
            "sent twice": sum(count > 1 for count in double.sends.values()),
            "never sent": messages - len(double.sends),
            "states": _counts(Message.unscoped.filter(campaign__confirmed_at__isnull=False)),
            "batches": _counts(Batch.unscoped.all()),
            "jobs": dict(Job.unscoped.values_list("kind").annotate(n=Count("pk")).order_by("kind")),
            "answers lost": dict(sorted(double.lost.items())),
            "calls": dict(sorted(double.calls.items())),
            "SIGKILLs": crew.signals,
            "PostgreSQL stopped hard": world.database.stops,
            "faults": {fault.value: count for fault, count in sorted(crew.done.items())},
            "seconds of faults": round(broken, 1),
            "seconds to rest": round(rested, 1),
            "seconds in all": round(clock.monotonic() - began, 1),
        }
        return Report(seed, lines, facts)


def _tenant(world: World, messages: int) -> Tenant:
    tenant = world.tenant()
    policy_change(tenant=tenant, changes={"sender": solapi_double.SENDER})
    credit.top_up(tenant_id=tenant.pk, amount=10_000 * messages, key="chaos", by="chaos")
    return tenant


def _strike_while(client: load.Client, crew: Crew, double: SolapiDouble, seed: int) -> None:
    """Break things until all is confirmed, and then until most of it is with the provider."""
    due = clock.monotonic()
    for strike in plans.strikes(seed, PACE):
        due += strike.after
        while clock.monotonic() < due:
            crew.tend()
            time.sleep(0.05)
        double.deliver()
        if not client.is_alive() and not _open(few=0.1):
            return
        crew.strike(strike)


def _open(few: float = 0.0) -> bool:
    """Whether more than this share of the messages, or a job, has not ended."""
    try:
        rows = Message.unscoped.filter(campaign__confirmed_at__isnull=False)
        waiting = rows.filter(state__in=["queued", "sending", "unknown"]).count()
        if few:
            return waiting > rows.count() * few
        jobs = Job.unscoped.filter(finished_at__isnull=True)
        return bool(waiting) or jobs.exists() or Campaign.unscoped.filter(state="sending").exists()
    except (OperationalError, InterfaceError):
        connection.close()
        return True


def _rest(crew: Crew, double: SolapiDouble) -> float:
    """Wait until everything has ended, and a while for the carriers' reports; the seconds of it."""
    began = clock.monotonic()
    while _open() and clock.monotonic() - began < PATIENCE:
        crew.tend()
        _retry()
        time.sleep(0.3)
    rested = clock.monotonic() - began
    double.deliver()
    deadline = clock.monotonic() + REPORTS_PATIENCE
    sent = Message.unscoped.filter(state="sent")
    while (sent.exists() or _open()) and clock.monotonic() < deadline:
        crew.tend()
        time.sleep(0.3)
    return rested


def _retry() -> None:
    """The faults are over, so operations do what they would: retry what waits for better times."""
    for job in Job.unscoped.filter(state="retry_wait").select_related("tenant"):
        with contextlib.suppress(AppError):  # it was due by itself meanwhile
            job_retry(by=Submitter(job.tenant, "chaos"), job_id=job.pk)


def _counts(rows: Any) -> dict[str, int]:
    return dict(rows.values_list("state").annotate(count=Count("pk")).order_by("state"))


def text(report: Report, control: Outcome | None) -> str:
    """What must hold, the figures, and the control beside them."""
    lines = [f"campaigns under chaos, seed {report.seed}", ""]
    for line in report.lines:
        verdict = "holds" if line.holds else f"{len(line.wrong)} WRONG"
        lines.append(f"  {line.name:8} {verdict:9} {line.checked:>6}  {line.what}")
        lines += [f"  {'':8} - {wrong}" for wrong in line.wrong[:_SHOWN]]
    lines += ["", *(f"  {name:26} {value}" for name, value in report.facts.items())]
    if control is not None:
        facts = report.facts
        rows = [
            ("messages", facts["messages"], control.accepted),
            ("sent more than once", facts["sent twice"], control.twice),
            ("never sent", facts["never sent"], control.lost),
            ("kills", facts["SIGKILLs"], control.kills),
        ]
        lines += ["", f"  {'':22} {'this platform':>14} {'plain acks_late Celery':>24}"]
        lines += [f"  {name:22} {ours:>14} {theirs:>24}" for name, ours, theirs in rows]
    return "\n".join(lines)
