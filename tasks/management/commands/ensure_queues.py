"""Create or repair the queues and their dead-letter queues: ``manage.py ensure_queues``."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tasks import provision


class Command(BaseCommand):
    help = "Create or repair the SQS queues and dead-letter queues, and print what differed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="only compare; exit 1 on a difference"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        status, text = provision.run(check_only=options["check"])
        (self.stderr if status else self.stdout).write(text)
        if status:
            sys.exit(status)
