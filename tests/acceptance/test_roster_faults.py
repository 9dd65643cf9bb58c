"""Lists of students in real workers: a bomb takes none down, and a kill loses or doubles no row."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import psutil
import pytest

from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.roster.handlers.importing import BATCH
from academy.roster.models import Student
from academy.tenants.models import Tenant
from academy.uploads.models import Upload
from tests.support import sheets
from tests.support.processes import Process, eventually
from tests.support.world import World
from tests.unit.test_roster_files import BOMB_HEAD, TITLES, bomb, sheet

KIND = "roster.import"


@pytest.fixture(scope="module")
def worker(world: World) -> Process:
    world.relay()
    started = world.worker("ai-lite")
    return started.said(" ready.", 60)


def many(path: Path, count: int) -> Path:
    rows = (",".join(map(str, sheets.student(number))) for number in range(count))
    path.write_text("\n".join([",".join(sheets.HEADING), *rows]), encoding="utf-8")
    return path


def imported(world: World, tenant: Tenant, path: Path, *, dry_run: bool = False) -> Job:
    upload = sheets.uploaded(tenant, path)
    (job,) = world.submit(tenant, KIND, upload=str(upload.pk), dry_run=dry_run)
    return job


def stored(tenant: Tenant) -> int:
    return Student.objects.for_tenant(tenant).count()


def readers(holder: psutil.Process) -> list[psutil.Process]:
    """The confined children that read a list for this worker's process."""
    found = []
    for child in holder.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(word.endswith("sandbox/child.py") for word in child.cmdline()):
                found.append(child)
    return found


def counts(job: Job) -> tuple[int, ...]:
    assert job.state == "succeeded", (job.error_code, job.error_params)
    assert job.result is not None
    return tuple(job.result["result"][name] for name in ("created", "changed", "same", "faulty"))


def test_a_power_cut_inside_a_batch_stores_each_row_once(
    world: World, tenant: Tenant, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    job = imported(world, tenant, many(tmp_path / "many.csv", 7_000))
    argv = ["-m", "tests.support.deliver", str(job.pk), str(job.version)]
    dying = world.process("deliver", *argv, ACADEMY_CRASH_POINT="roster.batch:3").start()
    assert dying.wait(60) == -signal.SIGKILL, dying.log
    assert stored(tenant) == 2 * BATCH
    request.getfixturevalue("worker")
    world.end(job, seconds=90)
    assert counts(job) == (7_000, 0, 0, 0)
    assert (stored(tenant), job.attempt) == (7_000, 2)
    (upload,) = Upload.objects.for_tenant(tenant)
    eventually(lambda: store(Bucket.EXCEL).head(upload.key) is None, 30, lambda: upload.key)


def test_hostile_files_are_refused_and_the_same_worker_goes_on(
    world: World, worker: Process, tenant: Tenant, tmp_path: Path
) -> None:
    laughs = sheet(TITLES, head=BOMB_HEAD)(tmp_path / "laughs.xlsx")
    refused = [
        imported(world, tenant, bomb(tmp_path / "bomb.xlsx")),
        imported(world, tenant, laughs, dry_run=True),
    ]
    world.end(*refused, seconds=60)
    assert [job.error_code for job in refused] == ["table_zip_bomb", "table_unsafe_xml"]
    good = imported(
        world, tenant, sheets.xlsx(tmp_path / "a.xlsx", [sheets.HEADING, sheets.student(1)])
    )
    world.end(good, seconds=60)
    assert counts(good) == (1, 0, 0, 0)
    assert worker.alive
    assert [job.attempt for job in (*refused, good)] == [1, 1, 1]


def test_a_worker_that_is_killed_while_a_list_is_read_leaves_no_reader_behind(
    world: World, worker: Process, tenant: Tenant, tmp_path: Path
) -> None:
    job = imported(world, tenant, many(tmp_path / "many.csv", 20_000))
    holder = psutil.Process(world.holder(job))
    eventually(lambda: bool(readers(holder)), 30, lambda: world.story([job.pk]))
    left = readers(holder)
    holder.send_signal(signal.SIGKILL)
    eventually(lambda: not any(reader.is_running() for reader in left), 20, lambda: str(left))
    world.end(job, seconds=90)
    assert counts(job) == (20_000, 0, 0, 0)
    assert (stored(tenant), job.attempt) == (20_000, 2)
