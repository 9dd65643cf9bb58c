"""Reads: which queues are paused, who is at work, what operators did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from academy.core.errors import AppError
from academy.fleet.models import OperatorAction, QueueSwitch, Worker
from academy.fleet.queue_access import QueueDepth, QueueFacts, queue_access
from academy.fleet.states import WorkerState

ALIVE: Final = timedelta(seconds=30)
"""A worker that has reported within this time is alive; it reports every 10 s."""


@dataclass(frozen=True)
class WorkerView:
    """A worker's row and whether it still reports."""

    row: Worker
    alive: bool


@dataclass(frozen=True)
class QueueView:
    """A queue: what is fixed about it, what stands in it, its switch, and who works on it."""

    facts: QueueFacts
    depth: QueueDepth
    switch: QueueSwitch | None
    workers_alive: int


def queue_switches() -> dict[str, QueueSwitch]:
    """The paused queues' switches, by queue."""
    return {switch.queue: switch for switch in QueueSwitch.objects.order_by("queue")}


def paused_queues() -> frozenset[str]:
    """The names of the paused queues."""
    return frozenset(QueueSwitch.objects.values_list("queue", flat=True))


def workers_list(*, alive_only: bool = False) -> list[WorkerView]:
    """The workers, by queue and name: those alive, or also those that were seen today."""
    # By the database's clock, which also wrote seen_at: this host's may be off.
    rows = Worker.objects.annotate(read_at=Now())
    if alive_only:
        rows = rows.exclude(state=WorkerState.STOPPED).filter(seen_at__gt=Now() - ALIVE)
    return [WorkerView(row, _is_alive(row, row.read_at)) for row in rows]


def worker_get(name: str) -> WorkerView:
    """One worker. Raises AppError ``worker_unknown``."""
    row = Worker.objects.annotate(read_at=Now()).filter(name=name).first()
    if row is None:
        raise AppError("worker_unknown", worker=name)
    return WorkerView(row, _is_alive(row, row.read_at))


def queues_list() -> list[QueueView]:
    """Every queue in the table's order; asks SQS for the depths, and never fails because of it."""
    access = queue_access()
    depths = {depth.name: depth for depth in access.depths()}
    switches = queue_switches()
    alive = Counter(view.row.queue for view in workers_list(alive_only=True))
    return [
        QueueView(
            facts=facts,
            depth=depths.get(facts.name) or QueueDepth(facts.name, problem="Unread"),
            switch=switches.get(facts.name),
            workers_alive=alive[facts.name],
        )
        for facts in access.facts()
    ]


def actions_list(
    *, action: str | None = None, target: str | None = None, by: str | None = None
) -> QuerySet[OperatorAction]:
    """What operators did, newest first; ``created_at`` is ``at``, as pages want it."""
    wanted = {"action": action, "target": target, "by": by}
    filters = {name: value for name, value in wanted.items() if value is not None}
    return OperatorAction.objects.annotate(created_at=F("at")).filter(**filters)


def _is_alive(row: Worker, at: datetime) -> bool:
    return row.state != WorkerState.STOPPED and at - row.seen_at < ALIVE
