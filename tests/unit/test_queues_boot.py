"""The boot checks' comparisons."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tasks import queues
from tasks.app import app
from tasks.worker import boot

VIDEO = queues.by_name("video", {})


def worker(**changes: Any) -> SimpleNamespace:
    """A worker of the video queue as the table wants it, but for *changes*."""
    right = {
        "app": app,
        "pool_cls": "prefork",
        "concurrency": VIDEO.concurrency,
        "prefetch_multiplier": VIDEO.prefetch_multiplier,
        "autoscale": None,
    }
    return SimpleNamespace(**{**right, **changes})


def test_the_tables_own_worker_passes() -> None:
    boot.check_worker(worker(), VIDEO, {})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pool_cls": "threads"}, "needs the pool prefork"),
        ({"pool_cls": "solo"}, "needs the pool prefork"),
        ({"concurrency": 4}, "has concurrency 1, not 4"),
        ({"prefetch_multiplier": 10}, "has prefetch 1, not 10"),
        ({"autoscale": "8,1"}, "--autoscale must not be used"),
    ],
    ids=str,
)
def test_a_worker_that_differs_is_told_the_command_line(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(boot.BootCheckError, match=sentence) as caught:
        boot.check_worker(worker(**changes), VIDEO, {})
    assert " ".join(queues.worker_argv("video")) in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("task_always_eager", True),
        ("task_acks_late", False),
        ("task_acks_on_failure", True),
        ("accept_content", ["json", "pickle"]),
        ("worker_consumer", "celery.worker.consumer:Consumer"),
        ("broker_transport", "sqs"),
    ],
)
def test_a_setting_that_loses_messages_is_refused(setting: str, value: Any) -> None:
    conf = {**{key: app.conf[key] for key in boot.REQUIRED_SETTINGS}, setting: value}

    with pytest.raises(boot.BootCheckError, match=f"The setting {setting} is"):
        boot.check_worker(worker(app=SimpleNamespace(conf=conf)), VIDEO, {})


def test_premium_is_refused_on_a_cpu_host() -> None:
    premium = queues.by_name("ai-premium", {})

    with pytest.raises(boot.BootCheckError, match="runs only on gpu hosts"):
        boot.check_worker(worker(), premium, {"HOST_KIND": "cpu"})


def test_two_queues_are_refused() -> None:
    consuming = SimpleNamespace(consume_from={"video": None, "ai-lite": None})

    with pytest.raises(boot.BootCheckError, match=r"2 queues \(video, ai-lite\)"):
        boot.the_queue(SimpleNamespace(amqp=SimpleNamespace(queues=consuming)))


def right_attributes(**policy: Any) -> dict[str, str]:
    target = f"arn:aws:sqs:ap-northeast-2:123456789012:{VIDEO.dlq_name}"
    redrive = {"deadLetterTargetArn": target, "maxReceiveCount": VIDEO.max_receive_count}
    return {
        "VisibilityTimeout": str(VIDEO.visibility_seconds),
        "RedrivePolicy": json.dumps(redrive | policy),
    }


def test_the_tables_own_queue_passes() -> None:
    boot.check_attributes(VIDEO, right_attributes())
    boot.check_attributes(VIDEO, right_attributes(maxReceiveCount=str(VIDEO.max_receive_count)))


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"VisibilityTimeout": "120"}, "has no dead-letter queue"),
        (right_attributes(deadLetterTargetArn="arn:aws:sqs:r:1:other"), "redrives to other"),
        (right_attributes(maxReceiveCount=1), "redrives after 1 receives"),
        ({**right_attributes(), "VisibilityTimeout": "30"}, "has a visibility of 30 s"),
    ],
    ids=["no redrive", "another DLQ", "too few receives", "another visibility"],
)
def test_a_queue_that_differs_is_refused_with_the_repair(
    attributes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(boot.BootCheckError, match=f"{sentence}.*ensure_queues"):
        boot.check_attributes(VIDEO, attributes)


class Sqs:
    """Raises *errors* one a call, then answers with the right attributes."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def get_queue_url(self, **_: Any) -> dict[str, str]:
        if self.errors:
            raise self.errors.pop(0)
        return {"QueueUrl": "http://sqs/video"}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return {"Attributes": right_attributes()}


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"])
def test_a_missing_queue_is_refused_at_once(code: str) -> None:
    missing = ClientError({"Error": {"Code": code, "Message": ""}}, "GetQueueUrl")

    with pytest.raises(boot.BootCheckError, match="There is no queue academy-video-jobs"):
        boot.check_sqs(Sqs(missing), VIDEO, sleep=pytest.fail)


def test_an_sqs_that_is_late_is_waited_for() -> None:
    pauses: list[float] = []

    boot.check_sqs(
        Sqs(*[EndpointConnectionError(endpoint_url="x")] * 3), VIDEO, sleep=pauses.append
    )

    assert len(pauses) == 3


def test_an_sqs_that_never_answers_is_refused_in_the_end() -> None:
    away = [EndpointConnectionError(endpoint_url="x")] * 3

    with pytest.raises(boot.BootCheckError, match="did not let queue academy-video-jobs be read"):
        boot.check_sqs(Sqs(*away), VIDEO, patience=0)
