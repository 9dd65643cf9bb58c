"""Backups of the database: ``manage.py backup make|list|restore|drill``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core import clock
from academy.ops.backup import archive, drill, places, postgres
from academy.ops.backup.postgres import BackupError

_MIB = 1 << 20


class Command(BaseCommand):
    help = "Dump the database, keep dumps, restore one, and prove that one can be restored."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        make = what.add_parser("make", help="dump the database and forget what is too old")
        make.add_argument("--recipient", action="append", default=[], help="age1…, repeatable")
        make.add_argument("--keep-days", type=int, default=30, help="default %(default)d")
        listed = what.add_parser("list", help="what is kept, the oldest first")
        restore = what.add_parser("restore", help="into a database that does not exist yet")
        restore.add_argument("--into", required=True, metavar="NAME", help="its name")
        trial = what.add_parser("drill", help="restore, count, check the invariants, and drop")
        trial.add_argument("--no-objects", action="store_true", help="leave the buckets out")
        for one in (restore, trial):
            one.add_argument("--name", default="", help="of the backup (default: the newest)")
            one.add_argument("--identity", type=Path, help="file of the age identity")
        for one in (make, listed, restore, trial):
            one.add_argument("--place", required=True, help="a folder, or s3://BUCKET/PREFIX")
            one.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            place = places.at(options["place"])
            match options["what"]:
                case "make":
                    self._make(place, options)
                case "list":
                    self._list(place, options)
                case "restore":
                    self._restore(place, options)
                case _:
                    self._drill(place, options)
        except BackupError as error:
            raise CommandError(str(error)) from None

    def _say(self, text: str, facts: Any, options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(facts) if options["json"] else text)

    def _make(self, place: places.Place, options: dict[str, Any]) -> None:
        if options["keep_days"] < 1:
            raise CommandError("--keep-days is 1 or more")
        began = clock.monotonic()
        made = archive.make(place, postgres.configured(), options["recipient"])
        gone = archive.prune(place, keep_days=options["keep_days"])
        seconds = clock.monotonic() - began
        sealed = "sealed" if made.sealed else "NOT sealed: whoever reads it reads every row"
        text = (
            f"{made.name}: {sum(made.rows.values())} rows, {made.size / _MIB:.1f} MiB, {sealed}, "
            f"in {seconds:.1f} s; {len(gone)} old ones deleted"
        )
        self._say(text, {**asdict(made), "seconds": round(seconds, 2), "deleted": gone}, options)

    def _list(self, place: places.Place, options: dict[str, Any]) -> None:
        backups = archive.kept(place)
        lines = [
            f"{one.taken_at[:19]}  {one.size / _MIB:9.1f} MiB  {one.release:<12} {one.name}"
            for one in backups
        ]
        self._say(
            "\n".join(lines) or "There is no backup.", [asdict(one) for one in backups], options
        )

    def _restore(self, place: places.Place, options: dict[str, Any]) -> None:
        began = clock.monotonic()
        backup = archive.chosen(place, options["name"])
        target = postgres.configured().named(options["into"])
        rows = drill.restore(place, backup, target, options["identity"])
        seconds = clock.monotonic() - began
        text = f"{backup.name}: {rows} rows are in database {target.name}, in {seconds:.1f} s"
        facts = {"name": backup.name, "rows": rows, "seconds": round(seconds, 2)}
        self._say(text, facts, options)

    def _drill(self, place: places.Place, options: dict[str, Any]) -> None:
        found = drill.run(
            place,
            postgres.configured(),
            name=options["name"],
            identity=options["identity"],
            objects=not options["no_objects"],
        )
        facts = {
            "backup": found.backup.name,
            "rows": found.rows,
            "jobs": found.jobs,
            "rpo_seconds": round(found.data_age_seconds),
            "rto_seconds": round(found.total_seconds, 1),
            "restore_seconds": round(found.restore_seconds, 1),
            "wrong": found.wrong,
            "objects": found.objects,
        }
        text = (
            f"{found.backup.name}: every one of {found.rows} rows is back, {found.jobs} jobs "
            f"checked, {len(found.wrong)} things wrong.\n"
            f"A disaster now would lose {_span(found.data_age_seconds)} (RPO); the database would "
            f"be back and checked after {found.total_seconds:.1f} s (RTO)."
        )
        if found.objects:
            text += (
                f"\nObject store: {found.objects['missing']} of {found.objects['pointers']} places "
                f"that rows point to are empty, {found.objects['orphans']} folders have no row."
            )
        self._say(text, facts, options)
        for problem in found.wrong:
            self.stderr.write(problem)
        if found.wrong:
            sys.exit(1)


def _span(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
