"""Django's registration of the video domain."""

from django.apps import AppConfig


class VideoConfig(AppConfig):
    """Registers the kinds and the error texts."""

    name = "academy.video"
    label = "video"

    def ready(self) -> None:
        """Import what registers itself."""
        from academy.video import errors, kinds  # noqa: F401 - models must be loaded
