"""Giving a Celery application's workers what a stock worker lacks."""

from __future__ import annotations

from typing import Any

from tasks.events import snapshot
from tasks.worker import drain, pool, traces
from tasks.worker.boot import BootChecks
from tasks.worker.health import Health
from tasks.worker.visibility import Heartbeat


def install(app: Any) -> None:
    """Give *app*'s workers the boot checks, heartbeat, drain, pool, health file and events."""
    app.steps["worker"].update({BootChecks, drain.Drain})
    app.steps["consumer"].update({Heartbeat, Health})
    drain.connect()
    traces.connect()
    pool.install()
    snapshot.install(app)
