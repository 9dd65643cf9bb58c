"""SIGTERM: the worker finishes what it can, and gives the rest back at once."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tasks import queues
from tests.support.sqs_proxy import wait_until
from tests.support.workers import Site

pytestmark = pytest.mark.integration("sqs")


def visible_within(site: Site, queue: str, seconds: float) -> bool:
    """Whether a receive of the queue brings a message within *seconds*."""
    answer = site.sqs.receive_message(QueueUrl=site.url(queue), WaitTimeSeconds=int(seconds))
    return bool(answer.get("Messages"))


@pytest.mark.parametrize("queue", ["ai-basic", "messaging"], ids=["prefork", "threads"])
def test_a_task_that_sees_the_drain_is_released_at_once(site: Site, queue: str) -> None:
    site.provision(queue)
    worker = site.start(queue).ready()
    site.send(queue, "long", seconds=60, until_drain=True)
    wait_until(lambda: site.runs("start")["long"], 10)

    asked = time.monotonic()
    status = worker.terminate()

    assert status == 0
    assert time.monotonic() - asked < 8
    assert site.runs("released")["long"] == 1
    # Its visibility is 30 s, and a requeue's backoff 2 s: only a release makes it visible now.
    assert visible_within(site, queue, 1)


def test_a_short_task_is_finished_and_its_message_deleted(site: Site) -> None:
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()
    site.send("ai-basic", "short", seconds=2)
    wait_until(lambda: site.runs("start")["short"], 10)

    assert worker.terminate() == 0

    assert site.runs("done")["short"] == 1
    assert site.counts("ai-basic") == (0, 0)


def test_what_a_last_poll_brings_is_given_back_at_once(site: Site) -> None:
    site.wait = 4
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()
    wait_until(lambda: site.proxy.counts["ReceiveMessage"], 5, "a long poll is under way")

    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "Warm shutdown" in worker.log, 5)
    site.send("ai-basic", "late")
    status = worker.process.wait(15)

    assert status == 0
    assert not site.runs("start")["late"]
    assert visible_within(site, "ai-basic", 2)


def test_a_draining_worker_takes_nothing_new(site: Site) -> None:
    site.provision("messaging")
    worker = site.start("messaging").ready()
    site.send("messaging", "running", seconds=4)
    wait_until(lambda: site.runs("start")["running"], 10)

    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "Warm shutdown" in worker.log, 5)
    for number in range(3):
        site.send("messaging", f"new{number}")
    status = worker.process.wait(15)

    assert status == 0
    assert site.runs("start") == {"running": 1}
    assert site.runs("done") == {"running": 1}
    wait_until(lambda: site.counts("messaging") == (3, 0), 3)


def test_a_killed_child_is_replaced_and_its_message_runs_again(site: Site) -> None:
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()
    site.send("ai-basic", "hit", seconds=2)
    wait_until(lambda: site.runs("start")["hit"], 10)

    os.kill(site.pids("start", "hit")[0], signal.SIGKILL)

    site.done("hit", timeout=20)
    assert site.runs("start")["hit"] == 2
    assert worker.alive
    site.empty("ai-basic")


def test_a_child_that_held_too_much_memory_is_replaced_after_its_task(site: Site) -> None:
    site.provision("ai-basic")
    argv = queues.worker_argv("ai-basic", app="tests.support.sqs_app")
    argv[argv.index("--max-memory-per-child") + 1] = "1"  # KiB: every task holds more
    worker = site.start("ai-basic", argv=argv).ready()
    for number in range(3):
        site.send("ai-basic", f"heavy{number}")

    for number in range(3):
        site.done(f"heavy{number}", timeout=30)

    assert all(site.runs("start")[f"heavy{number}"] == 1 for number in range(3))
    children = {site.pids("start", f"heavy{number}")[0] for number in range(3)}
    assert len(children) == 3
    assert worker.alive
    site.empty("ai-basic")
