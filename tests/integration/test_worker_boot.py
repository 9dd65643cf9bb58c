"""A worker that is configured wrongly ends with a sentence and a status, before it takes a task."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tasks.worker import health
from tests.support.sqs_proxy import wait_until
from tests.support.workers import Site, Worker

pytestmark = pytest.mark.integration("sqs")


def refused(worker: Worker) -> str:
    """The worker's last line, once it has ended with status 1."""
    assert worker.process.wait(30) == 1, worker.log
    return worker.log.strip().splitlines()[-1]


def test_a_queue_that_does_not_exist(site: Site) -> None:
    sentence = refused(site.start("video"))

    assert "There is no queue academy-video-jobs (SQS_QUEUE_VIDEO)" in sentence
    assert "ensure_queues" in sentence


def test_a_queue_whose_redrive_policy_was_removed(site: Site) -> None:
    site.provision("video")
    site.sqs.set_queue_attributes(QueueUrl=site.url("video"), Attributes={"RedrivePolicy": ""})

    assert "has no dead-letter queue" in refused(site.start("video"))


def test_two_queues(site: Site) -> None:
    site.provision("video", "ai-basic")
    argv = ["celery", "-A", "tests.support.sqs_app", "worker", "-Q", "video,ai-basic", "-c", "1"]

    assert "It would consume 2 queues" in refused(site.start("video", argv=argv))


def test_a_worker_waits_for_an_sqs_that_is_late(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.provision("ai-basic")
    site.proxy.down()
    worker = site.start("ai-basic")
    wait_until(lambda: "Waiting for SQS" in worker.log or not worker.alive, 40)

    site.proxy.up()
    worker.ready()

    site.send("ai-basic", "late")
    site.done("late")


def test_the_health_file_follows_the_polls(site: Site) -> None:
    site.provision("ai-basic")
    site.start("ai-basic").ready()
    path = health.health_file("ai-basic", site.environ)
    wait_until(path.exists, 5)

    def problem(max_age: float) -> str | None:
        return health.problem(path, max_age=max_age, now=time.monotonic())

    assert problem(max_age=30) is None

    site.proxy.fault("ReceiveMessage", times=None, status=403, code="AccessDenied")
    wait_until(lambda: problem(max_age=3), 12)
    assert "The last good poll of ai-basic is" in str(problem(max_age=3))

    site.proxy.heal()
    wait_until(lambda: problem(max_age=3) is None, 15)
