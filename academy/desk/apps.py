"""Django's registration of the pages' common parts."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Registers the error texts; templates, styles and scripts are found by the app."""

    name = "academy.desk"
    label = "desk"

    def ready(self) -> None:
        """Import what registers itself."""
        from academy.desk import errors  # noqa: F401
