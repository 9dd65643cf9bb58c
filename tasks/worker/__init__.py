"""What a worker of this platform has that a stock Celery worker has not."""

from __future__ import annotations

from typing import Any

from tasks.worker import drain
from tasks.worker.boot import BootChecks
from tasks.worker.health import Health
from tasks.worker.visibility import Heartbeat


def install(app: Any) -> None:
    """Give *app*'s workers the boot checks, the heartbeat, the drain and the health file."""
    app.steps["worker"].update({BootChecks, drain.Drain})
    app.steps["consumer"].update({Heartbeat, Health})
    drain.connect()
