"""Django's registration of the ledger of language models."""

from django.apps import AppConfig


class LanguageConfig(AppConfig):
    """Registers the error texts and the sweep; the kinds are registered with the other AI kinds."""

    name = "academy.ai.language"
    label = "ai_language"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.ai.language import errors, ledger  # noqa: F401
        from academy.core import sweeps
        from academy.inference import errors as _errors  # noqa: F401 - model_not_configured

        sweeps.register("language.lost", ledger.sweep, every_seconds=600)
