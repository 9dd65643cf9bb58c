"""Django's registration of the answer sheets."""

from django.apps import AppConfig


class SheetsConfig(AppConfig):
    """Registers the kinds and the error texts."""

    name = "academy.sheets"
    label = "sheets"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.sheets import errors, kinds  # noqa: F401
