"""Seal all personal data under the current secret, after it was changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from academy.core import personal
from academy.core.sealing import SealBrokenError


class Command(BaseCommand):
    """Once it has run, the older secrets in PERSONAL_DATA_SECRET open nothing."""

    help = "Seal every phone and text under the first secret in PERSONAL_DATA_SECRET."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seal, and say how many values there were in each column."""
        try:
            resealed = personal.reseal()
        except SealBrokenError:
            raise CommandError(
                "A value lies under a secret that PERSONAL_DATA_SECRET does not name; name it, "
                "behind the others, and run this again."
            ) from None
        for column, count in resealed.items():
            self.stdout.write(f"{column}: sealed {count} values anew")
