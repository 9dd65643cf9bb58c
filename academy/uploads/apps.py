from __future__ import annotations

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    """Registers the error texts and the sweep of abandoned uploads."""

    name = "academy.uploads"
    label = "uploads"
    verbose_name = "Uploads"

    def ready(self) -> None:
        """Register what others look up by name."""
        from academy.core import sweeps
        from academy.uploads import errors, sweep  # noqa: F401

        sweeps.register("uploads", sweep.uploads_sweep, every_seconds=60)
