from django.apps import AppConfig
from django.conf import settings


class JobsConfig(AppConfig):
    """The job core as a Django app."""

    name = "academy.jobs"
    label = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        """Register the core's kinds and sweeps, once models can be imported."""
        from academy.core import health, sweeps
        from academy.jobs import (  # noqa: F401
            failures,
            idempotency,
            kinds_system,
            lag,
            logbook,
            outputs,
            reap,
        )

        kinds_system.register()
        health.register_notice("relay", lag.RelayNotice())
        sweeps.register("jobs.reap", reap.sweep, every_seconds=settings.RELAY_SWEEP_SECONDS)
        sweeps.register("jobs.outputs", outputs.sweep, every_seconds=60)
        sweeps.register("jobs.logbook", logbook.sweep, every_seconds=600)
        sweeps.register("jobs.idempotency", idempotency.sweep, every_seconds=600)
