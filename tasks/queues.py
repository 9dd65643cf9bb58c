"""The one table of queues.

Routes, Celery's settings, worker command lines, the queues' attributes and dead-letter queues and,
later, the deployed stack are all made from :func:`table`. Standard library only, so that whatever
deploys the platform can import it without Celery or Django.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Pool = Literal["prefork", "threads"]
HostKind = Literal["cpu", "gpu"]

DAY = 24 * 60 * 60
#: SQS refuses to keep a message invisible for longer than this after its receive.
MAX_INVISIBLE_SECONDS = 12 * 60 * 60
DLQ_SUFFIX = "-dlq"
EVENTS_QUEUE = "academy-events"
_SQS_NAME = re.compile(r"[A-Za-z0-9_-]{1,76}")  # 80, less the suffix of the dead-letter queue


class QueueConfigError(ValueError):
    """The environment names a queue, a host kind or a number that cannot be used."""


@dataclass(frozen=True)
class Queue:
    """One logical queue and everything that follows from it.

    ``name`` is what Celery, the jobs table and the logs say; ``sqs_name`` is what it is called on
    SQS. All durations are seconds.
    """

    name: str
    env: str
    sqs_name: str
    pool: Pool
    concurrency: int
    soft_time_limit: int | None
    time_limit: int | None
    #: Rows the relay keeps published and unclaimed: small enough that the relay, not SQS, decides
    #: whose job is next, large enough that no worker waits for it.
    publish_window: int
    host_kinds: frozenset[HostKind]
    visibility_seconds: int = 120
    max_receive_count: int = 5
    retention_seconds: int = 4 * DAY
    #: SQS counts a dead letter's age from its first send: keep it longer than its source does.
    dlq_retention_seconds: int = 14 * DAY
    prefetch_multiplier: int = 1
    #: MiB that a pool process may have held at once: after the job that went beyond, a new process
    #: takes its place. None: its heavy work is done in processes that end with it.
    child_memory_mb: int | None = None

    @property
    def dlq_name(self) -> str:
        """SQS name of the dead-letter queue."""
        return self.sqs_name + DLQ_SUFFIX

    @property
    def task(self) -> str:
        """The only task a worker of this queue runs, e.g. ``academy.ai_lite.run``."""
        return f"academy.{self.slug}.run"

    @property
    def module(self) -> str:
        """The module that defines :attr:`task`, e.g. ``tasks.ai_lite``."""
        return f"tasks.{self.slug}"

    @property
    def slug(self) -> str:
        """The name as an identifier: ``ai-lite`` is ``ai_lite``."""
        return self.name.replace("-", "_")


@dataclass(frozen=True)
class EventsQueue:
    """One SQS queue that carries what workers say to one Flower; it has no dead-letter queue.

    Nothing in it is worth more than an hour: whoever looks wants to see now.
    """

    sqs_name: str
    retention_seconds: int = 60 * 60
    #: A Flower that is killed while it reads shows what it had received this much later.
    visibility_seconds: int = 30


_ANY_HOST: frozenset[HostKind] = frozenset({"cpu", "gpu"})
_GPU_HOST: frozenset[HostKind] = frozenset({"gpu"})


def _rows() -> tuple[Queue, ...]:
    return (
        Queue(
            name="video",
            env="SQS_QUEUE_VIDEO",
            sqs_name="academy-video-jobs",
            pool="prefork",
            concurrency=1,
            soft_time_limit=7 * 60 * 60,
            time_limit=7 * 60 * 60 + 300,
            publish_window=20,
            host_kinds=_ANY_HOST,
            # A long encode meets more deployments, and each shutdown's release counts as a receive.
            max_receive_count=8,
        ),
        Queue(
            name="ai-lite",
            env="SQS_QUEUE_AI_LITE",
            sqs_name="academy-ai-jobs-lite",
            pool="prefork",
            concurrency=2,
            soft_time_limit=7 * 60 * 60,
            time_limit=7 * 60 * 60 + 300,
            publish_window=200,
            child_memory_mb=2048,
            host_kinds=_ANY_HOST,
        ),
        Queue(
            name="ai-basic",
            env="SQS_QUEUE_AI_BASIC",
            sqs_name="academy-ai-jobs-basic",
            pool="prefork",
            concurrency=1,
            soft_time_limit=7 * 60 * 60,
            time_limit=7 * 60 * 60 + 300,
            publish_window=100,
            child_memory_mb=3072,
            host_kinds=_ANY_HOST,
        ),
        Queue(
            name="ai-premium",
            env="SQS_QUEUE_AI_PREMIUM",
            sqs_name="academy-ai-jobs-premium",
            pool="prefork",
            concurrency=1,
            soft_time_limit=7 * 60 * 60,
            time_limit=7 * 60 * 60 + 300,
            publish_window=20,
            child_memory_mb=8192,
            host_kinds=_GPU_HOST,
        ),
        Queue(
            name="messaging",
            env="SQS_QUEUE_MESSAGING",
            sqs_name="academy-messaging-jobs",
            pool="threads",
            concurrency=8,
            # A thread cannot be stopped from outside: the handlers' own I/O time-outs apply.
            soft_time_limit=None,
            time_limit=None,
            publish_window=500,
            host_kinds=_ANY_HOST,
        ),
    )


def table(environ: Mapping[str, str] = os.environ) -> tuple[Queue, ...]:
    """The queues as *environ* has them: names, visibility and hosts may be overridden.

    Raises QueueConfigError when an override cannot be used.
    """
    visibility = _whole(environ, "SQS_VISIBILITY_SECONDS", None, 2, MAX_INVISIBLE_SECONDS)
    premium_on_cpu = _flag(environ, "PREMIUM_ON_CPU")
    rows = []
    for row in _rows():
        changes: dict[str, Any] = {}
        if name := environ.get(row.env):
            if not _SQS_NAME.fullmatch(name):
                raise QueueConfigError(
                    f"{row.env}={name!r} is no SQS queue name: use 1 to 76 letters, digits, - or _."
                )
            changes["sqs_name"] = name
        if visibility is not None:
            changes["visibility_seconds"] = visibility
        if premium_on_cpu and row.name == "ai-premium":
            changes["host_kinds"] = _ANY_HOST
        rows.append(replace(row, **changes))
    _refuse_shared_names(rows, events_queues(environ))
    return tuple(rows)


def by_name(name: str, environ: Mapping[str, str] = os.environ) -> Queue:
    """The queue with the logical *name*; QueueConfigError names the ones that exist."""
    rows = table(environ)
    for row in rows:
        if row.name == name:
            return row
    raise QueueConfigError(
        f"There is no queue {name!r}. The queues are: {', '.join(row.name for row in rows)}."
    )


def events_queues(environ: Mapping[str, str] = os.environ) -> tuple[EventsQueue, ...]:
    """Where workers send their events: ``SQS_QUEUE_EVENTS``, one name, or one for each Flower.

    Raises QueueConfigError for a name that SQS does not allow or that is given twice.
    """
    raw = environ.get("SQS_QUEUE_EVENTS") or EVENTS_QUEUE
    names = [name.strip() for name in raw.split(",")]
    for name in names:
        if not _SQS_NAME.fullmatch(name):
            raise QueueConfigError(
                f"SQS_QUEUE_EVENTS={raw!r}: {name!r} is no SQS queue name. Use 1 to 76 letters, "
                "digits, - or _, and commas between several names."
            )
    if len(set(names)) != len(names):
        raise QueueConfigError(f"SQS_QUEUE_EVENTS={raw!r} names a queue twice.")
    return tuple(EventsQueue(name) for name in names)


def events_flush_seconds(environ: Mapping[str, str] = os.environ) -> int:
    """How often a worker sends what it has to say (``EVENTS_FLUSH_SECONDS``, 5 where unset).

    0 turns events off. A worker's heartbeat comes every second flush: a worker whose heartbeats
    arrived in pairs would seem to die and come back.
    """
    seconds = _whole(environ, "EVENTS_FLUSH_SECONDS", 5, 0, 300)
    assert seconds is not None
    return seconds


def heartbeat_seconds(environ: Mapping[str, str] = os.environ) -> int:
    """How often a worker says that it lives, and what it is doing."""
    return 2 * max(events_flush_seconds(environ), 1)


def routes() -> dict[str, dict[str, str]]:
    """Celery's ``task_routes``: every queue's task to its queue, and nothing else."""
    return {row.task: {"queue": row.name} for row in _rows()}


def task_modules() -> tuple[str, ...]:
    """The modules a worker imports to find its tasks."""
    return tuple(row.module for row in _rows())


def worker_argv(
    queue: str, *, app: str = "tasks.app", environ: Mapping[str, str] = os.environ
) -> list[str]:
    """The exact command line of a worker of *queue*, without the interpreter.

    One queue a worker: a worker of several would hold one queue's message behind another's task.
    Gossip and mingle speak over broadcast, which SQS does not have; heartbeats go to Flower.
    """
    row = by_name(queue, environ)
    argv = ["celery", "-A", app, "worker", "-Q", row.name, "-n", f"{row.name}@%h"]
    argv += ["--pool", row.pool, "--concurrency", str(row.concurrency)]
    argv += ["--prefetch-multiplier", str(row.prefetch_multiplier)]
    if row.pool == "prefork":
        argv += ["-O", "fair"]
    if row.child_memory_mb is not None:
        argv += ["--max-memory-per-child", str(row.child_memory_mb << 10)]
    argv += ["--without-gossip", "--without-mingle"]
    argv += ["--heartbeat-interval", str(heartbeat_seconds(environ))]
    return argv


def host_kind(environ: Mapping[str, str] = os.environ) -> HostKind:
    """What this computer is, from ``HOST_KIND``; ``cpu`` where nothing is said."""
    match environ.get("HOST_KIND") or "cpu":
        case "cpu":
            return "cpu"
        case "gpu":
            return "gpu"
        case other:
            raise QueueConfigError(f"HOST_KIND={other!r} must be cpu or gpu.")


def wait_seconds(environ: Mapping[str, str] = os.environ) -> int:
    """How long SQS holds an empty receive open (``SQS_WAIT_SECONDS``, 20 where unset)."""
    wait = _whole(environ, "SQS_WAIT_SECONDS", 20, 0, 20)
    assert wait is not None
    return wait


def finish_seconds(environ: Mapping[str, str] = os.environ) -> int:
    """How long a worker that is told to stop may go on with what it holds.

    After that it gives the job back (``WORKER_FINISH_SECONDS``, 30 where unset).
    """
    seconds = _whole(environ, "WORKER_FINISH_SECONDS", 30, 0, MAX_INVISIBLE_SECONDS)
    assert seconds is not None
    return seconds


def client_options(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Keyword arguments of a boto3 SQS client: region, and the endpoint where one is set.

    Credentials are left to boto3's own chain, so that roles and session tokens work.
    """
    options = {"region_name": environ.get("AWS_REGION") or "ap-northeast-2"}
    if endpoint := environ.get("SQS_ENDPOINT_URL"):
        options["endpoint_url"] = endpoint
    return options


def transport_options(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Celery's ``broker_transport_options`` for :mod:`tasks.transport`."""
    client = client_options(environ)
    rows = table(environ)
    return {
        "region": client["region_name"],
        "endpoint_url": client.get("endpoint_url"),
        "wait_time_seconds": wait_seconds(environ),
        "visibility_timeout": rows[0].visibility_seconds,
        "predefined_queues": {row.name: {"name": row.sqs_name} for row in rows},
        "sqs_base64_encoding": False,
        "body_encoding": "utf-8",
        "accept_compression": False,
        "requeue_backoff": {"base": 2.0, "factor": 2.5, "cap": 60.0},
        "reject_visibility_seconds": min(5, rows[0].visibility_seconds),
        # The relay publishes: it must learn of a dead broker before its rows' lease is over.
        "client-config": {
            "connect_timeout": 5,
            "read_timeout": 10,
            "retries": {"mode": "standard", "total_max_attempts": 3},
        },
    }


def _refuse_shared_names(rows: list[Queue], events: tuple[EventsQueue, ...]) -> None:
    taken = {queue.sqs_name: "SQS_QUEUE_EVENTS" for queue in events}
    for row in rows:
        for name in (row.sqs_name, row.dlq_name):
            if other := taken.get(name):
                raise QueueConfigError(
                    f"{row.env} and {other} both use the SQS queue {name!r}: give each its own."
                )
            taken[name] = row.env


def _whole(
    environ: Mapping[str, str], key: str, default: int | None, low: int, high: int
) -> int | None:
    raw = environ.get(key)
    if not raw:
        return default
    if not raw.isdecimal() or not low <= int(raw) <= high:
        raise QueueConfigError(f"{key}={raw!r} must be a whole number from {low} to {high}.")
    return int(raw)


def _flag(environ: Mapping[str, str], key: str) -> bool:
    raw = environ.get(key) or "0"
    if raw not in ("0", "1"):
        raise QueueConfigError(f"{key}={raw!r} must be 0 or 1.")
    return raw == "1"
