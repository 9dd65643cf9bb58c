"""What no worker can say: jobs whose worker was killed, and jobs that end while nobody runs them.

The relay says it, from the jobs' own events, so that Flower does not show them as running for ever.
It reads what was committed since its last round by transaction (``job_event.tx``): every
transaction below the oldest running one is over. A relay that starts looks back a little, and two
relays say the same; Flower takes such an event once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from django.db import connection

from tasks.events.outbox import outbox
from tasks.events.packing import Event
from tasks.events.redact import ARGS, KWARGS, exception, task_name

logger = logging.getLogger(__name__)

SWEEP: Final = "flower.endings"
LOOK_BACK: Final = 10_000
"""Transactions before its start that a relay also looks at: it may have been away."""
TOLD_BY: Final = "told_by"
"""Marks these events: they are no sign of life of the worker that they name."""

_UNTIL = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
# A job that was never claimed is none that Flower shows; one that its own worker settled was told.
_ENDINGS = """
SELECT event.job_id::text, extract(epoch FROM event.at)::float8, event.to_state,
       COALESCE(event.data->>'code', ''), job.kind, job.lease_owner
FROM job_event event
JOIN job ON job.id = event.job_id
LEFT JOIN job_attempt attempt
    ON attempt.job_id = event.job_id AND attempt.number = event.attempt
WHERE event.tx >= %s AND event.tx < %s AND event.attempt > 0 AND (
    (event.from_state = 'running' AND attempt.outcome = 'lost'
     AND event.to_state IN ('queued', 'dead', 'cancelled'))
    OR (event.from_state IN ('waiting', 'retry_wait', 'queued', 'published')
        AND event.to_state IN ('failed', 'dead', 'cancelled'))
)
"""
_TYPES: Final[Mapping[str, str]] = {
    "queued": "task-retried",
    "failed": "task-failed",
    "dead": "task-failed",
    "cancelled": "task-revoked",
}


class Ending(NamedTuple):
    """One row of the query; ``state`` is what the job became, ``owner`` who had its lease last."""

    job: str
    at: float
    state: str
    code: str
    kind: str
    owner: str


class Endings:
    """Remembers where it stopped; *put* takes an event and returns at once."""

    def __init__(self, put: Callable[[Event], None] | None = None) -> None:
        self._put = put
        self._since: int | None = None

    def tell(self) -> int:
        """Say what ended since the last round; returns how many."""
        with connection.cursor() as cursor:
            cursor.execute(_UNTIL)
            (until,) = cursor.fetchone()
            since = max(0, until - LOOK_BACK) if self._since is None else self._since
            cursor.execute(_ENDINGS, [since, until])
            rows = cursor.fetchall()
        put = self._put or outbox().put
        for row in rows:
            put(_event(Ending(*row)))
        self._since = until
        return len(rows)


def _event(ending: Ending) -> Event:
    event: dict[str, Any] = {
        "type": _TYPES[ending.state],
        "uuid": ending.job,
        # The worker that had it last: its row in Flower counts the failure.
        "hostname": ending.owner.rpartition("/")[0] or "relay",
        "timestamp": ending.at,
        "utcoffset": 0,
        "pid": 0,
        "clock": 0,
        "name": task_name(ending.kind),
        "args": ARGS,
        "kwargs": KWARGS,
        TOLD_BY: "relay",
    }
    if ending.state == "queued":
        event["exception"] = "worker_lost"
    elif ending.state == "cancelled":
        event["terminated"] = False
    else:
        event["exception"] = exception(f"{ending.code} ({ending.state})")
    return event
