"""What a worker's parent says and asks, each in one short statement.

Imports no model: the worker's parent reads this module, and may run without Django.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from academy.fleet.states import WorkerState

Fact = int | float | str

FORGET_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """One life of a worker: from the start of its process to the end.

    ``life`` is a UUIDv7, so that of two processes with one name the younger is known.
    """

    life: UUID
    name: str
    queue: str
    host: str
    host_kind: str
    pool: str
    concurrency: int
    release: str = ""


@dataclass(frozen=True)
class Orders:
    """What the operators want of a worker."""

    paused: bool = False
    """Its queue is paused."""
    drain: bool = False
    """It is to take no new work."""

    @property
    def hold(self) -> bool:
        """Whether no work may start."""
        return self.paused or self.drain


_ASK = """
SELECT EXISTS (SELECT FROM queue_switch WHERE queue = %(queue)s),
       (SELECT drain_asked_at IS NOT NULL FROM worker WHERE name = %(name)s)
"""

# A new life begins undrained. The last words of an old process do not overwrite its successor of
# the same name, which reports instead of it until it stops or is silent.
_REPORT = """
WITH said AS (
    INSERT INTO worker AS known (
        name, life, queue, host, host_kind, pool, concurrency, release, state, held, facts,
        started_at, seen_at, stopped_at, drain_asked_by
    ) VALUES (
        %(name)s, %(life)s, %(queue)s, %(host)s, %(host_kind)s, %(pool)s, %(concurrency)s,
        %(release)s, %(state)s, %(held)s, %(facts)s::jsonb,
        clock_timestamp() - make_interval(secs => %(up)s::float8), clock_timestamp(),
        CASE WHEN %(stopped)s::boolean THEN clock_timestamp() END, ''
    )
    ON CONFLICT (name) DO UPDATE SET
        life = EXCLUDED.life, queue = EXCLUDED.queue, host = EXCLUDED.host,
        host_kind = EXCLUDED.host_kind, pool = EXCLUDED.pool,
        concurrency = EXCLUDED.concurrency, release = EXCLUDED.release,
        state = EXCLUDED.state, held = EXCLUDED.held, facts = EXCLUDED.facts,
        seen_at = EXCLUDED.seen_at, stopped_at = EXCLUDED.stopped_at,
        started_at = CASE WHEN known.life = EXCLUDED.life
            THEN known.started_at ELSE EXCLUDED.started_at END,
        drain_asked_at = CASE WHEN known.life = EXCLUDED.life THEN known.drain_asked_at END,
        drain_asked_by = CASE WHEN known.life = EXCLUDED.life
            THEN known.drain_asked_by ELSE '' END
    WHERE known.life <= EXCLUDED.life OR known.state = 'stopped'
        OR known.seen_at < clock_timestamp() - interval '30 seconds'
    RETURNING drain_asked_at IS NOT NULL AS drain
)
SELECT EXISTS (SELECT FROM queue_switch WHERE queue = %(queue)s),
       COALESCE((SELECT drain FROM said),
                (SELECT drain_asked_at IS NOT NULL FROM worker WHERE name = %(name)s))
"""


def ask(who: Identity) -> Orders | None:
    """The present orders; None where the worker is not known, and must report."""
    row = _row(_ASK, {"queue": who.queue, "name": who.name})
    return None if row[1] is None else Orders(*row)


def report(
    who: Identity,
    *,
    state: WorkerState,
    held: int,
    facts: Mapping[str, Fact],
    up_seconds: float,
) -> Orders:
    """Write the worker's row and return the present orders.

    Started again under its name, a worker is undrained.
    """
    row = _row(
        _REPORT,
        {
            "name": who.name,
            "life": who.life,
            "queue": who.queue,
            "host": who.host,
            "host_kind": who.host_kind,
            "pool": who.pool,
            "concurrency": who.concurrency,
            "release": who.release,
            "state": state.value,
            "stopped": state is WorkerState.STOPPED,
            "held": held,
            "facts": json.dumps(dict(facts), allow_nan=False),
            "up": up_seconds,
        },
    )
    return Orders(paused=bool(row[0]), drain=bool(row[1]))


def forget_workers() -> int:
    """Delete the rows of workers that nobody has seen for a day; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM worker WHERE seen_at < clock_timestamp() - make_interval(secs => %s)",
            [FORGET_AFTER.total_seconds()],
        )
        return int(cursor.rowcount)


def _row(statement: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
