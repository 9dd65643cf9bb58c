"""Which link holds a job up that did not come back in time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from academy.core import clock, health
from academy.fleet.models import QueueSwitch, Worker
from academy.fleet.queue_access import queue_access
from academy.fleet.selectors import queue_switches, workers_list
from academy.fleet.states import WorkerState
from academy.ops.deep.pings import Way
from academy.ops.deep.report import Fact, Link, PartResult, QueueResult, Status

_TAKES_NO_WORK: Final = frozenset({WorkerState.DRAINING, WorkerState.DRAINED})

_IN_FLIGHT = """
SELECT queue, count(*) FILTER (WHERE state = 'published'),
       count(*) FILTER (WHERE state = 'running' AND lease_until > clock_timestamp())
FROM job WHERE state IN ('published', 'running') GROUP BY queue
"""


@dataclass(frozen=True)
class Scene:
    """What was true around the queues when the time was up."""

    switches: Mapping[str, QueueSwitch]
    workers: Mapping[str, Sequence[Worker]]
    """Those that still report, by queue."""
    windows: Mapping[str, int]
    unclaimed: Mapping[str, int]
    running: Mapping[str, int]
    """Jobs under a live lease, by queue: their workers certainly live."""
    broken: Mapping[str, PartResult]
    """The parts that do not work, by name."""
    relay_silent: float | None
    """Seconds since a relay last finished a round; None where the database does not say."""
    elapsed: float
    """Seconds since the jobs were stored."""


def scene(parts: Sequence[PartResult], started_at: datetime) -> Scene:
    """Look around now, for jobs that were stored at a moment."""
    workers: dict[str, list[Worker]] = defaultdict(list)
    for view in workers_list(alive_only=True):
        workers[view.row.queue].append(view.row)
    unclaimed: Counter[str] = Counter()
    running: Counter[str] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(_IN_FLIGHT)
        for queue, waiting, held in cursor.fetchall():
            unclaimed[queue], running[queue] = waiting, held
    return Scene(
        switches=queue_switches(),
        workers=workers,
        windows={facts.name: facts.publish_window for facts in queue_access().facts()},
        unclaimed=unclaimed,
        running=running,
        broken={part.name: part for part in parts if part.status is Status.BROKEN},
        relay_silent=health.relay_sign().silent_seconds,
        elapsed=(clock.now() - started_at).total_seconds(),
    )


def paused(queue: str, switch: QueueSwitch) -> QueueResult:
    """The result of a queue that somebody paused."""
    facts: dict[str, Fact] = {"queue": queue, "by": switch.paused_by, "reason": switch.reason}
    return QueueResult(queue=queue, status=Status.PAUSED, finding="queue_paused", facts=facts)


def judge(queue: str, way: Way, scene: Scene | None) -> QueueResult:
    """The result of one queue; without a scene, a job that is open may still arrive."""
    if way.reached is Link.SETTLED:
        return _result(queue, way, Status.OK, "ok", worker=way.job.lease_owner)
    if scene is None:
        if way.ended:
            return _unsettled(queue, way, store_broken=False)
        return _result(queue, way, Status.RUNNING, "pending")
    if switch := scene.switches.get(queue):
        known = {"reached": way.reached, "took": way.took, "job": way.job.pk}
        return paused(queue, switch).model_copy(update=known)
    if way.reached is Link.STORED:
        return _unpublished(queue, way, scene)
    if way.reached is Link.PUBLISHED:
        return _unclaimed(queue, way, scene)
    return _unsettled(queue, way, store_broken="object_store" in scene.broken)


def _unpublished(queue: str, way: Way, scene: Scene) -> QueueResult:
    for part in ("relay", "broker"):
        if part in scene.broken:
            return _blamed_part(queue, way, scene.broken[part])
    silent = scene.relay_silent
    if silent is not None and silent > scene.elapsed:
        # Not one round since the job was there: it hangs.
        return _result(queue, way, Status.BROKEN, "relay_silent", silent=round(silent, 1))
    if scene.unclaimed.get(queue, 0) >= scene.windows[queue]:
        return _result(queue, way, Status.BUSY, "queue_full", unclaimed=scene.unclaimed[queue])
    return _result(queue, way, Status.BROKEN, "relay_did_not_publish")


def _unclaimed(queue: str, way: Way, scene: Scene) -> QueueResult:
    if "broker" in scene.broken:
        return _blamed_part(queue, way, scene.broken["broker"])
    workers, running = scene.workers.get(queue, ()), scene.running.get(queue, 0)
    if not workers and not running:
        return _result(queue, way, Status.BROKEN, "no_worker")
    if workers and all(worker.state in _TAKES_NO_WORK for worker in workers):
        return _result(queue, way, Status.BROKEN, "workers_drained")
    # A worker of a release that does not report still shows by its lease.
    if running >= max(1, sum(worker.concurrency for worker in workers)):
        return _result(queue, way, Status.BUSY, "workers_busy", running=running)
    names = ", ".join(worker.name for worker in workers)
    return _result(queue, way, Status.BROKEN, "worker_does_not_take", workers=names)


def _unsettled(queue: str, way: Way, *, store_broken: bool) -> QueueResult:
    code, worker = way.job.error_code, way.job.lease_owner
    if code.startswith("storage_") or (not code and store_broken):
        facts: dict[str, Fact] = {"worker": worker, "code": code or "no answer"}
        return _result(queue, way, Status.BROKEN, "worker_store", **facts)
    if code:
        return _result(queue, way, Status.BROKEN, "ping_failed", worker=worker, code=code)
    return _result(queue, way, Status.BROKEN, "worker_does_not_finish", worker=worker)


def _blamed_part(queue: str, way: Way, part: PartResult) -> QueueResult:
    return _result(queue, way, Status.BROKEN, part.finding, **part.facts)


def _result(queue: str, way: Way, status: Status, finding: str, **facts: Fact) -> QueueResult:
    return QueueResult(
        queue=queue,
        status=status,
        finding=finding,
        facts={**facts, "queue": queue, "job": str(way.job.pk)},
        reached=way.reached,
        took=way.took,
        job=way.job.pk,
    )
