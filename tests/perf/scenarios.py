"""What is measured, one function a scenario."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from django.db import connection

from academy.jobs.models import Job
from academy.tenants.models import Tenant
from tasks import queues
from tests.perf.client import Client, Load, drive
from tests.perf.processes import Program, Use, running, weigh

BATCH = 100
STOCK_READY = "ready."


@dataclass(frozen=True)
class Throughput:
    """``per_second`` jobs from the first submission until the last one has ended."""

    name: str
    jobs: int
    seconds: float
    per_second: float
    cpu_ms_per_job: float
    rss_mib: float
    cpu_ms_by_process: dict[str, float]


@dataclass(frozen=True)
class Stage:
    """Where a benchmark runs: what every scenario needs."""

    folder: Path
    base_url: str
    api_key: str
    tenant: Tenant
    service_pids: dict[str, int]

    def client(self) -> Client:
        return Client(self.base_url, self.api_key)


def worker(stage: Stage, queue: str) -> Program:
    """Our worker of a queue, with the command line production uses."""
    argv = ["-m", *queues.worker_argv(queue), "-l", "warning"]
    return Program(f"worker-{queue}", argv, environ={}, folder=stage.folder)


def relay(stage: Stage) -> Program:
    program = Program("relay", ["-m", "tasks.relay"], environ={}, folder=stage.folder)
    program.wait_for("relay up")
    return program


def ours(stage: Stage, queue: str, *, jobs: int, pids: Mapping[str, int]) -> Throughput:
    """Submit through the API in batches while a worker of the queue runs; wait for the last."""
    kind = f"system.ping.{queue}"
    _warm(stage, kind)
    before, began = weigh_each(pids), time.monotonic()
    orders = {"jobs": [{"kind": kind, "params": {}}] * BATCH}
    load = drive(stage.client, "/api/v1/jobs/batch", orders, requests=jobs // BATCH, threads=2)
    if load.failures:
        raise RuntimeError(f"{load.failures} submissions were refused")
    _wait_until(lambda: _open_jobs(stage.tenant) == 0, seconds=300)
    return _throughput(f"academy {queue}", jobs, time.monotonic() - began, before, weigh_each(pids))


def _warm(stage: Stage, kind: str) -> None:
    client = stage.client()
    for _ in range(3):
        client.post("/api/v1/jobs/batch", {"jobs": [{"kind": kind, "params": {}}] * 10})
        _wait_until(lambda: _open_jobs(stage.tenant) == 0, seconds=60)


@contextmanager
def stock_worker(
    stage: Stage, argv: list[str], settings: Mapping[str, str]
) -> Iterator[tuple[Program, dict[str, str], Path]]:
    """A stock worker on a queue of its own; with it its environment and the file it counts in."""
    queue = f"stock-{uuid.uuid4().hex[:8]}"
    sqs = boto3.client("sqs", **queues.client_options())
    url = sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "120"})["QueueUrl"]
    count = stage.folder / f"{queue}.count"
    count.touch()
    environ = {
        "STOCK_QUEUE": queue,
        "STOCK_QUEUE_URL": url,
        "STOCK_COUNT_FILE": str(count),
        **settings,
    }
    base = ["-m", "celery", "-A", "tests.perf.stock", "worker", "-Q", queue, "-l", "info"]
    base += ["-n", f"{queue}@%h", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    program = Program(queue, [*base, *argv], environ=environ, folder=stage.folder)
    with running(program):
        program.wait_for(STOCK_READY)
        yield program, environ, count
    sqs.delete_queue(QueueUrl=url)


def stock(
    stage: Stage, name: str, *, jobs: int, argv: list[str], settings: Mapping[str, str]
) -> Throughput:
    """The same number of no-op tasks through stock Celery and kombu."""
    with stock_worker(stage, argv, settings) as (program, environ, count):
        pids = {"worker": program.pid, **stage.service_pids}
        _send_stock(environ, 4)
        _wait_until(lambda: count.stat().st_size >= 4, seconds=60)
        before, began = weigh_each(pids), time.monotonic()
        _send_stock(environ, jobs)
        _wait_until(lambda: count.stat().st_size >= jobs + 4, seconds=300)
        return _throughput(name, jobs, time.monotonic() - began, before, weigh_each(pids))


def _send_stock(environ: Mapping[str, str], jobs: int) -> None:
    code = f"from tests.perf.stock import noop\nfor _ in range({jobs}): noop.delay()"
    sender = Program(
        "stock-sender",
        ["-c", code],
        environ=environ,
        folder=Path(environ["STOCK_COUNT_FILE"]).parent,
    )
    sender._process.wait(300)


def latency(stage: Stage, queue: str, *, jobs: int, pause: float) -> dict[str, float]:
    """Milliseconds from the job's commit to its first claim, on an idle platform."""
    client = stage.client()
    _warm(stage, f"system.ping.{queue}")
    ids = []
    for _ in range(jobs):
        status, body = client.post("/api/v1/jobs", {"kind": f"system.ping.{queue}", "params": {}})
        if status != 202:
            raise RuntimeError(f"submission answered {status}: {body}")
        ids.append(body["id"])
        time.sleep(pause)
    _wait_until(lambda: _open_jobs(stage.tenant) == 0, seconds=60)
    rows = Job.objects.for_tenant(stage.tenant).filter(pk__in=ids)
    waits = _milliseconds(rows.values_list("created_at", "started_at"))
    # A claim may come before the relay has marked the row; then the row has no such moment.
    published = rows.filter(published_at__isnull=False)
    sent = _milliseconds(published.values_list("created_at", "published_at"))
    return {
        "p50_ms": statistics.median(waits),
        "p99_ms": _percentile(waits, 99),
        "published_p50_ms": statistics.median(sent),
        "published_p99_ms": _percentile(sent, 99),
    }


def _milliseconds(moments: Iterable[tuple[datetime, datetime]]) -> list[float]:
    return sorted((later - earlier).total_seconds() * 1000 for earlier, later in moments)


def submissions(stage: Stage, *, requests: int, threads: int) -> dict[str, float]:
    """POST /jobs, one job a request, nothing else running but the API."""
    body = {"kind": "system.ping.ai-lite", "params": {}}
    load: Load = drive(stage.client, "/api/v1/jobs", body, requests=requests, threads=threads)
    if load.failures:
        raise RuntimeError(f"{load.failures} submissions were refused")
    ordered = sorted(load.latencies)
    return {
        "requests_per_second": requests / load.seconds,
        "p50_ms": statistics.median(ordered) * 1000,
        "p99_ms": _percentile(ordered, 99) * 1000,
    }


def idle(pids: Mapping[str, int], *, seconds: float, count: Callable[[], int]) -> dict[str, Any]:
    """CPU seconds per idle hour of each process, and SQS requests per idle hour in all."""
    before = weigh_each(pids)
    asked, began = count(), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    after = weigh_each(pids)
    return {
        "cpu_seconds_per_hour": {
            name: (after[name].cpu_seconds - before[name].cpu_seconds) * 3600 / took
            for name in pids
        },
        "rss_mib": {name: use.rss_mib for name, use in after.items()},
        "sqs_requests_per_hour": (count() - asked) * 3600 / took,
    }


@contextmanager
def nothing_left(tenant: Tenant) -> Iterator[None]:
    """Take the tenant's waiting rows away afterwards, so that the next scenario starts empty."""
    yield
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job SET state = 'cancelled', finished_at = clock_timestamp() "
            "WHERE tenant_id = %s AND state = 'queued'",
            [tenant.pk],
        )


def weigh_each(pids: Mapping[str, int]) -> dict[str, Use]:
    """What each process tree has used so far."""
    return {name: weigh([pid]) for name, pid in pids.items()}


def _throughput(
    name: str, jobs: int, seconds: float, before: dict[str, Use], after: dict[str, Use]
) -> Throughput:
    cpu = {
        process: (after[process].cpu_seconds - before[process].cpu_seconds) * 1000 / jobs
        for process in after
    }
    return Throughput(
        name=name,
        jobs=jobs,
        seconds=seconds,
        per_second=jobs / seconds,
        cpu_ms_per_job=sum(cpu.values()),
        rss_mib=sum(use.rss_mib for use in after.values()),
        cpu_ms_by_process={process: round(spent, 2) for process, spent in cpu.items()},
    )


def _open_jobs(tenant: Tenant) -> int:
    return Job.objects.for_tenant(tenant).filter(finished_at__isnull=True).count()


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _wait_until(done: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not finished after {seconds:g} s")
        time.sleep(0.05)


def as_rows(results: list[Throughput]) -> list[dict[str, Any]]:
    return [asdict(result) for result in results]


def settle_down(seconds: float = 5.0) -> None:
    """Let a start-up's work pass before idleness is measured."""
    time.sleep(seconds)
