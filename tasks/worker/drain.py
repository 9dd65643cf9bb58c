"""Draining: everybody in the worker learns at once that it was told to stop.

The parent process gets SIGTERM; the prefork children, which do the work, do not. The flag is one
byte of shared memory, made before the children are forked, so that a child, a thread and the parent
all read the same byte without a lock.
"""

from __future__ import annotations

import logging
import mmap
from typing import Any

from celery import bootsteps, signals

from academy.core import clock

logger = logging.getLogger(__name__)

_flag = mmap.mmap(-1, 1)


def requested() -> bool:
    """Whether this worker was told to stop. Cheap: ask as often as you like."""
    return _flag[0] != 0


def request() -> None:
    """Say that the worker is to stop; safe in a signal handler."""
    _flag[0] = 1


def connect() -> None:
    """Set the flag as soon as the worker's signal handler runs."""
    signals.worker_shutting_down.connect(
        _on_shutting_down, dispatch_uid="tasks.worker.drain", weak=False
    )


def _on_shutting_down(**_: Any) -> None:
    request()


class Drain(bootsteps.StartStopStep):
    """Worker step: wait for the receives that are still under way when the worker stops.

    Celery stops consuming and closes the event loop. SQS may by then have given a message to a
    long poll that nobody reads any more, and nobody sees that message until its visibility ends.
    Stopped after the consumer and before the pool, this step runs the loop until the polls are
    answered, and the transport gives back at once what they bring.
    """

    requires = ("celery.worker.components:Pool",)
    label = "drain"

    def include_if(self, worker: Any) -> bool:
        """Only where the consumer polls on an event loop."""
        return bool(worker.use_eventloop)

    def start(self, worker: Any) -> None:
        """Nothing to start: draining is all there is."""

    def stop(self, worker: Any) -> None:
        """Run the event loop until no poll is under way, or the last must have timed out."""
        consumer = getattr(worker.consumer, "task_consumer", None)
        if consumer is None:
            return
        channel = consumer.channel
        deadline = clock.monotonic() + channel.wait_time_seconds + 2
        while channel.polls_under_way and clock.monotonic() < deadline:
            worker.hub.run_once()
        if channel.polls_under_way:
            logger.warning("A poll is still not answered; what it brings is seen again later.")

    def terminate(self, worker: Any) -> None:
        """A cold shutdown waits for nothing."""
