from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Operations as a Django app."""

    name = "academy.ops"
    label = "ops"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Register the error texts, the gauges and the sweep."""
        from academy.core import sweeps
        from academy.ops import errors, gauges  # noqa: F401
        from academy.ops.deep import errors as deep_errors  # noqa: F401
        from academy.ops.deep import retention

        gauges.register()
        sweeps.register("ops.deep_checks", retention.sweep, every_seconds=600)
