"""Runs the control under the same plan, the same kills and the same broken queue."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from academy.core import clock
from tests.chaos import naive_app
from tests.chaos import plan as plans
from tests.chaos.run import break_the_queue
from tests.support.processes import Process
from tests.support.provider import Faults, Provider, serving
from tests.support.sqs_proxy import SqsProxy

WORKERS = 3
CONCURRENCY = 4
KINDS = ("test.ok", "test.sleep", "test.transient", "test.effect")
"""Those that should succeed without a database of their own."""


@dataclass(frozen=True)
class Outcome:
    """What became of the control."""

    accepted: int
    lost: int
    done_twice: int
    effects_twice: int
    kills: int
    restarts: int

    @property
    def fails(self) -> bool:
        return bool(self.lost or self.effects_twice)


class Control:
    """A queue with its DLQ, workers, and a supervisor."""

    def __init__(self, folder: Path, provider_url: str, proxy: SqsProxy, **environ: str) -> None:
        self.account = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
        self._done = folder / "done.log"
        self._done.touch()
        self._sqs = boto3.client(
            "sqs",
            endpoint_url=os.environ["SQS_ENDPOINT_URL"],
            region_name="ap-northeast-2",
            aws_access_key_id=self.account,
            aws_secret_access_key="test",
        )
        url = self._queue()
        self.environ = {
            "SQS_ENDPOINT_URL": proxy.url,
            "NAIVE_QUEUE_URL": f"{proxy.url}/{url.split('/', 3)[3]}",
            "NAIVE_DONE": str(self._done),
            "TEST_PROVIDER_URL": provider_url,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "ap-northeast-2",
            "DJANGO_SETTINGS_MODULE": "",
            **environ,
        }
        self.kills = self.restarts = 0
        argv = [sys.executable, "-m", "celery", "-A", "tests.chaos.naive_app", "worker"]
        argv += ["-Q", "naive", "--concurrency", str(CONCURRENCY), "--loglevel", "INFO"]
        argv += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        self._workers = [
            Process(
                f"naive-{number}",
                [*argv, "-n", f"naive-{number}@%h"],
                folder=folder,
                environ=self.environ,
            ).start()
            for number in range(WORKERS)
        ]

    def _queue(self) -> str:
        dlq = self._sqs.create_queue(QueueName="naive-dlq")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])
        target = arn["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 5})
        attributes = {"VisibilityTimeout": "6", "RedrivePolicy": policy}
        return str(self._sqs.create_queue(QueueName="naive", Attributes=attributes)["QueueUrl"])

    def ready(self) -> None:
        for worker in self._workers:
            worker.said(" ready.", 90)

    def tend(self) -> None:
        """A supervisor: what ended starts again."""
        for worker in self._workers:
            if not worker.alive:
                worker.kill()
                worker.start()
                self.restarts += 1

    def strike(self, strike: plans.Strike) -> None:
        """Kill a pool process, or now and then a whole worker."""
        worker = self._workers[int(strike.pick * WORKERS)]
        if not worker.alive:
            return
        pool = worker.children()
        if strike.fault is plans.Fault.KILL_CHILD and pool:
            os.kill(pool[int(strike.pick * 1_000) % len(pool)], signal.SIGKILL)
        elif strike.fault in (plans.Fault.KILL_WORKER, plans.Fault.KILL_RELAY):
            worker.kill()
        else:
            return
        self.kills += 1

    def done(self) -> Counter[int]:
        return Counter(int(line) for line in self._done.read_text().split())

    def empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self._sqs.get_queue_url(QueueName="naive")["QueueUrl"]
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return not any(int(answer[name]) for name in names)

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()


def run(*, jobs: int, seed: int, rate: float, pace: plans.Pace, patience: float) -> Outcome:
    """Submit the plan's jobs by ``apply_async``, break things, and count what came out."""
    plan = [one for one in plans.jobs(jobs, seed) if one.kind in KINDS]
    folder = Path(tempfile.mkdtemp(prefix="academy-naive-"))
    provider = Provider(Faults(error_rate=0.05, lost_answer_rate=0.05))
    try:
        with serving(provider), SqsProxy(os.environ["SQS_ENDPOINT_URL"]) as proxy:
            control = Control(folder, provider.url, proxy)
            try:
                control.ready()
                break_the_queue(proxy, seed)
                accepted = _load(control, plan, seed, rate, pace)
                proxy.heal()
                provider.faults = Faults()
                rest(control, set(accepted), patience)
                return _outcome(control, provider, accepted)
            finally:
                control.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _load(
    control: Control, plan: Sequence[plans.Wanted], seed: int, rate: float, pace: plans.Pace
) -> list[int]:
    """Publish the plan's jobs; returns what was told to be accepted."""
    orders = [
        {
            "number": wanted.number,
            "kind": wanted.kind,
            "recipients": wanted.params.get("recipients", 0),
            "seconds": wanted.params.get("seconds", 0.0),
            "times": wanted.params.get("times", 0),
        }
        for wanted in plan
    ]
    return load(control, naive_app.work, orders, plans.strikes(seed, pace), rate)


def load(
    control: Control,
    task: Any,
    orders: Sequence[dict[str, Any]],
    strikes: Iterator[plans.Strike],
    rate: float,
) -> list[int]:
    """Publish at the rate, with the faults in between; returns the numbers that were accepted."""
    publish = _publisher(control)
    accepted = []
    strike = next(strikes)
    due = clock.monotonic() + strike.after
    began = clock.monotonic()
    for index, order in enumerate(orders):
        while (now := clock.monotonic()) < began + index / rate:
            time.sleep(min(0.05, began + index / rate - now))
        while clock.monotonic() >= due:
            control.strike(strike)
            strike = next(strikes)
            due += strike.after
        control.tend()
        if publish(task, order):
            accepted.append(order["number"])
    return accepted


def _publisher(control: Control) -> Callable[[Any, dict[str, Any]], bool]:
    naive_app.app.conf.broker_transport_options["predefined_queues"] = {
        naive_app.QUEUE: {"url": control.environ["NAIVE_QUEUE_URL"]}
    }
    address = urlsplit(control.environ["SQS_ENDPOINT_URL"]).netloc
    broker = naive_app.app.connection_for_write(url=f"sqs://{control.account}:test@{address}")

    def publish(task: Any, order: dict[str, Any]) -> bool:
        try:
            task.apply_async(kwargs=order, connection=broker)
        except Exception:  # noqa: BLE001 - the client was told so, and nothing was promised
            return False
        return True

    return publish


def rest(control: Control, accepted: set[int], patience: float) -> None:
    """Until all is done, or the queue has been empty for longer than anything can be hidden."""
    deadline = clock.monotonic() + patience
    empty_since: float | None = None
    while clock.monotonic() < deadline and not accepted <= set(control.done()):
        control.tend()
        if not control.empty():
            empty_since = None
        elif empty_since is None:
            empty_since = clock.monotonic()
        elif clock.monotonic() - empty_since > 12:
            return
        time.sleep(0.2)


def _outcome(control: Control, provider: Provider, accepted: list[int]) -> Outcome:
    done = control.done()
    return Outcome(
        accepted=len(accepted),
        lost=len(set(accepted) - set(done)),
        done_twice=sum(1 for count in done.values() if count > 1),
        effects_twice=sum(1 for count in provider.sends().values() if count > 1),
        kills=control.kills,
        restarts=control.restarts,
    )
