"""The object store held against the rows: ``manage.py check_objects``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core.storage import StorageError
from academy.ops import inventory

_SHOWN: Final = 50
_GIB: Final = 1 << 30


class Command(BaseCommand):
    help = (
        "List all buckets once and compare them with the rows: what rows point to and is missing "
        "(exit 1), and what lies there and belongs to no row (exit 0). Deletes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        hours = inventory.GRACE / timedelta(hours=1)
        parser.add_argument(
            "--grace-hours",
            type=float,
            default=hours,
            help="what is younger belongs to somebody yet (default %(default)g)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            found = inventory.take(grace=timedelta(hours=options["grace_hours"]))
        except StorageError as error:
            raise CommandError(f"the buckets cannot be listed: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(_facts(found)))
        else:
            self._tell(found)
        if found.missing:
            sys.exit(1)

    def _tell(self, found: inventory.Inventory) -> None:
        self.stdout.write(
            f"{found.objects} objects, {found.size / _GIB:.2f} GiB; {found.pointers} places that "
            f"rows point to, {len(found.missing)} of them empty; {len(found.orphans)} folders that "
            "no row knows."
        )
        for pointer in found.missing[:_SHOWN]:
            self.stdout.write(f"missing  {pointer.what:<24} {pointer.bucket}/{pointer.prefix}")
        for folder, unit in list(found.orphans.items())[:_SHOWN]:
            self.stdout.write(f"orphan   {unit.objects:>7} objects {unit.size:>12}  {folder}")


def _facts(found: inventory.Inventory) -> dict[str, Any]:
    return {
        "objects": found.objects,
        "bytes": found.size,
        "pointers": found.pointers,
        "missing": len(found.missing),
        "missing_by_kind": Counter(pointer.what for pointer in found.missing),
        "missing_first": [f"{one.bucket}/{one.prefix}" for one in found.missing[:_SHOWN]],
        "orphans": len(found.orphans),
        "orphan_bytes": sum(unit.size for unit in found.orphans.values()),
        "orphans_first": list(found.orphans)[:_SHOWN],
    }
