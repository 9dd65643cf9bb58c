"""The order of the scenarios, and how their results are told."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import psutil
from django.core.management import call_command

from academy.tenants.keys import key_create
from academy.tenants.models import QueueLimit, Tenant
from tasks import queues
from tests.perf import scenarios
from tests.perf.processes import Program, running
from tests.perf.scenarios import Stage
from tests.support.sqs_proxy import SqsProxy


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Prepare the services, run what was asked for, print the tables."""
    for command in ("migrate", "ensure_queues", "ensure_buckets"):
        call_command(command, verbosity=0, stdout=sys.stderr)
    stage = _stage(folder)
    wanted = set(options.only) or {"throughput", "latency", "submit", "idle"}
    results: dict[str, Any] = {"cores": os.cpu_count()}
    with running(_api(stage)) as (api,):
        if "throughput" in wanted:
            results["throughput"] = _throughput(stage, api.pid, options.jobs)
        if "latency" in wanted:
            with running(scenarios.relay(stage), scenarios.worker(stage, "ai-lite")):
                results["latency"] = scenarios.latency(stage, "ai-lite", jobs=200, pause=0.05)
        if "submit" in wanted:
            with scenarios.nothing_left(stage.tenant):
                results["submit"] = scenarios.submissions(stage, requests=2_000, threads=8)
    if "idle" in wanted:
        results["idle"] = _idle(stage, options.idle)
    _tell(results)
    return results


def _stage(folder: Path) -> Any:
    tenant = Tenant.objects.create(slug=f"bench-{os.getpid()}", name="Bench", plan="grow")
    for row in queues.table():
        # The benchmark measures the machine, not the plan of a tenant.
        QueueLimit.unscoped.create(
            tenant=tenant, queue=row.name, in_flight=10_000, backlog=1_000_000, per_day=10_000_000
        )
    key = key_create(tenant=tenant, name="bench", scopes=["jobs:read", "jobs:write"])
    return Stage(
        folder=folder,
        base_url=f"http://127.0.0.1:{_free_port()}",
        api_key=key.token,
        tenant=tenant,
        service_pids=_service_pids(),
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _service_pids() -> dict[str, int]:
    """PostgreSQL, S3 and SQS: the brothers of this process under the launcher."""
    brothers = psutil.Process(os.getppid()).children()
    names = {"postgres": "postgres", "weed": "s3", "ministack": "sqs"}
    found = {}
    for brother in brothers:
        command = " ".join(brother.cmdline())
        for word, name in names.items():
            if word in command and brother.pid != os.getpid():
                found.setdefault(name, brother.pid)
    return found


def _api(stage: Any) -> Any:
    address = stage.base_url.removeprefix("http://")
    argv = ["-m", "gunicorn", "-c", "python:academy.settings.gunicorn", "academy.wsgi"]
    argv += ["--bind", address]
    program = Program("api", argv, environ={"ACADEMY_PROCESS": "api"}, folder=stage.folder)
    program.wait_for("Booting worker")
    return program


# A poll a second: a few dozen tasks say as much as thousands.
SLOW = 60
STOCK_SETTINGS = {
    "stock default -c1": (["--pool", "prefork", "-c", "1"], {}),
    "stock prefork -c2, prefetch 1": (
        ["--pool", "prefork", "-c", "2"],
        {"STOCK_PREFETCH": "1", "STOCK_ACKS_LATE": "1"},
    ),
    "stock prefork -c2, prefetch 1, interval 0": (
        ["--pool", "prefork", "-c", "2"],
        {"STOCK_PREFETCH": "1", "STOCK_ACKS_LATE": "1", "STOCK_POLLING_INTERVAL": "0"},
    ),
    "stock prefork -c2, prefetch 10, interval 0": (
        ["--pool", "prefork", "-c", "2"],
        {"STOCK_PREFETCH": "10", "STOCK_POLLING_INTERVAL": "0"},
    ),
    "stock threads -c8, prefetch 1": (
        ["--pool", "threads", "-c", "8"],
        {"STOCK_PREFETCH": "1", "STOCK_ACKS_LATE": "1"},
    ),
    "stock threads -c8, prefetch 1, interval 0": (
        ["--pool", "threads", "-c", "8"],
        {"STOCK_PREFETCH": "1", "STOCK_ACKS_LATE": "1", "STOCK_POLLING_INTERVAL": "0"},
    ),
    "stock threads -c8, prefetch 10, interval 0": (
        ["--pool", "threads", "-c", "8"],
        {"STOCK_PREFETCH": "10", "STOCK_POLLING_INTERVAL": "0"},
    ),
}


FASTEST = "stock prefork -c2, prefetch 10, interval 0"


def _throughput(stage: Any, api_pid: int, jobs: int) -> list[dict[str, Any]]:
    results = []
    for name, (argv, settings) in STOCK_SETTINGS.items():
        count = jobs if "STOCK_POLLING_INTERVAL" in settings else SLOW
        results.append(scenarios.stock(stage, name, jobs=count, argv=argv, settings=settings))
        print(f"  {name}: {results[-1].per_second:.1f}/s", file=sys.stderr, flush=True)
    for queue in ("ai-lite", "messaging"):
        relay, worker = scenarios.relay(stage), scenarios.worker(stage, queue)
        with running(relay, worker):
            pids = {"api": api_pid, "relay": relay.pid, "worker": worker.pid, **stage.service_pids}
            results.append(scenarios.ours(stage, queue, jobs=jobs, pids=pids))
        print(f"  {results[-1].name}: {results[-1].per_second:.1f}/s", file=sys.stderr, flush=True)
    return scenarios.as_rows(results)


def _idle(stage: Stage, seconds: float) -> dict[str, Any]:
    with SqsProxy(os.environ["SQS_ENDPOINT_URL"]) as proxy:
        os.environ["SQS_ENDPOINT_URL"] = proxy.url
        # As in production; the local platform sends its events every second.
        os.environ["EVENTS_FLUSH_SECONDS"] = "5"
        os.environ["SQS_WAIT_SECONDS"] = "20"

        def measured(pids: dict[str, int]) -> dict[str, Any]:
            scenarios.settle_down()
            return scenarios.idle(pids, seconds=seconds, count=lambda: sum(proxy.counts.values()))

        relay, worker = scenarios.relay(stage), scenarios.worker(stage, "ai-lite")
        with running(relay, worker):
            ours = measured({"relay": relay.pid, "worker": worker.pid})
        argv, settings = STOCK_SETTINGS[FASTEST]
        with scenarios.stock_worker(stage, argv, settings) as (program, _, _):
            return {"academy": ours, FASTEST: measured({"worker": program.pid})}


def _tell(results: dict[str, Any]) -> None:
    if rows := results.get("throughput"):
        print("\nEnd-to-end no-op jobs (from the first submission to the last one's end)")
        print(f"{'':46}{'jobs/s':>8}{'CPU ms/job':>12}{'RSS MiB':>9}")
        for row in rows:
            print(
                f"{row['name']:46}{row['per_second']:8.1f}{row['cpu_ms_per_job']:12.1f}"
                f"{row['rss_mib']:9.0f}"
            )
        peers = [row["per_second"] for row in rows if row["name"].startswith("stock")]
        best = max(row["per_second"] for row in rows if row["name"].startswith("academy"))
        results["ratio_to_best"] = best / max(peers)
        results["ratio_to_default"] = best / peers[0]
        print(f"academy / best stock: {results['ratio_to_best']:.2f}x, ", end="")
        print(f"academy / stock default: {results['ratio_to_default']:.1f}x")
    for name in ("latency", "submit", "idle"):
        if name in results:
            print(f"\n{name}: {json.dumps(results[name], indent=1)}")
