"""Draining: everybody in the worker learns at once that it was told to stop.

The parent process gets SIGTERM; the prefork children, which do the work, do not. The flag is one
byte of shared memory, made before the children are forked, so that a child, a thread and the parent
all read the same byte without a lock.
"""

from __future__ import annotations

import mmap
from typing import Any

from celery import signals

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
