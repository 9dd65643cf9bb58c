"""Django's registration of the video domain."""

from django.apps import AppConfig


class VideoConfig(AppConfig):
    """Registers the kinds, the error texts, the limits and the sweeps."""

    name = "academy.video"
    label = "video"

    def ready(self) -> None:
        """Import what registers itself."""
        # Models must be loaded.
        from academy.core import sweeps
        from academy.uploads.purposes import Purpose
        from academy.uploads.services import register_guard
        from academy.video import deletion, errors, kinds, orphans, usage, viewings  # noqa: F401

        register_guard(Purpose.VIDEO, usage.storage_check)
        sweeps.register("video.purge", deletion.purge_sweep, every_seconds=60)
        sweeps.register("video.minutes", usage.release_sweep, every_seconds=30)
        sweeps.register("video.pieces", orphans.pieces_sweep, every_seconds=600)
        sweeps.register("video.viewings", viewings.retention_sweep, every_seconds=600)
