"""Django's registration of the tables."""

from django.apps import AppConfig


class TablesConfig(AppConfig):
    """Registers the kind and the error texts."""

    name = "academy.tables"
    label = "tables"

    def ready(self) -> None:
        """Import what registers itself."""
        from academy.tables import errors, kinds  # noqa: F401
