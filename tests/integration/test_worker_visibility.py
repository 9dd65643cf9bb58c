"""The heartbeat: a task longer than its message's visibility runs once, whatever SQS answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.sqs_proxy import wait_until
from tests.support.workers import Site

pytestmark = pytest.mark.integration("sqs")


@pytest.mark.parametrize(
    ("queue", "faults"),
    [
        ("messaging", []),
        ("ai-lite", [{"status": 500}, {"hang": 1.5}, {"status": 403, "code": "AccessDenied"}]),
    ],
    ids=["threads", "prefork, beats failing"],
)
def test_a_task_of_several_visibilities_runs_once(
    make_site: Callable[..., Site], queue: str, faults: list[dict[str, Any]]
) -> None:
    site = make_site(visibility=3)
    site.provision(queue)
    site.start(queue).ready()

    site.send(queue, "long", seconds=8)
    for fault in faults:
        beats = site.proxy.counts["ChangeMessageVisibilityBatch"]
        site.proxy.fault("ChangeMessageVisibilityBatch", **fault)
        # The faulty beat, and a good one.
        wait_until(lambda: site.proxy.counts["ChangeMessageVisibilityBatch"] >= beats + 2, 6)  # noqa: B023

    site.done("long", timeout=15)
    site.empty(queue)
    assert site.runs("start") == {"long": 1}
    assert site.proxy.counts["ChangeMessageVisibilityBatch"] >= 5


def test_a_warm_shutdown_keeps_what_it_finishes_invisible(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(visibility=3)
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()
    site.send("ai-basic", "long", seconds=6)
    wait_until(lambda: site.runs("start")["long"], 10)
    site.start("ai-basic").ready()

    assert worker.terminate() == 0

    assert site.runs("done")["long"] == 1
    site.empty("ai-basic")
    assert site.runs("start") == {"long": 1}


def test_the_message_of_a_killed_worker_is_taken_after_its_visibility(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(visibility=3)
    site.provision("ai-basic")
    doomed = site.start("ai-basic").ready()
    site.send("ai-basic", "orphan", seconds=2)
    wait_until(lambda: site.runs("start")["orphan"], 10)
    doomed.kill()
    killed = time.monotonic()

    site.start("ai-basic").ready()

    site.done("orphan", timeout=15)
    assert site.runs("start")["orphan"] == 2
    assert site.times("start", "orphan")[1] - killed < 3 + 3
