"""Django's registration of corrections."""

from django.apps import AppConfig


class CorrectionsConfig(AppConfig):
    """Registers the error texts and the kind that cuts questions anew."""

    name = "academy.ai.corrections"
    label = "ai_corrections"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.ai.corrections import errors, kind  # noqa: F401
