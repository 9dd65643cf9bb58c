"""What the worker pools are scaled by: backlog, workers and age of every queue, in CloudWatch.

The relay publishes once a minute (``CLOUDWATCH_METRICS=1``), from outside the pools, so that a pool
without a single host can still grow. A number that is not known is not published: a wrong zero
would take hosts away from their work, whereas CloudWatch treats a gap as a gap.
"""

from __future__ import annotations

import functools
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import boto3
from botocore.config import Config
from django.conf import settings
from django.db import DatabaseError, connection

from academy.core import clock
from academy.deadletters.models import DeadLetter, LetterState
from academy.fleet.queue_access import QueueDepth
from academy.fleet.selectors import paused_queues, workers_list
from academy.tenants.plans import PLANS
from tasks import depths, provision, queues
from tasks.queue_access import SqsAccess

logger = logging.getLogger(__name__)

DIMENSION: Final = "Queue"
EVERY_SECONDS: Final = 60.0
#: Says that this publisher lives: for an alarm on missing data. Its value is the number of queues
#: whose backlog is known; it has no dimension.
HEARTBEAT: Final = "Published"
#: Dead letters of all queues that wait for a person: for an alarm. It has no dimension.
LETTERS: Final = "LettersOpen"


@dataclass(frozen=True)
class Waiting:
    """The rows of one queue that no message stands for yet.

    ``startable`` are those that the relay would publish to a pool of any size: not beyond their
    academy's limit. ``oldest_seconds`` is the age of the oldest row that is due and unclaimed.
    """

    rows: int = 0
    startable: int = 0
    oldest_seconds: float = 0.0


@dataclass(frozen=True)
class Rows:
    """What the database says of the queues and their workers; a queue without an entry has none.

    ``letters_open`` are the dead letters that wait for a person; None is not known.
    """

    waiting: Mapping[str, Waiting]
    workers: Mapping[str, int]
    paused: frozenset[str]
    letters_open: int | None = None


@dataclass(frozen=True)
class Load:
    """One queue's metrics; None is not known."""

    queue: str
    backlog: int | None = None
    backlog_per_worker: float | None = None
    workers: int | None = None
    oldest_seconds: float | None = None
    dead_letters: int | None = None


# The union keeps each half on its own partial index; the table is mostly jobs that have ended.
_WAITING = """
WITH due AS (
    SELECT queue, tenant_id, not_before FROM job
    WHERE state = 'queued' AND not_before <= clock_timestamp()
    UNION ALL
    SELECT queue, tenant_id, not_before FROM job
    WHERE state = 'retry_wait' AND not_before <= clock_timestamp()
), waiting AS (
    SELECT queue, tenant_id, count(*) AS rows, min(not_before) AS since
    FROM due GROUP BY queue, tenant_id
), held AS (
    SELECT queue, tenant_id, count(*) AS slots,
        min(not_before) FILTER (WHERE state = 'published') AS since
    FROM job WHERE state IN ('published', 'running') GROUP BY queue, tenant_id
), room AS (
    SELECT queue, COALESCE(waiting.rows, 0) AS rows, LEAST(waiting.since, held.since) AS since,
        CASE WHEN tenant.is_active THEN LEAST(waiting.rows, GREATEST(0,
            COALESCE(own.in_flight, (%(plans)s::jsonb -> queue ->> tenant.plan)::int, 0)
            - COALESCE(held.slots, 0))) ELSE 0 END AS startable
    FROM waiting FULL JOIN held USING (queue, tenant_id)
    JOIN tenants_tenant tenant ON tenant.id = tenant_id
    LEFT JOIN LATERAL (
        SELECT in_flight FROM tenants_queuelimit own
        WHERE own.tenant_id = tenant.id AND own.queue = COALESCE(waiting.queue, held.queue)
          AND (own.until IS NULL OR own.until > clock_timestamp())
    ) own ON true
)
SELECT queue, sum(rows), sum(COALESCE(startable, 0)),
    COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(since)), 0)
FROM room GROUP BY queue
"""


def read_rows() -> Rows:
    """Waiting rows, workers alive and paused queues; DatabaseError where it does not answer."""
    plans = {
        row.name: {name: plan.limits[row.name].in_flight for name, plan in PLANS.items()}
        for row in queues.table()
    }
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"plans": json.dumps(plans)})
        waiting = {
            queue: Waiting(int(rows), int(startable), max(0.0, float(oldest)))
            for queue, rows, startable, oldest in cursor.fetchall()
        }
    alive = Counter(view.row.queue for view in workers_list(alive_only=True))
    letters = DeadLetter.objects.filter(state=LetterState.OPEN).count()
    return Rows(waiting, alive, paused_queues(), letters)


def load_of(depth: QueueDepth, rows: Rows | None) -> Load:
    """One queue's metrics; ``rows`` is None where the database did not answer."""
    if rows is None:
        return Load(depth.name, dead_letters=depth.dead)
    waiting = rows.waiting.get(depth.name, Waiting())
    load = Load(
        depth.name,
        workers=rows.workers.get(depth.name, 0),
        oldest_seconds=waiting.oldest_seconds,
        dead_letters=depth.dead,
    )
    if depth.ready is None or depth.in_flight is None:
        return load
    messages = depth.ready + depth.in_flight + (depth.delayed or 0)
    # What more workers could not start must not call for any: they would idle, stop themselves and
    # be started again.
    startable = messages + waiting.startable
    if depth.name in rows.paused:
        startable = depth.in_flight
    return replace(
        load,
        backlog=messages + waiting.rows,
        backlog_per_worker=startable / max(load.workers or 0, 1),
    )


def metric_data(
    loads: Sequence[Load], at: datetime, *, letters_open: int | None = None
) -> list[dict[str, Any]]:
    """PutMetricData's entries: what is known, and the heartbeat."""
    data = [
        _datum(name, value, unit, at, load.queue)
        for load in loads
        for name, value, unit in (
            ("Backlog", load.backlog, "Count"),
            ("BacklogPerWorker", load.backlog_per_worker, "Count"),
            ("Workers", load.workers, "Count"),
            ("OldestSeconds", load.oldest_seconds, "Seconds"),
            ("DeadLetters", load.dead_letters, "Count"),
        )
        if value is not None
    ]
    known = sum(load.backlog is not None for load in loads)
    if letters_open is not None:
        data.append(_datum(LETTERS, letters_open, "Count", at))
    return [*data, _datum(HEARTBEAT, known, "Count", at)]


def _datum(name: str, value: float, unit: str, at: datetime, queue: str = "") -> dict[str, Any]:
    dimensions = [{"Name": DIMENSION, "Value": queue}] if queue else []
    return {
        "MetricName": name,
        "Dimensions": dimensions,
        "Timestamp": at,
        "Value": float(value),
        "Unit": unit,
    }


class Publisher:
    """One round a minute; what is wrong is logged when it begins and when it is over."""

    def __init__(
        self,
        *,
        client: Callable[[], Any],
        depths: Callable[[], Sequence[QueueDepth]],
        rows: Callable[[], Rows] = read_rows,
    ) -> None:
        self._make_client = client
        self._client: Any = None
        self._depths = depths
        self._rows = rows
        self._problems: dict[str, str] = {}

    def round(self) -> int:
        """Read, publish, and return how many values CloudWatch took."""
        problems: dict[str, str] = {}
        depths = self._depths()
        for depth in depths:
            if depth.problem or depth.ready is None:
                problems[f"the backlog of {depth.name}"] = f"SQS: {depth.problem or 'no answer'}"
            if depth.dead is None:
                problems[f"the dead letters of {depth.name}"] = "SQS did not answer"
        try:
            rows = self._rows()
        except DatabaseError as error:
            connection.close()
            rows = None
            problems["backlog, workers and age of all queues"] = type(error).__name__
        data = metric_data(
            [load_of(depth, rows) for depth in depths],
            clock.now(),
            letters_open=None if rows is None else rows.letters_open,
        )
        try:
            self._client = self._client or self._make_client()
            namespace = settings.CLOUDWATCH_NAMESPACE
            self._client.put_metric_data(Namespace=namespace, MetricData=data)
        except Exception as error:  # noqa: BLE001 - no network, no permission: the next round tries
            problems["anything"] = f"CloudWatch: {type(error).__name__}"
            data = []
        self._say(problems)
        return len(data)

    def _say(self, problems: dict[str, str]) -> None:
        for what, why in problems.items():
            if what not in self._problems:
                logger.warning("Not published for scaling: %s (%s).", what, why)
        for what in self._problems.keys() - problems.keys():
            logger.warning("Published again for scaling: %s.", what)
        self._problems = problems


def cloudwatch() -> Any:
    """A boto3 CloudWatch client for the settings, with time-outs far below a round."""
    session: Any = boto3.Session()
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    return session.client(
        "cloudwatch",
        region_name=settings.AWS_REGION,
        endpoint_url=settings.CLOUDWATCH_ENDPOINT_URL,
        config=config,
    )


@functools.cache
def _access() -> SqsAccess:
    """SQS, without the messages' ages: CloudWatch would want money for them, and a permission."""
    config = Config(
        connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1},
        max_pool_connections=16,
    )  # fmt: skip
    reader = depths.Depths(provision.client(config=config), (), depths.NoAges())
    return SqsAccess(reader=reader)


def publisher() -> Publisher:
    """The publisher of this process."""
    return Publisher(client=cloudwatch, depths=lambda: _access().depths())
