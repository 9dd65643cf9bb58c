"""Giving a Celery application's workers what a stock worker lacks."""

from __future__ import annotations

from typing import Any

from academy.jobs import room
from tasks import queues
from tasks.events import snapshot
from tasks.events.outbox import outbox
from tasks.worker import drain, fleet, pool, traces
from tasks.worker.boot import BootChecks
from tasks.worker.encoder import Encoder
from tasks.worker.health import Health
from tasks.worker.models import Models
from tasks.worker.provider import MessageProvider
from tasks.worker.visibility import Heartbeat


def install(app: Any) -> None:
    """Give *app*'s workers the checks, heartbeat, drain, pool, health file, orders and events."""
    app.steps["worker"].update({BootChecks, Encoder, MessageProvider, Models, drain.Drain})
    app.steps["consumer"].update({Heartbeat, Health, fleet.Fleet})
    drain.connect()
    traces.connect()
    pool.install()
    snapshot.install(app)
    fleet.add_fact("events_dropped", _events_dropped)
    fleet.add_fact("scratch_free_mb", _scratch_free_mb)
    fleet.add_fact("scratch_lacking_mb", _scratch_lacking_mb)


def _scratch_free_mb() -> int:
    """What is free on the host's scratch disk."""
    return room.free_bytes() >> 20


def _scratch_lacking_mb() -> int:
    """How much more must be free before the worker takes work again; 0: it takes some."""
    return -(-room.lacking_bytes() >> 20)


def _events_dropped() -> int:
    """Events of the worker's parent that will never reach Flower."""
    return outbox().dropped if queues.events_flush_seconds() else 0
