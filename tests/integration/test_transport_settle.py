"""Acknowledging and giving back: what SQS may refuse, and what a worker may never do."""

from __future__ import annotations

import pytest

from tests.support.sqs_proxy import wait_until
from tests.support.workers import Site

pytestmark = pytest.mark.integration("sqs")


def test_refused_deletes_end_neither_the_worker_nor_its_polling(site: Site) -> None:
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()
    site.proxy.fault("DeleteMessageBatch", times=None, status=403, code="AccessDenied")

    site.send("ai-basic", "one")
    site.done("one")
    site.send("ai-basic", "two")
    site.done("two")
    site.proxy.heal()

    site.empty("ai-basic")  # tried again until it was let
    assert worker.alive
    assert site.runs("start") == {"one": 1, "two": 1}


def test_a_delete_that_hangs_delays_neither_the_next_task_nor_its_delete(site: Site) -> None:
    site.provision("ai-basic")
    site.start("ai-basic").ready()
    site.proxy.fault("DeleteMessageBatch", hang=3)

    site.send("ai-basic", "one")
    site.done("one")
    site.send("ai-basic", "two")
    site.done("two", timeout=2)

    site.empty("ai-basic", timeout=12)
    assert site.runs("start") == {"one": 1, "two": 1}


def test_entries_of_a_batch_that_fail_are_sent_again(site: Site) -> None:
    site.provision("messaging")
    site.start("messaging").ready()
    site.proxy.fault("DeleteMessageBatch", fail_entries={0: "InternalError"}, times=2)

    for number in range(20):
        site.send("messaging", f"n{number}")

    wait_until(lambda: len(site.runs("done")) == 20, 10)
    site.empty("messaging")
    assert set(site.runs("start").values()) == {1}


def test_deletes_are_batched_and_flushed_at_shutdown(site: Site) -> None:
    site.provision("messaging")
    for number in range(100):
        site.send("messaging", f"n{number}")
    worker = site.start("messaging").ready()

    wait_until(lambda: len(site.runs("done")) == 100, 10)
    status = worker.terminate()

    assert status == 0
    assert site.counts("messaging") == (0, 0)
    assert site.proxy.counts["DeleteMessageBatch"] <= 50
    assert not site.proxy.counts["DeleteMessage"]
    assert set(site.runs("start").values()) == {1}


def test_a_requeued_message_comes_back_later_and_later(site: Site) -> None:
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()

    site.send("ai-basic", "again", fail="requeue")

    wait_until(lambda: site.runs("start")["again"] == 3, 15)
    first, second, third = site.times("start", "again")
    # min(2 * 2.5 ** (n - 1), 60) s, less up to 30 % of jitter, in whole seconds.
    assert 1.4 <= second - first <= 4
    assert 3.5 <= third - second <= 8
    assert not site.proxy.counts_of_queue["SendMessage", site.row("ai-basic").sqs_name]
    assert worker.alive


def test_a_worker_of_two_queues_holds_no_more_than_it_can_run(site: Site) -> None:
    site.provision("ai-basic", "video")
    for queue in ("ai-basic", "video"):
        site.send(queue, queue, seconds=2)
    argv = ["celery", "-A", "tests.support.sqs_app", "worker", "-Q", "ai-basic,video", "-c", "1"]

    site.start("ai-basic", argv=argv, TRANSPORT_ONLY="1").ready()

    wait_until(lambda: sum(site.runs("start").values()) == 1, 10)
    held = set()
    while not site.runs("done"):
        held.add(site.counts("ai-basic")[1] + site.counts("video")[1])
    assert held == {1}
    wait_until(lambda: sum(site.runs("done").values()) == 2, 10)
