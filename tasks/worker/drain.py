"""Draining: everybody in the worker learns at once that it was told to stop.

The parent process gets SIGTERM; the prefork children, which do the work, do not. The flag is one
byte of shared memory, made before the children are forked, so that a child, a thread and the parent
all read the same byte without a lock.
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Callable
from typing import Any

from celery import bootsteps, signals

from academy.core import clock

logger = logging.getLogger(__name__)

_flag = mmap.mmap(-1, 1)
_callbacks: list[Callable[[], None]] = []


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
    """Runs in the signal handler, up to a second before the event loop notices."""
    request()
    for callback in _callbacks:
        callback()


class Drain(bootsteps.StartStopStep):
    """Worker step: stop polling when told to stop, and wait for the receives still under way.

    Celery stops consuming when its loop comes round, up to a second later, and then closes the
    loop. SQS may by then have given a message to a long poll that nobody reads any more, and nobody
    sees that message until its visibility ends. Stopped after the consumer and before the pool,
    this step runs the loop until the polls are answered; the transport gives back at once what they
    bring.
    """

    requires = ("celery.worker.components:Pool",)
    label = "drain"

    def include_if(self, worker: Any) -> bool:
        """Only where the consumer polls on an event loop."""
        return bool(worker.use_eventloop)

    def start(self, worker: Any) -> None:
        """Have the channel of that moment drain as soon as the signal comes."""

        def stop_polling() -> None:
            if channel := _channel(worker):
                channel.drain()

        _callbacks.append(stop_polling)

    def stop(self, worker: Any) -> None:
        """Run the event loop until no poll is under way, or the last must have timed out."""
        channel = _channel(worker)
        if channel is None:
            return
        deadline = clock.monotonic() + channel.wait_time_seconds + 2
        while channel.polls_under_way and clock.monotonic() < deadline:
            worker.hub.run_once()
        if channel.polls_under_way:
            logger.warning("A poll is still not answered; what it brings is seen again later.")

    def terminate(self, worker: Any) -> None:
        """A cold shutdown waits for nothing."""


def _channel(worker: Any) -> Any | None:
    """The channel that the worker consumes from, if it does."""
    consumer = getattr(worker, "consumer", None)
    task_consumer = getattr(consumer, "task_consumer", None)
    return None if task_consumer is None else task_consumer.channel
