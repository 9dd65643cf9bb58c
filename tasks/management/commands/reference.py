"""Write the reference pages that are made from code: ``manage.py reference``."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tasks import reference


class Command(BaseCommand):
    help = "Write docs/reference/ pages of queues, job states and error codes from the code."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="only compare; exit 1 on a difference"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        names = reference.stale() if options["check"] else reference.write()
        if options["check"] and names:
            self.stderr.write(f"Not as the code is: {', '.join(names)}. Run: make reference")
            sys.exit(1)
        self.stdout.write(f"Changed: {', '.join(names)}" if names else "Every page is as the code.")
