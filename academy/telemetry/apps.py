from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Metrics and traces as a Django app."""

    name = "academy.telemetry"
    label = "telemetry"
    verbose_name = "Metrics and traces"
