"""Whether the previous release survives the new migrations: ``manage.py check_migrations``."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from academy.core import migrations_check


class Command(BaseCommand):
    help = (
        "Judge the migrations that this database does not have yet: exit 1 where processes of the "
        "previous release, still at work, could not live with one. Changes nothing."
    )
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **__: Any) -> None:
        found = migrations_check.check(migrations_check.unapplied())
        for finding in found:
            self.stderr.write(str(finding))
        if found:
            sys.exit(1)
        self.stdout.write("Every migration that is not applied yet only expands the schema.")
