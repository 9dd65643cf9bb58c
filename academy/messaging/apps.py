"""Django's registration of messaging."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Registers the error texts."""

    name = "academy.messaging"
    label = "messaging"

    def ready(self) -> None:
        """Import what registers itself."""
        from academy.messaging import errors  # noqa: F401
