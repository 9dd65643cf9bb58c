"""The peer: Celery and kombu as they come, on the same SQS. ``celery -A tests.perf.stock``.

It promises less (a task is lost or doubled where the platform's are not) and does nothing else: no
API, no row, no result. Its settings come from the environment so that its best can be looked for.
"""

import os
from urllib.parse import urlsplit

from celery import Celery

from tests.support import solapi_plain

QUEUE = os.environ.get("STOCK_QUEUE", "stock")
COUNT_FILE = os.environ.get("STOCK_COUNT_FILE", os.devnull)

_KEYS = f"{os.environ.get('AWS_ACCESS_KEY_ID', '')}:{os.environ.get('AWS_SECRET_ACCESS_KEY', '')}"
_HOST = urlsplit(os.environ.get("SQS_ENDPOINT_URL", "")).netloc

app = Celery("stock", broker=f"sqs://{_KEYS}@{_HOST}//")
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_acks_late=os.environ.get("STOCK_ACKS_LATE") == "1",
    worker_prefetch_multiplier=int(os.environ.get("STOCK_PREFETCH", "4")),
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "region": os.environ.get("AWS_REGION", "ap-northeast-2"),
        "wait_time_seconds": int(os.environ.get("SQS_WAIT_SECONDS", "20")),
        **(
            {"polling_interval": float(os.environ["STOCK_POLLING_INTERVAL"])}
            if "STOCK_POLLING_INTERVAL" in os.environ
            else {}
        ),
        "predefined_queues": {QUEUE: {"url": os.environ.get("STOCK_QUEUE_URL", "")}},
    },
)


@app.task(name="stock.noop")
def noop() -> None:
    """Leave one byte, so that somebody can count."""
    with open(COUNT_FILE, "ab", buffering=0) as count:  # noqa: PTH123 - the cheapest way there is
        count.write(b".")


@app.task(name="stock.post")
def post(to: str, text: str) -> None:
    """Send one message, as a plain task would: one signed call for each."""
    solapi_plain.send(to, text)
    with open(COUNT_FILE, "ab", buffering=0) as count:  # noqa: PTH123 - the cheapest way there is
        count.write(b".")
