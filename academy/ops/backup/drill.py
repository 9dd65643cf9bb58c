"""The restore drill: a backup is worth what was restored from it.

The newest backup is restored into a database of its own beside the real one, every table is
counted, the invariants are checked and the object store is held against it. What that took is the
time a real restore takes; how old the rows are is what a disaster now would cost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings

from academy.core import clock
from academy.ops.backup import archive, postgres
from academy.ops.backup.archive import Backup
from academy.ops.backup.places import Place
from academy.ops.backup.postgres import Server

_SHOWN: Final = 20


@dataclass
class Drill:
    """What a drill found."""

    backup: Backup
    data_age_seconds: float
    """RPO: how old the newest restored row's moment is."""
    restore_seconds: float = 0.0
    check_seconds: float = 0.0
    rows: int = 0
    jobs: int = 0
    wrong: list[str] = field(default_factory=list)
    objects: dict[str, Any] = field(default_factory=dict)

    @property
    def total_seconds(self) -> float:
        """RTO: from the decision to a database that is known to be whole."""
        return self.restore_seconds + self.check_seconds


def restore(place: Place, backup: Backup, target: Server, identity: Path | None = None) -> int:
    """Fill a new database from a backup; returns its rows. Raises BackupError."""
    least = max(backup.server_major, postgres.server_major(target.named("postgres")))
    with archive.opened(place, backup, identity) as dump:
        postgres.create(target)
        postgres.restore(target, dump, least=least)
    with target.connect() as connection:
        found = postgres.row_counts(connection)
    wrong = _differing(backup.rows, found)
    if wrong:
        raise postgres.BackupError("what was restored is not what was dumped: " + "; ".join(wrong))
    return sum(found.values())


def run(
    place: Place,
    server: Server,
    *,
    name: str = "",
    identity: Path | None = None,
    objects: bool = True,
) -> Drill:
    """The whole drill; the database that it makes is dropped again. Raises BackupError."""
    began = clock.monotonic()
    backup = archive.chosen(place, name)
    target = server.named(f"{server.name[:40]}_drill_{os.urandom(4).hex()}")
    result = Drill(backup, (clock.now() - backup.taken).total_seconds())
    try:
        result.rows = restore(place, backup, target, identity)
        result.restore_seconds = clock.monotonic() - began
        checked = _manage(target, "check_invariants", "--json")
        result.jobs = int(checked.get("jobs", 0))
        result.wrong = list(checked["wrong"])
        result.check_seconds = clock.monotonic() - began - result.restore_seconds
        if objects:
            result.objects = _manage(target, "check_objects", "--json")
    finally:
        postgres.drop(target)
    return result


def _differing(asked: dict[str, int], found: dict[str, int]) -> list[str]:
    return [
        f"{table} has {found.get(table)} rows and had {asked.get(table)}"
        for table in sorted(asked.keys() | found.keys())
        if asked.get(table) != found.get(table)
    ][:_SHOWN]


def _manage(target: Server, *command: str) -> dict[str, Any]:
    """A command of manage.py on another database, in a process of its own; its JSON answer."""
    done = subprocess.run(
        [sys.executable, "-m", "django", *command],
        env={**os.environ, "DATABASE_URL": _url(target), "ACADEMY_PROCESS": "command"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    # 1 is the command's own word for "something is wrong", and the answer says what.
    lines = done.stdout.strip().splitlines()
    if done.returncode not in (0, 1) or not lines or not lines[-1].startswith("{"):
        said = (done.stderr or done.stdout).strip()[-1_000:]
        raise postgres.BackupError(f"{command[0]} on the restored database failed: {said}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def _url(server: Server) -> str:
    options = "&".join(f"{key}={quote(value)}" for key, value in server.options.items())
    return (
        f"postgresql://{quote(server.user, safe='')}:{quote(server.password, safe='')}"
        f"@{server.host}:{server.port}/{server.name}" + (f"?{options}" if options else "")
    )
