"""Database connections of a worker: one a thread, kept between jobs.

Celery's own Django fixup closes the connection before and after every task. Opening one costs the
worker and the server several times what a short job costs, so this replaces it: a connection stays,
and one that has been idle is checked before it is used (``academy.jobs.execute``).
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

import django
from celery import signals
from django.db import connections


class DatabaseFixup:
    """What ``Celery(fixups=[...])`` installs in place of Celery's Django fixup."""

    def __init__(self, app: Any) -> None:
        # Django must be ready before the tasks' modules are imported.
        signals.import_modules.connect(self._set_up, sender=app, weak=False)
        signals.worker_init.connect(self._close, weak=False)
        signals.setup_logging.connect(self._keep_logging, weak=False)

    @staticmethod
    def _set_up(**_: Any) -> None:
        os.environ.setdefault("ACADEMY_PROCESS", "worker")
        django.setup()

    @staticmethod
    def _keep_logging(**_: Any) -> None:
        """Leave logging as Django set it up: Celery would print nothing below WARNING."""

    @staticmethod
    def _close(**_: Any) -> None:
        """The parent hands no open connection to the children that it forks."""
        connections.close_all()


#: Of every socket that no child may keep: its file descriptor, and which socket that is.
_kept: dict[int, tuple[int, int]] = {}


def keep_from_children(connection: Any) -> None:
    """Have children that are forked from now on close their copy of *connection*'s socket.

    A child never uses a connection of another thread, and psycopg ends none that another process
    opened. But a child with a copy of the socket would keep the server from noticing that the
    parent was killed.
    """
    raw = connection.connection
    if raw is not None and not raw.closed:
        fd = raw.fileno()
        _kept[fd] = _socket(fd)


def _socket(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def _close_kept() -> None:
    """In a new child. A number that means another file by now is left alone."""
    for fd, known in _kept.items():
        with contextlib.suppress(OSError):
            if _socket(fd) == known:
                os.close(fd)
    _kept.clear()


os.register_at_fork(after_in_child=_close_kept)
