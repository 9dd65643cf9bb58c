"""Database connections of a worker: one a thread, kept between jobs.

Celery's own Django fixup closes the connection before and after every task. Opening one costs the
worker and the server several times what a short job costs, so this replaces it: a connection stays,
and one that has been idle is checked before it is used (``academy.jobs.execute``).
"""

from __future__ import annotations

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

    @staticmethod
    def _set_up(**_: Any) -> None:
        os.environ.setdefault("ACADEMY_PROCESS", "worker")
        django.setup()

    @staticmethod
    def _close(**_: Any) -> None:
        """The parent hands no open connection to the children that it forks."""
        connections.close_all()
