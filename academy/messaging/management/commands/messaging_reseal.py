"""Seal the personal data of messages under the current secret, after it was changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from academy.messaging import privacy


class Command(BaseCommand):
    """Once it has run, the older secrets in PERSONAL_DATA_SECRET open nothing of messages."""

    help = "Seal every phone and text of messages under the first secret in PERSONAL_DATA_SECRET."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seal, and say how many values there were."""
        self.stdout.write(f"sealed {privacy.reseal()} values anew")
