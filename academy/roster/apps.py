"""Django's registration of the roster."""

from django.apps import AppConfig


class RosterConfig(AppConfig):
    """Registers the kinds, the error texts and the sweep."""

    name = "academy.roster"
    label = "roster"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.core import sweeps
        from academy.roster import errors, kinds, lists, phones, sealing  # noqa: F401

        phones.register()
        sweeps.register("roster.lists", lists.sweep, every_seconds=600)
        sweeps.register("roster.phones", sealing.sweep, every_seconds=60)
