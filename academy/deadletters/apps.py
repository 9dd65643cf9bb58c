from functools import partial

from django.apps import AppConfig
from django.conf import settings


class DeadLettersConfig(AppConfig):
    """Dead letters as a Django app."""

    name = "academy.deadletters"
    label = "deadletters"
    verbose_name = "Dead letters"

    def ready(self) -> None:
        """Register the catalogue's entries and the sweeps, once models can be imported."""
        from academy.core import sweeps
        from academy.deadletters import collect, errors, progress, retention, settle  # noqa: F401
        from academy.tenants.plans import PLANS

        often = settings.RELAY_SWEEP_SECONDS
        sweeps.register("deadletters.jobs", collect.recent_jobs, every_seconds=often)
        sweeps.register("deadletters.all_jobs", collect.all_jobs, every_seconds=600)
        # One for each queue, so that a queue that does not answer holds up no other.
        for queue in PLANS["start"].limits:
            sweeps.register(
                f"deadletters.{queue}",
                partial(collect.messages, queue),
                every_seconds=2 * often,
            )
        sweeps.register("deadletters.settle", settle.sweep, every_seconds=often)
        sweeps.register("deadletters.replays", progress.sweep, every_seconds=often)
        sweeps.register("deadletters.retention", retention.sweep, every_seconds=600)
