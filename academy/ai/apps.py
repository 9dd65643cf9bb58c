"""Django's registration of the AI kinds."""

from django.apps import AppConfig


class AiConfig(AppConfig):
    """Registers the kinds and the error texts."""

    name = "academy.ai"
    label = "ai"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.ai import errors, kinds  # noqa: F401
        from academy.inference import errors as model_errors  # noqa: F401
