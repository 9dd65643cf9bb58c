"""Django's registration of the academy's own material."""

from django.apps import AppConfig


class ProblemsConfig(AppConfig):
    """Registers the error texts and the sweep."""

    name = "academy.problems"
    label = "problems"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.core import sweeps
        from academy.problems import errors, pictures  # noqa: F401

        sweeps.register("problems.pictures", pictures.sweep, every_seconds=300)
