"""What stands in the queues: ready, in flight, delayed, how old, and what died."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import boto3
from botocore.config import Config

from academy.core import clock
from tasks import provision, queues

logger = logging.getLogger(__name__)

#: A page and its API share one answer for this long.
_FRESH_SECONDS = 2.0
#: CloudWatch has one value a minute, and asks money for it.
_AGE_FRESH_SECONDS = 60.0
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True)
class Depth:
    """One SQS queue; numbers are SQS's approximations, None where it did not say.

    ``oldest_seconds`` is the age of the oldest message, which only CloudWatch knows.
    """

    sqs_name: str
    ready: int | None = None
    in_flight: int | None = None
    delayed: int | None = None
    oldest_seconds: int | None = None
    problem: str = ""

    @property
    def total(self) -> int | None:
        """Everything in the queue, whoever holds it."""
        if self.ready is None:
            return None
        return self.ready + (self.in_flight or 0) + (self.delayed or 0)


@dataclass(frozen=True)
class QueueDepth:
    """A queue of the table with its dead-letter queue; an events queue has none."""

    name: str
    queue: Depth
    dead: Depth | None


class Ages:
    """The oldest message's age of every queue, from CloudWatch; empty where that does not answer.

    Needs ``cloudwatch:GetMetricData``. One request a minute, and only while somebody looks.
    """

    def __init__(self, client: Any | None = None) -> None:
        self._client = client
        self._failed = False
        self._read_at: float | None = None
        self._ages: dict[str, int] = {}

    def read(self, names: Sequence[str]) -> dict[str, int]:
        """Seconds by SQS queue name."""
        now = clock.monotonic()
        if self._read_at is None or now - self._read_at >= _AGE_FRESH_SECONDS:
            self._read_at = now
            self._ages = self._ask(names)
        return self._ages

    def _ask(self, names: Sequence[str]) -> dict[str, int]:
        end = clock.now()
        try:
            self._client = self._client or _cloudwatch()
            answer = self._client.get_metric_data(
                MetricDataQueries=[_age_query(i, name) for i, name in enumerate(names)],
                StartTime=end - timedelta(minutes=5),
                EndTime=end,
                ScanBy="TimestampDescending",
            )
        except Exception as exc:  # noqa: BLE001 - no permission, no network: a column stays empty
            if not self._failed:
                logger.warning("No queue ages from CloudWatch (%s).", type(exc).__name__)
            self._failed = True
            return {}
        self._failed = False
        found = {one["Id"]: one.get("Values") or [] for one in answer.get("MetricDataResults", [])}
        return {
            name: int(values[0]) for i, name in enumerate(names) if (values := found.get(f"q{i}"))
        }


def _age_query(number: int, name: str) -> dict[str, Any]:
    return {
        "Id": f"q{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": name}],
            },
            "Period": 60,
            "Stat": "Maximum",
        },
    }


def _cloudwatch() -> Any:
    session: Any = boto3.Session()
    config = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})
    region = queues.client_options()["region_name"]
    return session.client("cloudwatch", region_name=region, config=config)


class NoAges(Ages):
    """For an SQS that is not AWS's: nobody knows the ages there."""

    def read(self, names: Sequence[str]) -> dict[str, int]:  # noqa: ARG002 - the same interface
        """Nothing."""
        return {}


@dataclass
class Depths:
    """Reads every queue of the table, its dead-letter queue and the *events_queues*.

    ``read`` blocks for some seconds where SQS does not answer: call it in a thread.
    """

    client: Any
    events_queues: Sequence[str]
    ages: Ages
    table: Callable[[], Sequence[queues.Queue]] = queues.table
    _urls: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: list[QueueDepth] = field(default_factory=list)
    _read_at: float | None = None

    def read(self) -> list[QueueDepth]:
        """The queues in the table's order, then the events queues."""
        with self._lock:
            now = clock.monotonic()
            if self._read_at is None or now - self._read_at >= _FRESH_SECONDS:
                self._last = self._ask()
                self._read_at = clock.monotonic()
            return self._last

    def _ask(self) -> list[QueueDepth]:
        rows = self.table()
        names = [name for row in rows for name in (row.sqs_name, row.dlq_name)]
        names += self.events_queues
        with ThreadPoolExecutor(max_workers=len(names), thread_name_prefix="depth") as pool:
            depths = dict(zip(names, pool.map(self._depth, names), strict=True))
        for name, age in self.ages.read(names).items():
            depths[name] = replace(depths[name], oldest_seconds=age)
        found = [QueueDepth(row.name, depths[row.sqs_name], depths[row.dlq_name]) for row in rows]
        events = [QueueDepth("events", depths[name], None) for name in self.events_queues]
        return found + events

    def _depth(self, name: str) -> Depth:
        try:
            url = self._urls.get(name)
            if url is None:
                url = self._urls[name] = str(self.client.get_queue_url(QueueName=name)["QueueUrl"])
            answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))
        except Exception as exc:  # noqa: BLE001 - a row without numbers says more than no page
            self._urls.pop(name, None)
            return Depth(name, problem=type(exc).__name__)
        attributes = answer.get("Attributes") or {}
        ready, in_flight, delayed = (int(attributes.get(key, 0)) for key in _COUNTS)
        return Depth(name, ready, in_flight, delayed)


def from_environment(events_queues: Sequence[str]) -> Depths:
    """Depths of the environment's SQS; ages only where that is AWS."""
    config = Config(
        connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1},
        max_pool_connections=16,
    )  # fmt: skip
    ages = NoAges() if "endpoint_url" in queues.client_options() else Ages()
    return Depths(provision.client(config=config), events_queues, ages)
