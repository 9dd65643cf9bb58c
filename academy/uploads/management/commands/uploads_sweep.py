"""``manage.py uploads_sweep``: one round of the sweep, by hand."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from academy.uploads.sweep import uploads_sweep


class Command(BaseCommand):
    help = "Expire abandoned uploads and remove what they left in the buckets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, default=1_000)

    def handle(self, *_args: Any, **options: Any) -> None:
        changed = uploads_sweep(limit=options["limit"])
        self.stdout.write(f"{changed} uploads expired or cleaned")
