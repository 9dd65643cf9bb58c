"""``python -m tests.perf.roster [ROWS]``: what a list of students costs, in and out.

Needs the services (``python -m deploy.local run --services-only -- python -m tests.perf.roster``).
Processor time is what the worker's process, its confined reader and PostgreSQL spent together: on a
host that does something else as well it says more than the clock. Memory is the peak of the reader,
and by how much the worker's process grew.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
import psutil

MIB = 1 << 20
_LOOK_SECONDS = 0.02


@dataclass
class Cost:
    """What a piece of work cost: seconds, and bytes."""

    wall: float = 0.0
    worker: float = 0.0
    reader: float = 0.0
    database: float = 0.0
    reader_peak: int = 0
    growth: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def work(self) -> float:
        """Processor seconds of all who worked."""
        return self.worker + self.reader + self.database


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _postgres() -> dict[int, float]:
    """What each process of this run's own server has spent."""
    from django.db import connection  # noqa: PLC0415 - needs Django

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = psutil.Process(cursor.fetchone()[0]).parent()
    found = {}
    for process in [] if server is None else server.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            found[process.pid] = _spent(process)
    return found


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _watch(cost: Cost) -> None:
    """Look at the readers while they live; the last look is close to their end."""
    own = psutil.Process()
    readers: dict[int, float] = {}
    while not cost._ended.wait(_LOOK_SECONDS):
        for child in own.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if any(word.endswith("sandbox/child.py") for word in child.cmdline()):
                    readers[child.pid] = _spent(child)
                    cost.reader_peak = max(cost.reader_peak, child.memory_info().rss)
        cost.reader = sum(readers.values())


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block."""
    from academy.core import clock  # noqa: PLC0415 - needs Django

    cost = Cost()
    watcher = threading.Thread(target=_watch, args=(cost,), daemon=True)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, started = _postgres(), clock.monotonic()
    spent, resident = _spent(psutil.Process()), _status("VmRSS")
    watcher.start()
    yield cost
    cost._ended.set()
    watcher.join()
    cost.wall = clock.monotonic() - started
    cost.worker = _spent(psutil.Process()) - spent
    cost.growth = _status("VmHWM") - resident
    after = _postgres()
    cost.database = sum(after[pid] - before.get(pid, 0.0) for pid in after)


def _job(tenant: Any, kind: str, **params: Any) -> Any:
    from academy.jobs.submit import Order, Submitter, jobs_submit  # noqa: PLC0415
    from tests.support.jobs import run  # noqa: PLC0415

    (job,) = jobs_submit(by=Submitter(tenant, "bench"), orders=[Order(kind, params)])
    with measured() as cost:
        run(job)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    return cost


def _show(name: str, cost: Cost) -> None:
    print(
        f"| {name} | {cost.work:.1f} | {cost.worker:.1f} | {cost.reader:.1f} | "
        f"{cost.database:.1f} | {cost.wall:.1f} | {cost.reader_peak // MIB or '-'} | "
        f"{max(0, cost.growth) // MIB} |",
        flush=True,
    )


def main(rows: int) -> None:
    """Make a list, look at it, import it twice, export it twice."""
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from tests.support import sheets  # noqa: PLC0415
    from tests.support.jobs import make_tenant  # noqa: PLC0415

    for command in ("migrate", "ensure_buckets"):
        call_command(command, verbosity=0, stdout=io.StringIO())
    tenant = make_tenant()
    with tempfile.TemporaryDirectory() as folder:
        people = [sheets.HEADING, *(sheets.student(number) for number in range(rows))]
        files = {"xlsx": sheets.xlsx(Path(folder, "a.xlsx"), people)}
        files["csv"] = Path(folder, "a.csv")
        text = "\n".join(",".join(map(str, row)) for row in people)
        files["csv"].write_text(text, encoding="cp949")
        del people, text
        print(
            "| Work | Processor s | worker | reader | database | Wall s | Reader MB | Growth MB |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for name, kind, dry in (
            ("look at", "xlsx", True), ("import", "xlsx", False), ("import again", "xlsx", False),
            ("import again", "csv", False),
        ):  # fmt: skip
            upload = sheets.uploaded(tenant, files[kind])
            _show(
                f"{name} {kind}", _job(tenant, "roster.import", upload=str(upload.pk), dry_run=dry)
            )
        for kind in ("xlsx", "csv"):
            _show(f"export {kind}", _job(tenant, "roster.export", format=kind))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
