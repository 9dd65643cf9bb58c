"""Seal the keys of encrypted videos under the current secret, after it was changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from academy.video import encryption


class Command(BaseCommand):
    """Once it has run, the older secrets in VIDEO_KEY_SECRET open nothing and can be dropped."""

    help = "Seal every content key under the first secret in VIDEO_KEY_SECRET; videos keep playing."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seal, and say how many there were."""
        self.stdout.write(f"sealed {encryption.keys_reseal()} keys anew")
