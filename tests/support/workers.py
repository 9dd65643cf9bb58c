"""Real ``celery worker`` processes of :mod:`tests.support.sqs_app` on queues of their own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import boto3

from tasks import provision, queues
from tests.support.sqs_proxy import SqsProxy, wait_until

ROOT = Path(__file__).resolve().parents[2]


def envelope(
    row: queues.Queue, kwargs: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A kombu envelope around a call of the queue's task, as our transport writes it.

    *changes* are headers, and ``args`` and ``embedded`` of the call.
    """
    task_id = changes.pop("id", None) or secrets.token_hex(8)
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    embedded |= changes.pop("embedded", {})
    args = changes.pop("args", [])
    return {
        "body": json.dumps([args, kwargs or {}, embedded]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": row.task, "id": task_id, "root_id": task_id, **changes},
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": row.name},
            "priority": 0,
            "body_encoding": "utf-8",
            "delivery_tag": secrets.token_hex(8),
        },
    }


@dataclass
class Worker:
    """One worker process and what it wrote."""

    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self, timeout: float = 30) -> Self:
        def started() -> bool:
            assert self.alive, f"the worker ended with {self.process.returncode}:\n{self.log}"
            return " ready." in self.log

        wait_until(started, timeout, "the worker is ready")
        return self

    def terminate(self, timeout: float = 20) -> int:
        """SIGTERM to the parent alone, as a supervisor sends it; the exit status."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self) -> None:
        """SIGKILL to every process of the worker: nothing is left running."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@dataclass
class Site:
    """An SQS account of its own behind a fault proxy, and the workers on it."""

    folder: Path
    account: str
    proxy: SqsProxy
    visibility: int = 30
    wait: int = 1
    extra: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run_log = self.folder / "runs.log"
        self.run_log.touch()
        self.sqs: Any = boto3.client(
            "sqs",
            endpoint_url=os.environ["SQS_ENDPOINT_URL"],
            region_name="ap-northeast-2",
            aws_access_key_id=self.account,
            aws_secret_access_key="test",
        )

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a worker: this site's SQS, and no Django."""
        environ = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DJANGO_SETTINGS_MODULE", "HOST_KIND") and not key.startswith("COV_")
        }
        return environ | {
            "SQS_ENDPOINT_URL": self.proxy.url,
            "AWS_REGION": "ap-northeast-2",
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "SQS_VISIBILITY_SECONDS": str(self.visibility),
            "SQS_WAIT_SECONDS": str(self.wait),
            "PREMIUM_ON_CPU": "1",
            "RUN_LOG": str(self.run_log),
            "WORKER_HEALTH_FILE": str(self.folder / "health.json"),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **self.extra,
        }

    def row(self, queue: str) -> queues.Queue:
        return queues.by_name(queue, self.environ)

    def provision(self, *names: str) -> None:
        """Make these queues and their dead-letter queues, past the proxy."""
        provision.ensure(self.sqs, [self.row(name) for name in names])

    def start(
        self, queue: str, *, stock: bool = False, argv: list[str] | None = None, **environ: str
    ) -> Worker:
        """Start a worker; the command line is the table's own unless *argv* is given."""
        command = argv or queues.worker_argv(queue, app="tests.support.sqs_app")
        log_path = self.folder / f"worker-{len(self.workers)}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command, "--loglevel", "INFO"],
                cwd=ROOT,
                env=self.environ | {"STOCK_TRANSPORT": "1" if stock else "0"} | environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        worker = Worker(process, log_path)
        self.workers.append(worker)
        return worker

    def url(self, queue: str, *, dlq: bool = False) -> str:
        row = self.row(queue)
        name = row.dlq_name if dlq else row.sqs_name
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def send(self, queue: str, tag: str, **kwargs: Any) -> None:
        """Send one call of the queue's task, past the proxy."""
        self.send_raw(queue, json.dumps(envelope(self.row(queue), {"tag": tag, **kwargs})))

    def send_raw(self, queue: str, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.url(queue), MessageBody=body)

    def counts(self, queue: str, *, dlq: bool = False) -> tuple[int, int]:
        """Messages of a queue that are visible, and that somebody holds."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.url(queue, dlq=dlq), AttributeNames=names
        )
        visible, held = (int(answer["Attributes"][name]) for name in names)
        return visible, held

    def runs(self, event: str) -> Counter[str]:
        """How often each tag had *event* (start, done, released)."""
        lines = (line.split() for line in self.run_log.read_text().splitlines())
        return Counter(line[1] for line in lines if line[0] == event)

    def times(self, event: str, tag: str) -> list[float]:
        """When *tag* had *event*, in seconds of the monotonic clock."""
        lines = (line.split() for line in self.run_log.read_text().splitlines())
        return [float(line[3]) for line in lines if line[:2] == [event, tag]]

    def pids(self, event: str, tag: str) -> list[int]:
        lines = (line.split() for line in self.run_log.read_text().splitlines())
        return [int(line[2]) for line in lines if line[:2] == [event, tag]]

    def done(self, tag: str, timeout: float = 10) -> None:
        """Wait until *tag* is done."""
        wait_until(lambda: self.runs("done")[tag], timeout, f"{tag} is done")

    def empty(self, queue: str, timeout: float = 10) -> None:
        """Wait until nothing of the queue is left, visible or held."""
        wait_until(lambda: self.counts(queue) == (0, 0), timeout, f"{queue} is empty")

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.sqs.close()
