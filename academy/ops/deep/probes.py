"""Parts that are asked directly, side by side, each within a few seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final

from django.db import InterfaceError, OperationalError, connection, connections

from academy.core import clock, health
from academy.core.ids import new_id
from academy.core.storage import Bucket
from academy.fleet.queue_access import QueueDepth, queue_access
from academy.jobs.kinds_system import use_store
from academy.jobs.lag import LATE_SECONDS, relay_lag
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.ops.deep.report import Fact, PartResult, Status

PROBE_SECONDS: Final = 8.0
CONNECTIONS_WARNING: Final = 0.85
"""Share of the database's connections in use above which it is said."""
DEAD_COUNTED: Final = 1_000

_CONNECTIONS = """
SELECT count(*), current_setting('max_connections')::int
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Found:
    """What one probe says."""

    status: Status = Status.OK
    finding: str = "ok"
    facts: Mapping[str, Fact] = field(default_factory=dict)


def run(seconds: float = PROBE_SECONDS) -> list[PartResult]:
    """Ask every part; one that does not answer in time is broken. Never raises."""
    answers: SimpleQueue[PartResult] = SimpleQueue()
    for name, probe in PROBES.items():
        # Daemons: a part that hangs must hold up neither the answer nor the end of a command.
        threading.Thread(
            target=_ask, args=(name, probe, answers), name=f"probe {name}", daemon=True
        ).start()
    known: dict[str, PartResult] = {}
    deadline = clock.monotonic() + seconds
    while len(known) < len(PROBES):
        try:
            part = answers.get(timeout=max(0.0, deadline - clock.monotonic()))
        except Empty:
            break
        known[part.name] = part
    return [known.get(name) or _silent(name, seconds) for name in PROBES]


def _silent(name: str, seconds: float) -> PartResult:
    return PartResult(
        name=name, status=Status.BROKEN, finding="no_answer", facts={"seconds": seconds}
    )


def _ask(name: str, probe: Callable[[], Found], answers: SimpleQueue[PartResult]) -> None:
    began = clock.monotonic()
    try:
        found = probe()
    except (OperationalError, InterfaceError, health.NotReady) as error:
        found = Found(Status.BROKEN, "database_down", {"error": type(error).__name__})
    except Exception as error:  # noqa: BLE001 - whatever it raises, the part does not work
        found = Found(Status.BROKEN, _BROKEN[name], {"error": type(error).__name__})
    finally:
        connections.close_all()
    answers.put(
        PartResult(
            name=name,
            status=found.status,
            finding=found.finding,
            facts=dict(found.facts),
            seconds=round(clock.monotonic() - began, 4),
        )
    )


def _database() -> Found:
    health.check_database()
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        used, limit = cursor.fetchone()
    facts = {"used": used, "limit": limit}
    if used >= CONNECTIONS_WARNING * limit:
        return Found(Status.WARNING, "connections_near_limit", facts)
    return Found(facts=facts)


def _relay() -> Found:
    sign = health.relay_sign()
    if sign.relays == 0:
        return Found(Status.BROKEN, "relay_down")
    silent = sign.silent_seconds
    facts: dict[str, Fact] = {
        "relays": sign.relays,
        "silent": None if silent is None else round(silent, 1),
        "lag": round(max(relay_lag().values(), default=0.0), 1),
    }
    if silent is not None and silent > LATE_SECONDS:
        return Found(Status.BROKEN, "relay_silent", facts)
    if float(facts["lag"] or 0) > LATE_SECONDS:
        return Found(Status.WARNING, "relay_late", facts)
    return Found(facts=facts)


def _broker() -> Found:
    """Every queue's attributes. Sending is proved by the relay, which alone has the right to it."""
    depths = queue_access().depths()
    return _refused(depths) or Found(facts={"ready": sum(depth.ready or 0 for depth in depths)})


def _refused(depths: Sequence[QueueDepth]) -> Found | None:
    bad = {depth.name: depth.problem for depth in depths if depth.problem}
    if not bad:
        return None
    facts = {"queues": ", ".join(bad), "error": ", ".join(sorted(set(bad.values())))}
    return Found(Status.BROKEN, "broker_down", facts)


def _object_store() -> Found:
    key = f"checks/{new_id()}"
    with ThreadPoolExecutor(len(Bucket), thread_name_prefix="probe store") as pool:
        problems = dict(
            zip(Bucket, pool.map(lambda bucket: _use(bucket, key), Bucket), strict=True)
        )
    bad = {bucket.value: problem for bucket, problem in problems.items() if problem}
    if bad:
        facts = {"buckets": ", ".join(bad), "error": ", ".join(sorted(set(bad.values())))}
        return Found(Status.BROKEN, "store_down", facts)
    return Found(facts={"buckets": len(problems)})


def _use(bucket: Bucket, key: str) -> str:
    try:
        use_store(bucket, key)
    except Exception as error:  # noqa: BLE001 - each bucket's own problem is told
        return str(getattr(error, "code", type(error).__name__))
    return ""


def _dead_letters() -> Found:
    """The list can be read, and is so long: a letter is work for a person, no broken link."""
    dead = Job.unscoped.filter(state=JobState.DEAD).order_by("finished_at", "id")
    jobs = dead[:DEAD_COUNTED].count()
    depths = queue_access().depths()
    if refused := _refused(depths):
        return refused
    if unread := [depth.name for depth in depths if depth.dead is None]:
        return Found(Status.BROKEN, "inbox_unreadable", {"error": ", ".join(unread)})
    return Found(facts={"dead_jobs": jobs, "messages": sum(depth.dead or 0 for depth in depths)})


PROBES: Final[Mapping[str, Callable[[], Found]]] = {
    "database": _database,
    "relay": _relay,
    "broker": _broker,
    "object_store": _object_store,
    "dead_letters": _dead_letters,
}
_BROKEN: Final[Mapping[str, str]] = {
    "database": "database_down",
    "relay": "relay_down",
    "broker": "broker_down",
    "object_store": "store_down",
    "dead_letters": "inbox_unreadable",
}
