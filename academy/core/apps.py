from __future__ import annotations

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Registers the core's commands and system checks."""

    name = "academy.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        """Register the system checks."""
        from academy.core import checks  # noqa: F401
