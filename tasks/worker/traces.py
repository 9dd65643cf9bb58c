"""Traces of a worker: named after its queue, and sent before a pool process ends."""

from __future__ import annotations

from typing import Any

from celery import signals

from academy.core import tracing


def connect() -> None:
    """Follow the worker's signals."""
    signals.worker_init.connect(_name, dispatch_uid="tasks.worker.traces.name", weak=False)
    # Pool processes end without Python's own hooks.
    signals.worker_process_shutdown.connect(
        _flush, dispatch_uid="tasks.worker.traces.flush", weak=False
    )


def _name(sender: Any, **_: Any) -> None:
    """Before the pool forks: its processes inherit the name, and nothing else of it."""
    names = sorted(sender.app.amqp.queues.consume_from)
    tracing.name_service(f"academy-worker-{'-'.join(names)}")


def _flush(**_: Any) -> None:
    tracing.shutdown()
