"""Django's registration of messaging."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Registers the kinds, the error texts and the sweeps."""

    name = "academy.messaging"
    label = "messaging"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.messaging import errors, kinds, people_errors, phones, sweeps  # noqa: F401

        phones.register()
        sweeps.register()
