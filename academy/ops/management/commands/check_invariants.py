"""Whether the rows are what they must be: ``manage.py check_invariants``."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser

from academy.ops import invariants

_SHOWN: Final = 50


class Command(BaseCommand):
    help = (
        "Check every job: its log is a legal path without a gap, no older attempt wrote after a "
        "newer one, every dead job is listed. Exit 1 where something is wrong. Reads only; on a "
        "platform at work a job that moves meanwhile may be named: run it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at-rest", action="store_true", help="and every job has ended")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        found = invariants.check()
        wrong = found.wrong + invariants.listed()
        if options["at_rest"] and found.open:
            wrong.append(f"I2: {found.open} jobs have not ended")
        if options["json"]:
            facts = {"jobs": found.jobs, "open": found.open, "wrong": wrong[:_SHOWN]}
            self.stdout.write(json.dumps({**facts, "problems": len(wrong)}))
        else:
            for text in wrong[:_SHOWN]:
                self.stderr.write(text)
            verdict = f"{len(wrong)} things are wrong" if wrong else "all is as it must be"
            self.stdout.write(f"{found.jobs} jobs, {found.open} of them open: {verdict}.")
        if wrong:
            sys.exit(1)
