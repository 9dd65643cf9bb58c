"""``manage.py deepcheck``: a tiny job through every queue, and which link broke."""

from __future__ import annotations

import getpass
import json
import sys
import time
from typing import Any, Final
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from academy.core import clock
from academy.core.errors import AppError
from academy.ops.deep import check, probes
from academy.ops.deep.present import report_body
from academy.ops.deep.report import ORDER, Report, Status, Verdict

_LOOK_SECONDS: Final = 0.25
EXIT: Final = {Verdict.OK: 0, Verdict.BROKEN: 1, Verdict.ATTENTION: 3}


class Command(BaseCommand):
    help = (
        "Send a tiny job through every queue and say which link broke. Exit status: 0 all is well, "
        "1 something is broken, 3 nothing is broken but a queue is paused or busy."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queue", action="append", default=[], help="only this queue (repeatable)"
        )
        parser.add_argument(
            "--timeout",
            type=float,
            default=check.DEFAULT_SECONDS,
            help="seconds that the jobs are given (default %(default)g)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        low, high = check.SECONDS_RANGE
        if not low <= options["timeout"] <= high:
            raise CommandError(f"--timeout is from {low:g} to {high:g} seconds")
        try:
            report = _checked(options["queue"], options["timeout"])
        except AppError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(report_body(report), ensure_ascii=False))
        else:
            self.stdout.write("\n".join(_table(report_body(report))))
        sys.exit(EXIT[report.verdict])


def _checked(queues: list[str], seconds: float) -> Report:
    try:
        return _followed(_started(queues, seconds), seconds)
    except (OperationalError, InterfaceError):
        return check.without_database(queues)


def _started(queues: list[str], seconds: float) -> UUID:
    try:
        return check.start(by=f"command:{getpass.getuser()}", queues=queues, seconds=seconds)
    except AppError as error:
        if error.code != "deep_check_running":
            raise
        # Somebody else's: its result is as good.
        return UUID(error.params["id"])


def _followed(check_id: UUID, seconds: float) -> Report:
    until = clock.monotonic() + max(seconds, check.SECONDS_RANGE[1]) + probes.PROBE_SECONDS
    while (report := check.look(check_id)).finished_at is None:
        if clock.monotonic() > until:
            raise CommandError("the check does not end; is this host's clock right?")
        time.sleep(_LOOK_SECONDS)
    return report


def _table(body: dict[str, Any]) -> list[str]:
    lines = [f"Deep check {body['id']}: {body['verdict'].upper()}", ""]
    lines.append(f"{'part':<14}{'status':<10}{'seconds':>8}")
    for part in body["parts"]:
        seconds = "-" if part["seconds"] is None else f"{part['seconds']:.3f}"
        lines.append(f"{part['name']:<14}{part['status']:<10}{seconds:>8}")
    links = [link.value for link in ORDER]
    lines += ["", f"{'queue':<14}{'status':<10}" + "".join(f"{link:>11}" for link in links)]
    for queue in body["queues"]:
        row = f"{queue['queue']:<14}{queue['status']:<10}"
        lines.append((row + "".join(f"{cell:>11}" for cell in _cells(queue, links))).rstrip())
    # One broken part stops every queue: it is told once.
    told: dict[str, list[str]] = {}
    for found in (*body["parts"], *body["queues"]):
        if found["status"] != Status.OK:
            told.setdefault(found["message"]["en"], _texts(found))
    for texts in told.values():
        lines += ["", *texts]
    return lines


def _cells(queue: dict[str, Any], links: list[str]) -> list[str]:
    if queue["reached"] is None:
        return []
    cells = []
    for link in links[: links.index(queue["reached"]) + 1]:
        seconds = queue["took"].get(link)
        cells.append("yes" if seconds is None else f"+{seconds:.3f} s")
    return cells


def _texts(found: dict[str, Any]) -> list[str]:
    said = [found["message"]["en"], found["message"]["ko"]]
    steps = [text for text in (found["action"]["en"], found["action"]["ko"]) if text]
    page = [found["runbook"]] if found["runbook"] else []
    return [*said, *(f"    {line}" for line in (*steps, *page))]
