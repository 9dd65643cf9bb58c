from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings


class CoreConfig(AppConfig):
    """Registers the core's commands and system checks; says whether this process traces."""

    name = "academy.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        """Register the system checks, and name this process to the collector if there is one."""
        from academy.core import checks, tracing  # noqa: F401

        tracing.configure(settings.SERVICE_NAME, settings.TRACES_ENDPOINT, release=settings.RELEASE)
