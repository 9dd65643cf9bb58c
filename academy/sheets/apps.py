"""Django's registration of the answer sheets."""

from django.apps import AppConfig


class SheetsConfig(AppConfig):
    """Registers the kinds, the error texts and the sweeps."""

    name = "academy.sheets"
    label = "sheets"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.core import sweeps
        from academy.sheets import errors, kinds, retention, scans  # noqa: F401

        sweeps.register("sheets.drafts", scans.sweep, every_seconds=3600)
        sweeps.register("sheets.pictures", retention.sweep, every_seconds=3600)
