from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Worker pools and queue switches as a Django app."""

    name = "academy.fleet"
    label = "fleet"
    verbose_name = "Worker pools and queue switches"

    def ready(self) -> None:
        """Register the error texts and the sweep of workers that are gone."""
        from academy.core import sweeps
        from academy.fleet import errors, report  # noqa: F401

        sweeps.register("fleet.workers", report.forget_workers, every_seconds=600)
