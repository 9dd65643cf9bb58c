"""End the keeping of students' phones in the clear, once no process of 0.1.0 is at work."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from academy.roster import sealing


class Command(BaseCommand):
    """It may be run again; where the platform began with a later release there is nothing left."""

    help = "Empty the columns of phones in the clear, after the upgrade from 0.1.0 is complete."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seal, empty, and say how many students that were."""
        self.stdout.write(f"emptied the phones of {sealing.finish()} students")
