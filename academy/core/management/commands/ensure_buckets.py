"""``manage.py ensure_buckets``: create or repair the four buckets."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core.buckets import ensure_buckets
from academy.core.storage import StorageError

UNSUPPORTED = "not supported by this store"


class Command(BaseCommand):
    help = "Create or repair the four buckets and print what differed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 when something differs"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        check = bool(options["check"])
        try:
            differences = ensure_buckets(check=check)
        except StorageError as error:
            raise CommandError(
                f"The object store cannot be used ({error}): is R2_ENDPOINT_URL right, is the "
                "store running, and may these keys manage its buckets?"
            ) from error
        for difference in differences:
            self.stdout.write(str(difference))
        changed = [item for item in differences if item.action != UNSUPPORTED]
        if check and changed:
            raise CommandError(f"{len(changed)} differences; run ensure_buckets to repair them")
        self.stdout.write(f"four buckets checked, {len(changed)} differences repaired")
