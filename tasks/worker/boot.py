"""Boot checks: a worker whose configuration is wrong does not start.

Each of these mistakes lets a stock worker run, apparently well, while it loses messages, runs tasks
twice or holds one queue's message behind another's task.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from celery import bootsteps
from celery.concurrency import get_implementation

from academy.core import clock
from tasks import provision, queues
from tasks.worker import hosts

logger = logging.getLogger(__name__)

#: How long a starting worker waits for an SQS that does not answer.
SQS_PATIENCE_SECONDS = 60.0


class BootCheckError(Exception):
    """Why the worker must not start, as a sentence that says what to do."""


class BootChecks(bootsteps.Step):
    """Worker step: check, before any other step exists, and end the process when wrong."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        try:
            queue = the_queue(worker.app)
            check_worker(worker, queue)
            check_sqs(provision.client(), queue)
        except (BootCheckError, queues.QueueConfigError) as exc:
            raise SystemExit(f"This worker must not start. {exc}") from None


def the_queue(app: Any) -> queues.Queue:
    """The one queue the worker was told to consume."""
    names = list(app.amqp.queues.consume_from)
    if len(names) != 1:
        raise BootCheckError(
            f"It would consume {len(names)} queues ({', '.join(names)}): name one with -Q, because "
            "a worker of several holds one queue's message behind another's task."
        )
    return queues.by_name(names[0])


def check_worker(worker: Any, queue: queues.Queue, environ: Mapping[str, str] = os.environ) -> None:
    """Compare the worker's pool, concurrency, prefetch, settings and host with the table."""
    for problem in _problems(worker, queue, environ):
        raise BootCheckError(problem)


def _problems(worker: Any, queue: queues.Queue, environ: Mapping[str, str]) -> Iterator[str]:
    argv = " ".join(queues.worker_argv(queue.name))
    start = f"Start it with: {argv}"
    if get_implementation(worker.pool_cls) is not get_implementation(queue.pool):
        yield f"Queue {queue.name} needs the pool {queue.pool}. {start}"
    if getattr(worker, "autoscale", None):
        yield f"Queue {queue.name} has a fixed concurrency; --autoscale must not be used. {start}"
    if worker.concurrency != queue.concurrency:
        yield (
            f"Queue {queue.name} has concurrency {queue.concurrency}, not {worker.concurrency}. "
            f"{start}"
        )
    if worker.prefetch_multiplier != queue.prefetch_multiplier:
        yield (
            f"Queue {queue.name} has prefetch {queue.prefetch_multiplier}, not "
            f"{worker.prefetch_multiplier}: a held message waits while other workers idle. {start}"
        )
    conf = worker.app.conf
    for setting, wanted in REQUIRED_SETTINGS.items():
        if conf[setting] != wanted:
            yield f"The setting {setting} is {conf[setting]!r} and must be {wanted!r}."
    if problem := hosts.refusal(queue, environ):
        yield problem


#: Settings without which a message is lost or runs twice.
REQUIRED_SETTINGS: dict[str, Any] = {
    "task_always_eager": False,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure": False,
    "task_acks_on_timeout": False,
    "task_create_missing_queues": False,
    "worker_enable_remote_control": False,
    "worker_consumer": "tasks.worker.consumer:Consumer",
    "broker_transport": "tasks.transport:Transport",
    "accept_content": ["json"],
}


def check_sqs(
    sqs: Any,
    queue: queues.Queue,
    *,
    patience: float = SQS_PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Read the queue back from SQS: it exists, redrives to its own DLQ, has the right visibility.

    An SQS that does not answer is asked again for *patience* seconds.
    """
    deadline = clock.monotonic() + patience
    attributes: dict[str, str] | None = None
    while attributes is None:
        try:
            attributes = _attributes(sqs, queue)
        except (BotoCoreError, ClientError) as exc:
            if clock.monotonic() >= deadline:
                raise BootCheckError(
                    f"SQS did not let queue {queue.sqs_name} be read for {patience:.0f} s: {exc}"
                ) from exc
            logger.warning("Waiting for SQS: %s.", type(exc).__name__)
            sleep(2.0)
    check_attributes(queue, attributes)


def check_attributes(queue: queues.Queue, attributes: Mapping[str, str]) -> None:
    """Compare the attributes that SQS returned with the table."""
    repair = "Run: python manage.py ensure_queues"
    policy = json.loads(attributes.get("RedrivePolicy") or "{}")
    target = str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2]
    if not policy:
        raise BootCheckError(
            f"Queue {queue.sqs_name} has no dead-letter queue, so what cannot run is lost. {repair}"
        )
    if target != queue.dlq_name:
        raise BootCheckError(
            f"Queue {queue.sqs_name} redrives to {target}, not to {queue.dlq_name}. {repair}"
        )
    if int(policy.get("maxReceiveCount", 0)) != queue.max_receive_count:
        raise BootCheckError(
            f"Queue {queue.sqs_name} redrives after {policy.get('maxReceiveCount')} receives, not "
            f"after {queue.max_receive_count}. {repair}"
        )
    if int(attributes.get("VisibilityTimeout") or 0) != queue.visibility_seconds:
        raise BootCheckError(
            f"Queue {queue.sqs_name} has a visibility of {attributes.get('VisibilityTimeout')} s, "
            f"not {queue.visibility_seconds} s; the heartbeat relies on it. {repair}"
        )


def _attributes(sqs: Any, queue: queues.Queue) -> dict[str, str]:
    try:
        url = sqs.get_queue_url(QueueName=queue.sqs_name)["QueueUrl"]
    except ClientError as exc:
        if provision.is_missing_queue(exc):
            raise BootCheckError(
                f"There is no queue {queue.sqs_name} ({queue.env}). "
                "Run: python manage.py ensure_queues"
            ) from None
        raise
    names = ["RedrivePolicy", "VisibilityTimeout"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return dict(answer.get("Attributes") or {})
