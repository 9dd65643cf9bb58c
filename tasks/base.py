"""The Celery shell around a job: find the delivery's facts, execute, tell the broker the verdict.

There is one task a queue and none a kind: the message says only which row to look at.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from uuid import UUID

from celery import Task
from celery.exceptions import Reject
from celery.utils.log import get_task_logger
from django.conf import settings

from academy.core import clock
from academy.jobs.execute import Verdict, execute
from academy.jobs.keeper import LeaseKeeper
from academy.jobs.lease import Delivery, Worker
from tasks import queues
from tasks.app import app
from tasks.events import outcome
from tasks.worker import drain, fleet

logger = get_task_logger(__name__)


def run_job(task: Task, /, *args: Any, **kwargs: Any) -> str | None:
    """Claim and run the job of a ``{job, version}`` message; the body of every queue's task.

    Returns what became of the job, for Flower and the log; None where its lease was lost.
    Raises celery's Reject: with requeue where another worker may do better, without where nothing
    in the database stands behind the message, so that redrive takes it to the DLQ.
    """
    job_id, version = thin_message(args, kwargs)
    if fleet.holding():
        raise Reject("held back: the queue is paused or the worker drains", requeue=True)
    request = task.request
    became: list[str] = []
    verdict = execute(
        job_id,
        version,
        worker=Worker(f"{request.hostname}/{os.getpid()}", settings.HOST_KIND),
        delivery=Delivery(
            message_id=str(getattr(request, "sqs_message_id", "") or ""),
            receive_count=int(getattr(request, "sqs_receive_count", 0) or 1),
        ),
        keeper=keeper(),
        on_settled=lambda state, code: became.append(outcome.encode(state, code)),
        on_unclaimed=lambda state: became.append(outcome.unclaimed(state)),
    )
    if verdict is Verdict.RELEASE:
        raise Reject("released", requeue=True)
    if verdict is Verdict.POISON:
        raise Reject("poison", requeue=False)
    return became[-1] if became else None


def thin_message(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[UUID, int]:
    """``(job, version)`` of a message; Reject (to the DLQ) when it holds anything else."""
    if args or set(kwargs) != {"job", "version"}:
        raise Reject("poison: not a {job, version} message", requeue=False)
    job, version = kwargs["job"], kwargs["version"]
    if not isinstance(job, str) or not isinstance(version, int) or isinstance(version, bool):
        raise Reject("poison: job or version of the wrong type", requeue=False)
    try:
        job_id = UUID(job)
    except ValueError:
        raise Reject("poison: job is not a UUID", requeue=False) from None
    if not 0 < version < 2**31:
        raise Reject("poison: version out of range", requeue=False)
    return job_id, version


def queue_task(queue: str) -> Any:
    """Register the task of one queue under the name that the table gives it."""
    row = queues.by_name(queue)
    return app.task(
        bind=True,
        name=row.task,
        typing=False,
        soft_time_limit=row.soft_time_limit,
        time_limit=row.time_limit,
    )(run_job)


class _Grace:
    """True once the worker has been draining for longer than held work may take to finish."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def __call__(self) -> bool:
        if not drain.requested():
            return False
        now = clock.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since >= self._seconds


_keepers: dict[int, LeaseKeeper] = {}
_keepers_lock = threading.Lock()


def keeper() -> LeaseKeeper:
    """The lease keeper of this process; a forked child makes its own."""
    pid = os.getpid()
    found = _keepers.get(pid)
    if found is None:
        with _keepers_lock:
            found = _keepers.setdefault(pid, LeaseKeeper(draining=_Grace(queues.finish_seconds())))
    return found
