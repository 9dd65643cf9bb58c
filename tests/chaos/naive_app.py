"""The control: what Celery on SQS does out of the box, with every setting the guides recommend.

Plain tasks, ``acks_late`` and ``reject_on_worker_lost``, retries by ``self.retry``, a dead-letter
queue; published by whoever submits. Each task ends by writing a line, so that a loss shows.
"""

from __future__ import annotations

import json
import os
import random
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

import httpx
from celery import Celery

from tests.support import solapi_plain

QUEUE = "naive"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

app = Celery("naive", set_as_current=False)
app.conf.update(
    broker_url="sqs://" + os.environ.get("SQS_ENDPOINT_URL", "http://x").removeprefix("http://"),
    broker_transport_options={
        "region": "ap-northeast-2",
        "is_secure": False,
        "wait_time_seconds": 1,
        "polling_interval": 0.1,
        "visibility_timeout": 6,
        "predefined_queues": {QUEUE: {"url": os.environ.get("NAIVE_QUEUE_URL", "")}},
    },
    task_default_queue=QUEUE,
    task_create_missing_queues=False,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
)


def _done(number: int) -> None:
    with Path(os.environ["NAIVE_DONE"]).open("a") as log:
        log.write(f"{number}\n")


def _send(number: int, recipient: str) -> None:
    body = {"effect": f"{number}-{recipient}", "tenant": "naive", "key": str(number)}
    request = urllib.request.Request(
        os.environ["TEST_PROVIDER_URL"] + "/sends",
        data=json.dumps({**body, "recipient": recipient}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with _OPENER.open(request, timeout=3) as answer:
        answer.read()


@app.task(name="naive.work", bind=True, max_retries=20)
def work(self, number: int, kind: str, recipients: int, seconds: float, times: int) -> None:  # type: ignore[no-untyped-def]
    """The same work as the job of the same kind."""
    time.sleep(seconds)
    if kind == "test.transient" and self.request.retries < times:
        raise self.retry(countdown=random.uniform(1, 5))
    if kind == "test.effect":
        try:
            for recipient in range(recipients):
                _send(number, f"recipient-{recipient}")
        except (OSError, HTTPException) as error:
            raise self.retry(exc=error, countdown=random.uniform(1, 5)) from error
    _done(number)


@app.task(name="naive.message", bind=True, max_retries=20)
def message(self, number: int, to: str, text: str) -> None:  # type: ignore[no-untyped-def]
    """One message to one phone, tried again where the provider gave no answer."""
    try:
        solapi_plain.send(to, text)
    except httpx.HTTPError as error:
        raise self.retry(exc=error, countdown=random.uniform(1, 5)) from error
    _done(number)
