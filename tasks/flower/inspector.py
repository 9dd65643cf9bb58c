"""What Flower knows of each worker, from the snapshots that the workers push."""

from __future__ import annotations

from typing import Any

from flower.inspector import Inspector
from prometheus_client import Gauge

from academy.core import clock
from tasks import queues
from tasks.events.packing import Event

#: A worker that has been silent for this long is forgotten.
FORGET_SECONDS = 3600

DROPPED = Gauge("academy_worker_events_dropped", "Events that a worker could not send", ["worker"])


class SnapshotInspector(Inspector):
    """Flower's ``inspector``: has the answers already, and asks nobody."""

    def __init__(self, io_loop: Any, capp: Any) -> None:
        super().__init__(io_loop, capp, timeout=0)

    def inspect(self, workername: str | None = None) -> Any:  # noqa: ARG002 - Flower's interface
        """A finished future: Flower awaits it before it reads ``workers``."""
        self.forget()
        done = self.io_loop.asyncio_loop.create_future()
        done.set_result(None)
        return done

    def update(self, event: Event) -> None:
        """Take a ``worker-info`` event; an older one than the last changes nothing."""
        worker = event["hostname"]
        taken_at = float(event["timestamp"])
        if taken_at >= self.workers.get(worker, {}).get("timestamp", 0):
            self.workers[worker] = as_flower_shows(event)
            DROPPED.labels(worker).set(event.get("events_dropped") or 0)

    def forget(self) -> None:
        """Drop the workers that have said nothing for an hour."""
        oldest = clock.now().timestamp() - FORGET_SECONDS
        for worker in [name for name, info in self.workers.items() if info["timestamp"] < oldest]:
            del self.workers[worker]
            DROPPED.remove(worker)


def as_flower_shows(event: Event) -> dict[str, Any]:
    """A snapshot in the shape of Celery's ``inspect`` answers, which Flower's pages display.

    Lists are shown as they are; of other texts Flower's pages change dashes and capitals.
    """
    stats = dict(event.get("stats") or {})
    stats["pool"] = {
        "implementation": [event.get("pool")],
        "host kind": [str(event.get("host_kind")).upper()],
        **({"GPU": [event["gpu"]]} if event.get("gpu") else {}),
        "queue": [event.get("queue")],
        "current job": event.get("current") or ["none"],
        "time limit": [_hours(event.get("time_limit"))],
        "events dropped": event.get("events_dropped") or 0,
        **(stats.get("pool") or {}),
    }
    client = queues.client_options()
    stats["broker"] = {
        "transport": "sqs",
        "region": client["region_name"],
        "endpoint": client.get("endpoint_url", "AWS"),
        "queue": event.get("sqs_queue"),
    }
    return {
        "stats": stats,
        "active_queues": event.get("active_queues") or [],
        "registered": event.get("registered") or [],
        "scheduled": event.get("scheduled") or [],
        "active": event.get("active") or [],
        "reserved": event.get("reserved") or [],
        "platform": {
            "queue": str(event.get("queue") or ""),
            "pool": str(event.get("pool") or ""),
            "concurrency": stats["pool"].get("max-concurrency") or 0,
            "host_kind": str(event.get("host_kind") or ""),
            "gpu": str(event.get("gpu") or ""),
            "state": str(event.get("state") or ""),
            "current": [{"kind": task["name"], "id": task["id"]} for task in event["active"]],
            "events_dropped": event.get("events_dropped") or 0,
        },
        "revoked": [],
        "conf": {},
        "timestamp": float(event["timestamp"]),
    }


def _hours(seconds: Any) -> str:
    return f"{seconds / 3600:.1f} h" if isinstance(seconds, int | float) else "none"
