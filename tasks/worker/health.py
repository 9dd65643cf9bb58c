"""Liveness: the time since the last good poll of each queue, not "the process lives".

The worker's event loop writes a small file every few seconds; ``python -m tasks.worker.health``
reads it for a container's health check, and ``tasks.host`` to know whether this computer is at
work. A wedged loop stops writing, a dead broker ages the polls.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from celery import bootsteps, signals
from celery.worker import state as requests

from academy.core import clock

logger = logging.getLogger(__name__)

WRITE_SECONDS = 5.0


def health_file(queue: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a worker of *queue* writes: ``WORKER_HEALTH_FILE``, or a file of a common folder.

    The folder is ``WORKER_HEALTH_DIR``, else the system's for temporary files.
    """
    if path := environ.get("WORKER_HEALTH_FILE"):
        return Path(path)
    folder = environ.get("WORKER_HEALTH_DIR") or tempfile.gettempdir()
    return Path(folder) / f"academy-worker-{queue}.json"


def problem(path: Path, *, max_age: float, now: float) -> str | None:
    """What is wrong with the worker that writes *path*; None when it is well.

    *now* is ``clock.monotonic()``, one clock for all processes of a computer. *max_age* is seconds.
    """
    try:
        state = json.loads(path.read_text())
        written, queues = float(state["written"]), dict(state["queues"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"There is no readable {path}: the worker has not started to consume."
    if now - written > max(3 * WRITE_SECONDS, 15):
        return f"The worker's loop has stood still for {now - written:.0f} s."
    for queue, last_poll in queues.items():
        # A full, paused or draining worker polls nothing and is well: its tasks' leases are watched
        # elsewhere.
        if not state.get("full") and now - last_poll > max_age:
            return f"The last good poll of {queue} is {now - last_poll:.0f} s old."
    return None


class Health(bootsteps.StartStopStep):
    """Consumer step: writes the file from the event loop."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    label = "health file"

    def __init__(self, c: Any, **options: Any) -> None:
        super().__init__(c, **options)
        (name,) = c.app.amqp.queues.consume_from
        self._path = health_file(name)
        self._timer: Any = None

    def start(self, c: Any) -> None:
        """Write once; :meth:`register_with_event_loop` goes on."""
        signals.worker_shutdown.connect(
            self._on_shutdown, dispatch_uid="tasks.worker.health", weak=False
        )
        self._write(c)

    def register_with_event_loop(self, c: Any, hub: Any) -> None:
        """Write every few seconds from the loop, so that a wedged loop shows."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = hub.call_repeatedly(WRITE_SECONDS, self._write, c)

    def stop(self, c: Any) -> None:
        """Leave the file: a draining worker is still alive, until it grows too old."""

    def _write(self, c: Any) -> None:
        if c.task_consumer is None:
            return
        channel = c.task_consumer.channel
        self._put(
            {
                "full": channel.is_full or channel.takes_nothing,
                "held": len(channel.held()),
                "queues": channel.last_good_polls(),
                # After a reconnect the new channel holds nothing, and the old tasks run on.
                "running": max(len(requests.active_requests), len(requests.reserved_requests)),
            }
        )

    def _on_shutdown(self, **_: Any) -> None:
        """Say that this worker ended in order: everything it held is done or given back."""
        self._put({"full": False, "held": 0, "queues": {}, "running": 0, "stopped": True})

    def _put(self, facts: dict[str, Any]) -> None:
        state = {
            "pid": os.getpid(),
            "written": clock.monotonic(),
            # Short tasks come and go between two writes; their number does not.
            "taken": requests.all_total_count[0],
            **facts,
        }
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            fresh.write_text(json.dumps(state))
            fresh.replace(self._path)
        except OSError as exc:
            logger.warning("Cannot write %s: %s.", self._path, exc.strerror)


def main() -> int:
    """Exit 0 when the worker is well, else 1 with a sentence."""
    parser = argparse.ArgumentParser(prog="python -m tasks.worker.health", description=__doc__)
    parser.add_argument("queue", help="the logical queue of the worker, e.g. video")
    parser.add_argument("--max-age", type=float, default=90.0, help="seconds since a good poll")
    options = parser.parse_args()
    trouble = problem(health_file(options.queue), max_age=options.max_age, now=clock.monotonic())
    print(trouble or "well")  # noqa: T201 - a command's answer
    return 1 if trouble else 0


if __name__ == "__main__":
    raise SystemExit(main())
