"""What a worker of this platform has that a stock Celery worker has not."""

from __future__ import annotations

from typing import Any


def install(app: Any) -> None:
    """Give *app* the boot checks, the visibility heartbeat and the drain."""
    from tasks.worker import drain

    drain.connect()
