from __future__ import annotations

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Registers the models, the error texts and the housekeeping."""

    name = "academy.tenants"
    label = "tenants"
    verbose_name = "Tenants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what others look up by name."""
        from academy.core import sweeps
        from academy.tenants import errors, throttle, tokens  # noqa: F401

        sweeps.register("tenants.login_throttle", throttle.sweep, every_seconds=600)
        sweeps.register("tenants.refresh_tokens", tokens.sweep, every_seconds=3_600)
