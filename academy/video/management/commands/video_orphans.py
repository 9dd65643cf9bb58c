"""``manage.py video_orphans``: what lies in the video bucket and belongs to nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core.storage import StorageError
from academy.tenants.models import Tenant
from academy.video import orphans
from academy.video.orphans import Orphan


class Command(BaseCommand):
    help = "List what lies in the video bucket and belongs to nothing; delete it with --delete."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="delete what is listed")
        parser.add_argument("--tenant", help="short name of one academy; else all of the bucket")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Exit 0 when all was listed (and deleted), 1 with a sentence when it was not."""
        counts: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        failed = 0
        try:
            for orphan in orphans.orphans(tenant=_tenant(options["tenant"])):
                counts[orphan.reason] += orphan.objects
                sizes[orphan.reason] += orphan.size
                deleted = None
                if options["delete"]:
                    try:
                        deleted = orphans.orphan_delete(orphan)
                    except StorageError as error:
                        failed += 1
                        self.stderr.write(f"{orphan.prefix} stays: {error}")
                self._tell(orphan, deleted, as_json=options["json"])
        except StorageError as error:
            raise CommandError(f"the bucket cannot be listed: {error}") from error
        self._sum(counts, sizes, as_json=options["json"])
        if failed:
            raise CommandError(f"{failed} prefixes could not be deleted")

    def _tell(self, orphan: Orphan, deleted: int | None, *, as_json: bool) -> None:
        if as_json:
            newest = orphan.newest_at.isoformat()
            facts = {**asdict(orphan), "newest_at": newest, "deleted": deleted}
            self.stdout.write(json.dumps(facts))
            return
        done = "" if deleted is None else f"  deleted {deleted}"
        self.stdout.write(
            f"{orphan.reason:<16} {orphan.objects:>7} {_bytes(orphan.size):>9}  "
            f"{orphan.prefix}{done}"
        )

    def _sum(self, counts: Counter[str], sizes: Counter[str], *, as_json: bool) -> None:
        if as_json:
            total = {name: {"objects": counts[name], "size": sizes[name]} for name in counts}
            self.stdout.write(json.dumps({"total": total}))
            return
        for name in sorted(counts):
            self.stdout.write(f"{name}: {counts[name]} objects, {_bytes(sizes[name])}")
        if not counts:
            self.stdout.write("nothing: every object belongs to something")


def _tenant(slug: str | None) -> UUID | None:
    if slug is None:
        return None
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"there is no academy {slug!r}")
    return tenant.pk


def _bytes(size: int) -> str:
    amount, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
