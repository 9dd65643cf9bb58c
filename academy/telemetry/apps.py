from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Metrics and traces as a Django app."""

    name = "academy.telemetry"
    label = "telemetry"
    verbose_name = "Metrics and traces"

    def ready(self) -> None:
        """Register the tally with the relay, and the platform's own gauges."""
        from academy.core import sweeps
        from academy.telemetry import readers, tally

        readers.register()
        sweeps.register("telemetry.tally", tally.sweep, every_seconds=tally.EVERY_SECONDS)
