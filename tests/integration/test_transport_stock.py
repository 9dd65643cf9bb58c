"""The faults of kombu's and Celery's own parts that ours mend, reproduced.

They say why ours exist. When one of them fails after moving the pin of kombu or Celery, upstream
has mended something, and a part of ours may go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.sqs_proxy import wait_until
from tests.support.workers import Site, envelope

pytestmark = [pytest.mark.integration("sqs"), pytest.mark.stock]


@pytest.mark.parametrize(
    "fault",
    [{"status": 503, "code": "ServiceUnavailable"}, {"status": 403, "code": "AccessDenied"}],
    ids=["503", "403"],
)
def test_one_failed_receive_ends_the_polling(site: Site, fault: dict[str, Any]) -> None:
    site.provision("ai-basic")
    worker = site.start("ai-basic", stock=True).ready()
    site.send("ai-basic", "before")
    site.done("before")
    injected = site.proxy.fault("ReceiveMessage", **fault)
    wait_until(lambda: injected.times == 0, 10)

    site.send("ai-basic", "after")

    with pytest.raises(AssertionError):
        site.done("after", timeout=4)
    assert not worker.alive or "Error in timer" in worker.log


def test_one_unanswered_receive_ends_the_polling(site: Site) -> None:
    site.provision("ai-basic")
    site.start("ai-basic", stock=True).ready()
    injected = site.proxy.fault("ReceiveMessage", hang=120)
    wait_until(lambda: injected.times == 0, 10)

    site.send("ai-basic", "after")

    with pytest.raises(AssertionError):
        site.done("after", timeout=12)


def test_a_refused_delete_ends_the_worker(site: Site) -> None:
    site.provision("ai-basic")
    worker = site.start("ai-basic", stock=True).ready()
    site.proxy.fault("DeleteMessage", status=403, code="AccessDenied")

    site.send("ai-basic", "one")

    assert worker.process.wait(10) == 1


def test_a_task_longer_than_the_visibility_runs_twice_at_once(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(visibility=2)
    site.provision("ai-lite")
    site.start("ai-lite", stock=True).ready()

    site.send("ai-lite", "long", seconds=5)

    site.done("long")
    assert site.runs("start")["long"] >= 2


def test_a_worker_of_two_queues_holds_one_message_behind_the_others_task(site: Site) -> None:
    site.provision("ai-basic", "video")
    for queue in ("ai-basic", "video"):
        site.send(queue, queue, seconds=4)
    argv = ["celery", "-A", "tests.support.sqs_app", "worker", "-Q", "ai-basic,video", "-c", "1"]

    site.start("ai-basic", stock=True, argv=argv).ready()

    wait_until(lambda: sum(site.runs("start").values()) == 1, 10)
    wait_until(lambda: site.counts("ai-basic")[1] + site.counts("video")[1] == 2, 3)


def test_a_body_that_cannot_be_decoded_is_deleted(make_site: Callable[..., Site]) -> None:
    site = make_site(visibility=2)
    site.provision("ai-basic")
    worker = site.start("ai-basic", stock=True).ready()

    site.send_raw("ai-basic", json.dumps(envelope(site.row("ai-basic")) | {"body": "{broken"}))

    site.empty("ai-basic")
    assert "decode" in worker.log.lower()
    assert site.counts("ai-basic", dlq=True) == (0, 0)


def test_a_message_that_lies_about_its_queue_ends_the_worker_or_its_polling(site: Site) -> None:
    site.provision("ai-basic")
    worker = site.start("ai-basic", stock=True).ready()
    message = envelope(site.row("ai-basic"), {"tag": "lie"})
    message["properties"]["delivery_info"]["routing_key"] = "elsewhere"

    site.send_raw("ai-basic", json.dumps(message))
    wait_until(lambda: site.runs("start")["lie"], 10)
    site.send("ai-basic", "after")

    with pytest.raises(AssertionError):
        site.done("after", timeout=4)
    assert "UndefinedQueueException" in worker.log
