"""The worker's state, pushed with every heartbeat: nobody has to ask by remote control."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from celery import bootsteps, signals
from celery.worker import state

from tasks import queues
from tasks.events.dispatcher import SNAPSHOT
from tasks.events.gpu import gpu
from tasks.events.outbox import close_outbox, outbox
from tasks.events.redact import ARGS, KWARGS, task_id, task_name
from tasks.worker.fleet import Fleet

logger = logging.getLogger(__name__)

#: A snapshot stays small whatever the worker holds.
_MAX_TASKS = 50


class Snapshot(bootsteps.StartStopStep):
    """Consumer step: a ``worker-info`` event at the start and with every heartbeat."""

    requires = (
        "celery.worker.consumer.tasks:Tasks",
        "celery.worker.consumer.heart:Heart",
    )
    label = "snapshot"

    def include_if(self, c: Any) -> bool:  # noqa: ARG002 - bootsteps' signature
        """Only where events are wanted."""
        return queues.events_flush_seconds() > 0

    def start(self, c: Any) -> None:
        """Say it now, then with every heartbeat: one flush carries both."""
        if not gpu.text:
            gpu.look()
        self._send(c)
        c.event_dispatcher.on_heartbeat = partial(self._send, c)

    def stop(self, c: Any) -> None:
        """The consumer stops or reconnects."""
        if c.event_dispatcher is not None:
            c.event_dispatcher.on_heartbeat = None

    def _send(self, c: Any) -> None:
        try:
            c.event_dispatcher.send(SNAPSHOT, **snapshot(c))
        except Exception as exc:  # noqa: BLE001 - a snapshot must not end the worker's timer
            logger.warning("No snapshot of this worker: %s.", type(exc).__name__)


def snapshot(c: Any) -> dict[str, Any]:
    """The state of the worker with consumer *c*, in the words of Celery's ``inspect``.

    Made of names, numbers and ids only. ``active``, ``reserved`` and ``scheduled`` have the shapes
    of Celery's answers; ``stats`` lacks what would show the broker's settings.
    """
    (name,) = c.app.amqp.queues.consume_from
    queue = queues.by_name(name)
    running = _copy(state.active_requests)
    active = _requests(running)
    reserved = _requests(_copy(state.reserved_requests) - running)
    return {
        "stats": _stats(c),
        "active_queues": [queue_info(consumed) for consumed in c.task_consumer.queues],
        "registered": sorted(task for task in c.app.tasks if not task.startswith("celery.")),
        "active": active,
        "reserved": reserved,
        "scheduled": [],
        "queue": queue.name,
        "sqs_queue": queue.sqs_name,
        "host_kind": queues.host_kind(),
        "gpu": gpu.text,
        "state": next((step.state for step in c.steps if isinstance(step, Fleet)), ""),
        "pool": queue.pool,
        "time_limit": queue.time_limit,
        "current": [f"{task['name']} {task['id']}" for task in active],
        "events_dropped": outbox().dropped,
    }


def queue_info(queue: Any) -> dict[str, Any]:
    """A consumed queue as ``inspect active_queues`` shows it."""
    return {
        "name": queue.name,
        "exchange": {},
        "routing_key": queue.routing_key,
        "durable": queue.durable,
        "exclusive": queue.exclusive,
        "auto_delete": queue.auto_delete,
        "no_ack": queue.no_ack,
        "alias": queue.alias,
        "queue_arguments": None,
        "binding_arguments": None,
    }


def _stats(c: Any) -> dict[str, Any]:
    stats = c.controller.stats()
    pool = stats.get("pool") or {}
    usage = stats.get("rusage")
    return {
        "pid": stats["pid"],
        "clock": stats["clock"],
        "uptime": stats["uptime"],
        "prefetch_count": stats.get("prefetch_count"),
        "total": {task_name(kind): count for kind, count in stats["total"].items()},
        "pool": {
            "max-concurrency": pool.get("max-concurrency") or c.controller.concurrency,
            "processes": pool.get("processes") or [stats["pid"]],
        },
        "rusage": {
            key: usage[key] for key in ("utime", "stime", "maxrss", "nvcsw", "nivcsw")
        } if isinstance(usage, dict) else {},
    }  # fmt: skip


def _copy(requests: Iterable[Any]) -> set[Any]:
    """The requests at one moment; a pool of threads adds to the set while it is read."""
    for _ in range(10):
        try:
            return set(requests)
        except RuntimeError:
            continue
    return set()


def _requests(requests: Iterable[Any]) -> list[dict[str, Any]]:
    """What ``inspect active`` says of each request, without anything that the sender wrote."""
    return [
        {
            "id": task_id(request.id),
            "name": task_name(request.name),
            "args": ARGS,
            "kwargs": KWARGS,
            "hostname": request.hostname,
            "time_start": request.time_start,
            "acknowledged": request.acknowledged,
            "worker_pid": request.worker_pid,
        }
        for request in list(requests)[:_MAX_TASKS]
    ]


def install(app: Any) -> None:
    """Give *app*'s workers this dispatcher and the snapshot."""
    app.events_cls = "tasks.events.dispatcher:Events"
    app.steps["consumer"].add(Snapshot)
    signals.worker_shutdown.connect(_on_shutdown, dispatch_uid="tasks.events", weak=False)


def _on_shutdown(**_: Any) -> None:
    close_outbox()
