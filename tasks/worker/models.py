"""Models in a worker: never in the process that forks, and ready before the first job.

The parent of a prefork worker only passes messages on and extends their visibility. If it loaded a
model, its children would hang; so it is kept from doing so, and each child loads its own, in a
thread of its own, because the pool gives a child up that does not report soon.
"""

from __future__ import annotations

from typing import Any, Final

from celery import bootsteps, signals
from django.apps import apps
from django.conf import settings

from tasks.worker import boot

GPU_QUEUE: Final = "ai-premium"
"""The only queue whose workers take a GPU; others on the same host compute on its CPU."""


class Models(bootsteps.Step):
    """Worker step: before the pool forks, say who may load models, and what to load at once."""

    requires = (boot.BootChecks,)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        if not apps.ready:
            return
        queue = boot.the_queue(worker.app)
        # Its settings are those of the applications.
        from academy.inference import device, runtime, warm  # noqa: PLC0415

        if queue.name == GPU_QUEUE:
            device.allow_gpu()
        if queue.pool != "prefork":
            return
        runtime.keep_out()
        if not settings.MODEL_WARM_START:
            return

        def start(**_: Any) -> None:
            warm.start(queue.name)

        signals.worker_process_init.connect(
            start, dispatch_uid="tasks.worker.models.warm", weak=False
        )
