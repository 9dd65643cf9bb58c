"""The Django application ``tasks``: management commands, and SQS for the platform's pages."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """Registers the adapter behind :mod:`academy.fleet.queue_access`; it has no models."""

    name = "tasks"
    verbose_name = "Queues and workers"

    def ready(self) -> None:
        """Say how this process reaches SQS; nothing is connected before it is used."""
        from django.conf import settings  # noqa: PLC0415 - all of these: after the apps are loaded

        from academy.core import sweeps  # noqa: PLC0415
        from academy.fleet import queue_access  # noqa: PLC0415
        from tasks import scaling  # noqa: PLC0415
        from tasks.queue_access import SqsAccess  # noqa: PLC0415

        queue_access.register(SqsAccess())
        if settings.CLOUDWATCH_METRICS:
            sweeps.register(
                "scaling.metrics", scaling.publisher().round, every_seconds=scaling.EVERY_SECONDS
            )
