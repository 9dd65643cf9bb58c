"""Rows as JSON values."""

from __future__ import annotations

from typing import Any

from academy.fleet.models import QueueSwitch, Worker
from academy.fleet.queue_access import QueueDepth
from academy.fleet.selectors import QueueView, WorkerView


def queue_body(view: QueueView) -> dict[str, Any]:
    """A queue as the list shows it."""
    facts = view.facts
    return {
        "name": facts.name,
        "sqs_name": facts.sqs_name,
        "dlq_name": facts.dlq_name,
        "pool": facts.pool,
        "concurrency": facts.concurrency,
        "host_kinds": sorted(facts.host_kinds),
        "visibility_seconds": facts.visibility_seconds,
        "max_receive_count": facts.max_receive_count,
        "publish_window": facts.publish_window,
        "paused": switch_body(view.switch),
        "depth": _depth_body(view.depth),
        "workers_alive": view.workers_alive,
    }


def switch_body(switch: QueueSwitch | None) -> dict[str, Any] | None:
    """Who paused it, when and why; None of a queue that runs."""
    if switch is None:
        return None
    return {"at": switch.paused_at, "by": switch.paused_by, "reason": switch.reason}


def _depth_body(depth: QueueDepth) -> dict[str, Any]:
    return {
        "ready": depth.ready,
        "in_flight": depth.in_flight,
        "delayed": depth.delayed,
        "dead": depth.dead,
        "oldest_seconds": depth.oldest_seconds,
        "problem": depth.problem or None,
    }


def worker_body(view: WorkerView) -> dict[str, Any]:
    """A worker as the list shows it."""
    row = view.row
    return {
        "name": row.name,
        "queue": row.queue,
        "host": row.host,
        "host_kind": row.host_kind,
        "pool": row.pool,
        "concurrency": row.concurrency,
        "release": row.release or None,
        "alive": view.alive,
        "state": row.state,
        "held": row.held,
        "facts": row.facts,
        "drain": _drain_body(row),
        "started_at": row.started_at,
        "seen_at": row.seen_at,
        "stopped_at": row.stopped_at,
    }


def _drain_body(row: Worker) -> dict[str, Any] | None:
    if row.drain_asked_at is None:
        return None
    return {"at": row.drain_asked_at, "by": row.drain_asked_by}
