"""A Celery application with plain tasks, for workers that are tested without Django.

Its tasks carry the names of the real queues, so that the real settings, routes, boot checks and
allow-list apply. ``STOCK_TRANSPORT=1`` gives the same application kombu's and Celery's own parts.
Every run of a task appends a line to ``$RUN_LOG``: ``<event> <tag> <pid> <monotonic>``.
"""

import os
import time
from pathlib import Path

from celery import Celery
from celery.exceptions import Reject

from tasks import queues
from tasks.worker import drain
from tasks.worker.steps import install

STOCK = os.environ.get("STOCK_TRANSPORT") == "1"

app = Celery("sqs-test", config_source="celeryconfig", set_as_current=False)
if STOCK:
    endpoint = os.environ["SQS_ENDPOINT_URL"]
    account = os.environ["AWS_ACCESS_KEY_ID"]
    app.conf.update(
        broker_url="sqs://" + endpoint.removeprefix("http://"),
        broker_transport=None,
        worker_consumer="celery.worker.consumer:Consumer",
        worker_send_task_events=False,
        broker_transport_options={
            "region": "ap-northeast-2",
            "is_secure": False,
            "wait_time_seconds": queues.wait_seconds(),
            "polling_interval": float(os.environ.get("STOCK_POLLING_INTERVAL", "0.1")),
            "visibility_timeout": queues.table()[0].visibility_seconds,
            "sqs_base64_encoding": False,
            "body_encoding": "utf-8",
            "predefined_queues": {
                row.name: {"url": f"{endpoint}/{account}/{row.sqs_name}"} for row in queues.table()
            },
        },
    )
elif os.environ.get("TRANSPORT_ONLY") == "1":
    # Our transport under Celery's own consumer, e.g. for a worker of several queues.
    app.conf.worker_consumer = "celery.worker.consumer:Consumer"
else:
    install(app)


def record(event: str, tag: str) -> None:
    """One line of the run log, in one write."""
    line = f"{event} {tag} {os.getpid()} {time.monotonic():.3f}\n"
    with Path(os.environ["RUN_LOG"]).open("a") as log:
        log.write(line)


def work(tag: str = "", seconds: float = 0, fail: str = "", until_drain: bool = False) -> None:
    """Record the run, take *seconds*, then end as *fail* says."""
    record("start", tag)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if until_drain and drain.requested():
            record("released", tag)
            raise Reject("draining", requeue=True)
        time.sleep(min(left, 0.05))
    if fail == "error":
        raise ValueError("asked to fail")
    if fail == "requeue":
        raise Reject("asked to come back", requeue=True)
    if fail == "die":
        os.kill(os.getpid(), 9)
    record("done", tag)


for _row in queues.table():
    app.task(name=_row.task, soft_time_limit=_row.soft_time_limit, time_limit=_row.time_limit)(work)
