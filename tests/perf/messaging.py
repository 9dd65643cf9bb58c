"""Messages a second, and calls and statements for each: ``make bench-messaging``.

A provider's double answers every call after 50 ms. The platform sends a campaign through relay,
SQS and one worker of the messaging queue; the peer is a plain Celery task on the same SQS that
signs and posts one message each, in as many threads, with the polling that suits it best. Both
send to made-up numbers. The double is this process; its CPU is nobody's.

Needs the services of ``python -m deploy.local run --services-only``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
import django

from tasks import queues
from tests.perf.processes import Program, running, weigh
from tests.support import solapi_double

DELAY_SECONDS = 0.05
THREADS = 8
TARGETS = {"messages_per_second": 5.0, "provider_calls": 10.0}
WAIT_SECONDS = 600


@dataclass(frozen=True)
class Run:
    """One arm: what came out, what it asked of the provider, and what its worker used."""

    name: str
    messages: int
    seconds: float
    messages_per_second: float
    provider_calls: int
    cpu_ms_per_message: float
    rss_mib: float
    twice: int


def wait_until(done: Any, seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not finished after {seconds:g} s")
        time.sleep(0.05)


def told(name: str, double: Any, before: int, began: float, cpu: float, rss: float) -> Run:
    seconds = time.monotonic() - began
    count = len(double.sends)
    return Run(
        name=name,
        messages=count,
        seconds=seconds,
        messages_per_second=count / seconds,
        provider_calls=sum(double.calls.values()) - before,
        cpu_ms_per_message=cpu * 1000 / count,
        rss_mib=rss,
        twice=sum(number > 1 for number in double.sends.values()),
    )


def platform(folder: Path, double: Any, count: int) -> Run:
    """A campaign, from the moment its job is due until the last message is with the provider."""
    from academy.messaging.models import Campaign, Message  # noqa: PLC0415 - needs the settings
    from academy.tenants.models import QueueLimit  # noqa: PLC0415
    from tests.support.jobs import make_tenant  # noqa: PLC0415
    from tests.support.messages import make_campaign  # noqa: PLC0415

    tenant = make_tenant()
    QueueLimit.unscoped.create(
        tenant=tenant, queue="messaging", in_flight=1_000, backlog=100_000, per_day=1_000_000
    )
    argv = ["-m", *queues.worker_argv("messaging"), "-l", "info"]
    worker = Program("worker-messaging", argv, environ={}, folder=folder)
    worker.wait_for(" ready.")
    relay = Program("relay", ["-m", "tasks.relay"], environ={}, folder=folder)
    relay.wait_for("relay up")
    with running(worker, relay):
        make_campaign(tenant, 10)
        wait_until(lambda: not Campaign.unscoped.exclude(state="done").exists())
        double.sends.clear()
        used = weigh([worker.pid, relay.pid]).cpu_seconds
        calls = sum(double.calls.values())
        campaign = make_campaign(tenant, count)
        began = time.monotonic()
        left = Message.unscoped.filter(campaign=campaign, state__in=["queued", "sending"])
        wait_until(lambda: not left.exists())
        now = weigh([worker.pid, relay.pid])
        return told("academy", double, calls, began, now.cpu_seconds - used, now.rss_mib)


def statements(double: Any, count: int) -> float:
    """Database statements for a message: all of a campaign's jobs, run in this process."""
    from django.db import connection  # noqa: PLC0415 - needs the settings

    from tests.support.jobs import make_tenant  # noqa: PLC0415
    from tests.support.messages import make_campaign, send_all  # noqa: PLC0415

    make_campaign(make_tenant(), count)
    double.sends.clear()
    seen = 0

    def count_one(execute: Any, *args: Any) -> Any:
        nonlocal seen
        seen += 1
        return execute(*args)

    with connection.execute_wrapper(count_one):
        send_all()
    return seen / len(double.sends)


def plain(folder: Path, double: Any, count: int) -> Run:
    """One task a message."""
    client = boto3.client("sqs", **queues.client_options())
    url = client.create_queue(QueueName=f"plain-{os.getpid()}")["QueueUrl"]
    counted = folder / "plain.count"
    counted.touch()
    environ = {
        "STOCK_QUEUE": "plain",
        "STOCK_QUEUE_URL": url,
        "STOCK_COUNT_FILE": str(counted),
        "STOCK_PREFETCH": "10",
        "STOCK_POLLING_INTERVAL": "0",
        "STOCK_POST_URL": double.url,
        "STOCK_POST_KEY": solapi_double.KEY,
        "STOCK_POST_SECRET": solapi_double.SECRET,
    }
    argv = ["-m", "celery", "-A", "tests.perf.stock", "worker", "-Q", "plain", "-l", "info"]
    argv += ["--pool", "threads", "-c", str(THREADS), "--without-gossip", "--without-mingle"]
    worker = Program("worker-plain", argv, environ=environ, folder=folder)
    worker.wait_for(" ready.")
    with running(worker):
        double.sends.clear()
        used, calls, began = weigh([worker.pid]).cpu_seconds, double.calls.total(), time.monotonic()
        code = (
            "from tests.perf.stock import post\n"
            f"for n in range(1, {count} + 1): post.delay(f'010{{n:08}}', f'{{n}}번 안내')"
        )
        sender = Program("plain-sender", ["-c", code], environ=environ, folder=folder)
        wait_until(lambda: counted.stat().st_size >= count)
        now = weigh([worker.pid])
        run = told("a task a message", double, calls, began, now.cpu_seconds - used, now.rss_mib)
        sender.stop()
    return run


def main() -> None:
    """Measure both arms; a table, the targets, and all of it as JSON at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.messaging", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="of the platform's campaign")
    parser.add_argument("--plain", type=int, default=2_000, help="of the peer")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    with solapi_double.serve() as double, tempfile.TemporaryDirectory() as folder:
        double.delay_seconds = DELAY_SECONDS
        double.balance = 10**9
        os.environ |= {
            "MESSAGING_PROVIDER": "solapi",
            "SOLAPI_URL": double.url,
            "SOLAPI_API_KEY": solapi_double.KEY,
            "SOLAPI_API_SECRET": solapi_double.SECRET,
        }
        django.setup()
        from django.core.management import call_command  # noqa: PLC0415 - needs the settings

        for command in ("migrate", "ensure_queues", "ensure_buckets"):
            call_command(command, verbosity=0, stdout=sys.stderr)
        peer = plain(Path(folder), double, options.plain)
        ours = platform(Path(folder), double, options.messages)
        each = statements(double, min(options.messages, 5_000))
    tell(peer, ours, each)


def tell(peer: Run, ours: Run, each: float) -> None:
    """The figures as text, then as JSON."""
    for run in (peer, ours):
        print(
            f"{run.name:18} {run.messages:6} messages in {run.seconds:6.1f} s: "
            f"{run.messages_per_second:7.1f}/s, {run.provider_calls} calls, "
            f"{run.cpu_ms_per_message:.2f} ms CPU each, {run.rss_mib:.0f} MiB, {run.twice} twice"
        )
    ratios = {
        "messages_per_second": ours.messages_per_second / peer.messages_per_second,
        "provider_calls": (peer.provider_calls / peer.messages)
        / (ours.provider_calls / ours.messages),
    }
    for name, ratio in ratios.items():
        met = "met" if ratio >= TARGETS[name] else "NOT met"
        print(f"  {name}: {ratio:.1f} times, target {TARGETS[name]:g}: {met}")
    print(f"  {each:.3f} database statements a message, all of its jobs")
    results: dict[str, Any] = {
        "peer": asdict(peer), "ours": asdict(ours), "ratios": ratios, "statements": each,
    }  # fmt: skip
    print(json.dumps(results))


if __name__ == "__main__":
    main()
