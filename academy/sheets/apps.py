"""Django's registration of the answer sheets."""

from django.apps import AppConfig


class SheetsConfig(AppConfig):
    """Registers the kinds, the error texts and the sweep."""

    name = "academy.sheets"
    label = "sheets"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.core import sweeps
        from academy.sheets import errors, kinds, scans  # noqa: F401

        sweeps.register("sheets.drafts", scans.sweep, every_seconds=3600)
