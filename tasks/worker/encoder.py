"""With what a host of the video queue encodes: found out as its worker starts."""

from __future__ import annotations

from typing import Any, Final

from celery import bootsteps
from django.apps import apps

from tasks.worker import boot, fleet

_QUEUE: Final = "video"


class Encoder(bootsteps.Step):
    """Worker step: probe for NVENC before the pool forks, so that its children know it too.

    The answer is in the log, and in the worker's row as a fact: a lecture that every host is to
    help with is given to NVENC only where every live worker says that it has it.
    """

    requires = (boot.BootChecks,)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        if not apps.ready or boot.the_queue(worker.app).name != _QUEUE:
            return
        # Its models need the applications.
        from academy.video import encoders  # noqa: PLC0415

        encoders.at_boot()
        fleet.add_fact(encoders.FACT, encoders.fact)
