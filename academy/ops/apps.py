from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Operations as a Django app."""

    name = "academy.ops"
    label = "ops"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Register the error texts and the gauges."""
        from academy.ops import errors, gauges  # noqa: F401
        from academy.ops.deep import errors as deep_errors  # noqa: F401

        gauges.register()
