"""What watching costs: ``make bench-events`` measures the path of events to Flower.

Two questions. **Throughput**: the same no-op jobs run by a worker that sends events and by one that
sends none, in rounds that take turns, so that whatever else this machine does meets both alike. The
steady figure is the CPU that the worker spends on 1,000 jobs; jobs a second are told beside it.
Medians over the rounds, and each round's own ratio. **Requests**: what one worker asks of SQS, idle
and busy, counted in a proxy between them.

Needs the services of ``python -m deploy.local run --services-only``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import django

from tasks import queues
from tests.perf.processes import Program, running, weigh
from tests.support.sqs_proxy import SqsProxy

#: Production's flush and long poll; the local platform's are shorter.
PRODUCTION = {"SQS_WAIT_SECONDS": "20", "EVENTS_FLUSH_SECONDS": "5"}
SILENT = {**PRODUCTION, "EVENTS_FLUSH_SECONDS": "0"}
TARGET = 0.03
"""The events may add this much to what a no-op job costs."""
BATCH = 100
WARM_JOBS = 200
HOUR = 3600.0


@dataclass(frozen=True)
class Run:
    """No-op jobs through one worker: its CPU seconds for 1,000 of them, and jobs a second."""

    events: bool
    jobs: int
    seconds: float
    cpu_per_thousand: float
    per_second: float


class Bench:
    """A tenant without limits, and programs in a folder."""

    def __init__(self, folder: Path, queue: str) -> None:
        from academy.tenants.models import QueueLimit, Tenant  # noqa: PLC0415 - needs the settings

        self.folder = folder
        self.queue = queue
        self.tenant = Tenant.objects.create(
            slug=f"bench-events-{os.getpid()}-{queue}", name="Bench", plan="grow"
        )
        QueueLimit.unscoped.create(
            tenant=self.tenant, queue=queue, in_flight=10_000, backlog=1_000_000, per_day=10_000_000
        )

    def worker(self, environ: dict[str, str]) -> Program:
        """A worker with production's command line, ready to work."""
        health = self.folder / f"health-{time.monotonic_ns()}.json"
        argv = ["-m", *queues.worker_argv(self.queue), "--loglevel", "INFO"]
        name = f"worker-{time.monotonic_ns()}"
        program = Program(
            name,
            argv,
            environ={**environ, "WORKER_HEALTH_FILE": str(health)},
            folder=self.folder,
        )
        program.wait_for(" ready.")
        return program

    def relay(self, environ: dict[str, str]) -> Program:
        """A relay under way."""
        name = f"relay-{time.monotonic_ns()}"
        program = Program(name, ["-m", "tasks.relay"], environ=environ, folder=self.folder)
        program.wait_for("relay up")
        return program

    def submit(self, jobs: int) -> None:
        """Store no-op jobs; a relay sends them."""
        from academy.jobs.submit import Order, Submitter, jobs_submit  # noqa: PLC0415 - as above

        order = Order(f"system.ping.{self.queue}", {})
        for _ in range(0, jobs, BATCH):
            jobs_submit(by=Submitter(self.tenant, "bench", ""), orders=[order] * BATCH)

    def wait(self, seconds: float = 600.0) -> None:
        """Wait until every job of the tenant has ended."""
        from academy.jobs.models import Job  # noqa: PLC0415 - as above

        left = Job.objects.for_tenant(self.tenant).filter(finished_at__isnull=True)
        deadline = time.monotonic() + seconds
        while left.exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{left.count()} jobs have not ended after {seconds:g} s")
            time.sleep(0.05)

    def measured(self, jobs: int, *, events: bool) -> Run:
        """One arm of a round: a fresh worker, warmed up, and rows that wait for the relay."""
        environ = PRODUCTION if events else SILENT
        with running(self.worker(environ)) as (worker,):
            with running(self.relay(environ)):
                self.submit(WARM_JOBS)
                self.wait()
            self.submit(jobs)
            before, began = weigh([worker.pid]).cpu_seconds, time.monotonic()
            with running(self.relay(environ)):
                self.wait()
                took = time.monotonic() - began
                cpu = weigh([worker.pid]).cpu_seconds - before
        return Run(events, jobs, took, cpu * 1000 / jobs, jobs / took)


def cost(bench: Bench, *, jobs: int, rounds: int) -> dict[str, Any]:
    """Rounds of both arms, each round in the other order than the one before."""
    runs: list[Run] = []
    for number in range(rounds):
        pair = [
            bench.measured(jobs, events=on) for on in ((True, False), (False, True))[number % 2]
        ]
        runs += pair
        loud, quiet = sorted(pair, key=lambda run: not run.events)
        print(
            f"  {bench.queue} round {number + 1}: CPU s per 1,000 jobs "
            f"{loud.cpu_per_thousand:.2f} with events, {quiet.cpu_per_thousand:.2f} without; "
            f"{loud.per_second:.0f} and {quiet.per_second:.0f} jobs/s",
            file=sys.stderr,
            flush=True,
        )
    return compared(runs)


def compared(runs: list[Run]) -> dict[str, Any]:
    """Medians of both arms, and what the events add: by the medians, and round by round.

    *runs* holds one run of each arm for every round, in the order of the rounds.
    """
    loud = [run for run in runs if run.events]
    quiet = [run for run in runs if not run.events]
    ratios = [
        one.cpu_per_thousand / other.cpu_per_thousand - 1
        for one, other in zip(loud, quiet, strict=True)
    ]

    def median(arm: list[Run], figure: str) -> float:
        return statistics.median(getattr(run, figure) for run in arm)

    with_events, without = (median(arm, "cpu_per_thousand") for arm in (loud, quiet))
    return {
        "cpu_seconds_per_1000_jobs": {"with_events": with_events, "without": without},
        "jobs_per_second": {
            "with_events": median(loud, "per_second"),
            "without": median(quiet, "per_second"),
        },
        "added": with_events / without - 1,
        "added_median_of_rounds": statistics.median(ratios),
        "added_each_round": ratios,
        "runs": [asdict(run) for run in runs],
    }


@contextmanager
def counted() -> Iterator[tuple[SqsProxy, dict[str, str]]]:
    """A proxy in front of SQS, and the variables of processes behind it."""
    with SqsProxy(os.environ["SQS_ENDPOINT_URL"]) as proxy:
        yield proxy, {**PRODUCTION, "SQS_ENDPOINT_URL": proxy.url}


def requests(bench: Bench, *, jobs: int, idle_seconds: float) -> dict[str, Any]:
    """What one worker asks of SQS while nothing happens, and while it works without a pause."""
    with counted() as (proxy, environ), running(bench.worker(environ)) as (_worker,):
        # The relay asks SQS past the proxy: its requests are not the worker's.
        with running(bench.relay(PRODUCTION)):
            bench.submit(BATCH)
            bench.wait()
            time.sleep(2 * queues.events_flush_seconds(PRODUCTION))
            before, began = Counter(proxy.counts_of_queue), time.monotonic()
            time.sleep(idle_seconds)
            idle = told(bench, proxy, before, HOUR / (time.monotonic() - began))
        bench.submit(jobs)
        before, began = Counter(proxy.counts_of_queue), time.monotonic()
        with running(bench.relay(PRODUCTION)):
            bench.wait()
            took = time.monotonic() - began
            hourly = told(bench, proxy, before, HOUR / took)
            # The last flush is on its way.
            time.sleep(1.5 * queues.events_flush_seconds(PRODUCTION))
        return {
            "idle_per_hour": idle,
            "busy_per_hour": hourly,
            "busy_per_1000_jobs": told(bench, proxy, before, 1000 / jobs),
            "busy_jobs_per_second": jobs / took,
        }


def told(
    bench: Bench, proxy: SqsProxy, before: Counter[tuple[str, str]], factor: float
) -> dict[str, float]:
    """Requests since *before* times *factor*, by what they were for."""
    events = {queue.sqs_name for queue in queues.events_queues()}
    own = queues.by_name(bench.queue).sqs_name
    figures: dict[str, float] = {}
    for (action, name), count in (Counter(proxy.counts_of_queue) - before).items():
        about = "events" if name in events else "work" if name == own else "other"
        key = f"{about} {action}"
        figures[key] = round(figures.get(key, 0) + count * factor, 1)
    figures["all"] = round(sum(figures.values()), 1)
    return dict(sorted(figures.items()))


def tell(queue: str, results: dict[str, Any]) -> None:
    """The figures of one queue as text."""
    if found := results.get("cost"):
        cpu, rate = found["cpu_seconds_per_1000_jobs"], found["jobs_per_second"]
        print(
            f"\n{queue}: no-op jobs with events and without, medians of {len(found['runs'])} runs"
        )
        print(f"  CPU s per 1,000 jobs {cpu['with_events']:8.3f} {cpu['without']:8.3f}")
        print(f"  jobs/s               {rate['with_events']:8.1f} {rate['without']:8.1f}")
        each = ", ".join(f"{ratio:+.1%}" for ratio in found["added_each_round"])
        print(
            f"  added by events: {found['added']:+.1%} of the medians, "
            f"{found['added_median_of_rounds']:+.1%} the median of the rounds ({each}); "
            f"target {TARGET:.0%}"
        )
    if found := results.get("requests"):
        print(f"\n{queue}: SQS requests of one worker")
        for name in ("idle_per_hour", "busy_per_hour", "busy_per_1000_jobs"):
            print(f"  {name}: {json.dumps(found[name])}")


def main() -> None:
    """Measure what was asked for; tables on standard output, all of it as JSON at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.events", description=__doc__)
    parser.add_argument("--jobs", type=int, default=4_000, help="jobs of one arm of a round")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of both arms")
    parser.add_argument("--idle", type=float, default=120.0, help="seconds of the idle count")
    parser.add_argument("--queues", nargs="*", default=["ai-lite", "messaging"])
    parser.add_argument("--only", choices=["cost", "requests"])
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    # The command line of a worker follows from them, too.
    os.environ.update(PRODUCTION)
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - needs the settings

    for command in ("migrate", "ensure_queues", "ensure_buckets"):
        call_command(command, verbosity=0, stdout=sys.stderr)
    results: dict[str, Any] = {"cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="academy-bench-") as folder:
        for queue in options.queues:
            bench, found = Bench(Path(folder), queue), {}
            if options.only != "requests":
                found["cost"] = cost(bench, jobs=options.jobs, rounds=options.rounds)
            if options.only != "cost":
                found["requests"] = requests(bench, jobs=options.jobs, idle_seconds=options.idle)
            results[queue] = found
            tell(queue, found)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
