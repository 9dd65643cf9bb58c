"""Reads for the console: every queue with its rows, its pace and who works on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from django.db.models import Count

from academy.deadletters.models import DeadLetter, LetterState
from academy.fleet import selectors as fleet
from academy.fleet.queue_access import queue_access
from academy.fleet.selectors import QueueView
from academy.jobs.states import TERMINAL, JobState

IN_FLIGHT_LIMIT: Final = 120_000
"""Messages that a standard SQS queue lets be in flight; beyond it a receive fails (OverLimit).

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""
PACE_WINDOW: Final = timedelta(minutes=5)
FAILED_WINDOW: Final = timedelta(hours=1)
STATEMENT_MS: Final = 2_000
"""A count that takes longer is given up: the page says that it does not know."""

# statement_timestamp() is asked once; clock_timestamp() would be, for each row.
_OPEN: Final = """
SELECT queue,
    count(*) FILTER (WHERE state = 'queued' AND not_before <= statement_timestamp()) AS due,
    count(*) FILTER (WHERE state = 'queued' AND not_before > statement_timestamp()) AS later,
    count(*) FILTER (WHERE state = 'published') AS published,
    count(*) FILTER (WHERE state = 'running') AS running,
    count(*) FILTER (WHERE state = 'retry_wait') AS retry_wait,
    count(*) FILTER (WHERE state = 'waiting') AS waiting,
    EXTRACT(epoch FROM statement_timestamp() - min(not_before) FILTER (
        WHERE state IN ('queued', 'published') AND not_before <= statement_timestamp()))::float8
        AS oldest_seconds
FROM job WHERE finished_at IS NULL GROUP BY queue
"""

# Each queue and terminal state is one range of the index ``job_ended``; a volatile clock would make
# it read them whole.
_ENDED: Final = """
SELECT queue, state, count(*) FROM job
WHERE queue = ANY(%s) AND state = ANY(%s) AND finished_at > statement_timestamp() - %s
GROUP BY queue, state
"""


@dataclass(frozen=True)
class Rows:
    """The jobs of a queue that have not ended, by what they wait for."""

    due: int = 0
    """Queued and due: the relay may publish them as soon as their academy has a free slot."""
    later: int = 0
    """Queued for a later moment."""
    published: int = 0
    running: int = 0
    retry_wait: int = 0
    waiting: int = 0
    """Flows whose parts are at work."""
    oldest_seconds: float | None = None
    """How long the longest-waiting job that could run has waited for a worker."""

    @property
    def to_come(self) -> int:
        """What has not begun and will: due, for later, sent, or waiting to be retried."""
        return self.due + self.later + self.published + self.retry_wait

    @property
    def backlog(self) -> int:
        """What workers could work off now."""
        return self.due + self.published + self.running


@dataclass(frozen=True)
class QueueRow:
    """One queue as the console shows it; ``rows`` is None where counting took too long."""

    view: QueueView
    rows: Rows | None
    ended: int | None
    """Jobs that ended within `PACE_WINDOW`, whichever way."""
    letters: int

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.view.facts.name

    @property
    def per_minute(self) -> float | None:
        """Jobs that ended a minute, lately."""
        return None if self.ended is None else self.ended / (PACE_WINDOW.total_seconds() / 60)

    @property
    def drain_seconds(self) -> float | None:
        """How long the backlog takes at the present pace; None: nobody can say."""
        if self.rows is None:
            return None
        if self.rows.backlog == 0:
            return 0.0
        if not self.ended or self.view.switch is not None:
            return None
        return self.rows.backlog / self.ended * PACE_WINDOW.total_seconds()

    @property
    def in_flight_share(self) -> float | None:
        """How much of SQS's limit is used, from 0 to 1."""
        in_flight = self.view.depth.in_flight
        return None if in_flight is None else in_flight / IN_FLIGHT_LIMIT


@dataclass(frozen=True)
class Failures:
    """Jobs that ended badly within `FAILED_WINDOW`, by queue; None where nobody could count."""

    by_queue: dict[str, int] | None = field(default_factory=dict)

    @property
    def total(self) -> int | None:
        """Over all queues."""
        return None if self.by_queue is None else sum(self.by_queue.values())


def queues_overview() -> list[QueueRow]:
    """Every queue, in the table's order."""
    views = fleet.queues_list()
    names = [view.facts.name for view in views]
    rows = _open_rows()
    ended = _ended(names, [state.value for state in TERMINAL], PACE_WINDOW)
    letters = letters_open()
    return [
        QueueRow(
            view=view,
            rows=None if rows is None else rows.get(view.facts.name, Rows()),
            ended=None if ended is None else sum(ended.get(view.facts.name, {}).values()),
            letters=letters.get(view.facts.name, 0),
        )
        for view in views
    ]


def failures() -> Failures:
    """What failed or died lately."""
    names = [view.name for view in queue_access().facts()]
    counted = _ended(names, [JobState.FAILED.value, JobState.DEAD.value], FAILED_WINDOW)
    if counted is None:
        return Failures(None)
    return Failures({queue: sum(states.values()) for queue, states in counted.items()})


def letters_open() -> dict[str, int]:
    """Dead letters that nobody has dealt with, by queue."""
    found = DeadLetter.objects.filter(state=LetterState.OPEN).values_list("queue")
    return dict(found.annotate(number=Count("*")).order_by())


def _open_rows() -> dict[str, Rows] | None:
    found = _bounded(_OPEN, [])
    return None if found is None else {row[0]: Rows(*row[1:]) for row in found}


def _ended(
    queues: list[str], states: list[str], window: timedelta
) -> dict[str, dict[str, int]] | None:
    found = _bounded(_ENDED, [queues, states, window])
    if found is None:
        return None
    counted: dict[str, dict[str, int]] = {}
    for queue, state, number in found:
        counted.setdefault(queue, {})[state] = number
    return counted


def _bounded(statement: str, values: list[Any]) -> list[tuple[Any, ...]] | None:
    """Rows of a statement that must not hold the page up; None where it took too long."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            cursor.execute(statement, values)
            return list(cursor.fetchall())
    except OperationalError as error:
        if is_timeout(error):
            return None
        raise


def is_timeout(error: OperationalError) -> bool:
    """Whether the database gave a statement up because it took too long (SQLSTATE 57014)."""
    return getattr(error.__cause__, "sqlstate", "") == "57014"
