"""The one checker of what must hold, whatever happened: I1, I2, I6, I7 and I8 on the rows.

An operator asks it after a restore (``manage.py check_invariants``), the stateful test after every
step, the acceptance tests and the chaos harness at the end. Each function returns sentences, one
for each thing found wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from django.db import connection

from academy.jobs.states import IN_FLIGHT, TERMINAL, JobState, Outcome, is_legal_path

_HISTORIES = """
SELECT job.id, job.state, job.event_seq, job.attempt, job.error_code, job.output_prefix,
    (SELECT json_agg(json_build_array(e.seq, e.type, e.from_state, e.to_state, e.attempt)
                     ORDER BY e.seq) FROM job_event e WHERE e.job_id = job.id)
FROM job WHERE job.id > %s ORDER BY job.id LIMIT %s
"""

_ATTEMPTS = """
SELECT job_id, number, outcome, started_at, ended_at FROM job_attempt
WHERE job_id > %s AND job_id <= %s ORDER BY job_id, number
"""

PAGE: Final = 2_000
_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True)
class Event:
    """One line of a job's event log."""

    seq: int
    type: str
    before: str
    after: str
    attempt: int


@dataclass(frozen=True)
class History:
    """A job's row beside its event log."""

    job_id: UUID
    state: str
    event_seq: int
    attempt: int
    error_code: str
    output_prefix: str
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Attempt:
    """One row of the attempts' table."""

    number: int
    outcome: str
    started_at: datetime
    ended_at: datetime | None


def histories() -> list[History]:
    """Every job's; `pages` for more of them than memory holds."""
    return [row for rows in pages() for row in rows]


def pages(size: int = PAGE) -> Iterator[list[History]]:
    """Every job's row and log, a page at a time."""
    after = _FIRST
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_HISTORIES, [after, size])
            rows = [_history(row) for row in cursor.fetchall()]
        if not rows:
            return
        yield rows
        after = rows[-1].job_id


def _history(row: Sequence[Any]) -> History:
    job_id, state, event_seq, attempt, error_code, output_prefix, log = row
    events = tuple(Event(*event) for event in _decoded(log))
    return History(job_id, state, event_seq, attempt, error_code, output_prefix, events)


def attempts(after: UUID = _FIRST, until: UUID = _LAST) -> dict[UUID, list[Attempt]]:
    """The attempts of the jobs after one and up to another, by job."""
    found: dict[UUID, list[Attempt]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ATTEMPTS, [after, until])
        for job_id, *columns in cursor.fetchall():
            found.setdefault(job_id, []).append(Attempt(*columns))
    return found


def _decoded(value: Any) -> Sequence[Any]:
    return json.loads(value) if isinstance(value, str) else value or ()


def each_once(accepted: Iterable[UUID], rows: Iterable[History]) -> list[str]:
    """I1: every accepted submission has exactly one row."""
    asked, stored = Counter(accepted), Counter(row.job_id for row in rows)
    wrong = [f"I1: {job_id} was accepted and has no row" for job_id in asked if not stored[job_id]]
    wrong += [f"I1: {job_id} was answered {n} times" for job_id, n in asked.items() if n > 1]
    return wrong


def at_rest(rows: Iterable[History]) -> list[str]:
    """I2 and I7 at rest: every row has ended, and no slot is held."""
    wrong = [f"I2: {row.job_id} is still {row.state}" for row in rows if row.state not in TERMINAL]
    held = [row for row in rows if row.state in IN_FLIGHT]
    return wrong + ([f"I7: {len(held)} slots are held at rest"] if held else [])


def legal(rows: Iterable[History]) -> list[str]:
    """I2 and I7 at any time: the log is a legal path to the row's state, without a gap."""
    wrong = []
    for row in rows:
        events = row.events
        path = [JobState(event.after) for event in events if event.before != event.after]
        same = [event.type for event in events if event.before == event.after]
        if [event.seq for event in events] != list(range(1, row.event_seq + 1)):
            wrong.append(f"I7: the events of {row.job_id} have a gap or are not all there")
        if not is_legal_path(path):
            wrong.append(f"I2: {row.job_id} went {' > '.join(path)}")
        if set(same) - {"taken_over", "cancel_requested"}:
            wrong.append(f"I2: {row.job_id} has events without a transition: {same}")
        if any(a.after != b.before for a, b in pairwise(events)):
            wrong.append(f"I2: the log of {row.job_id} has a hole between two states")
        if not events or events[-1].after != row.state:
            wrong.append(f"I7: {row.job_id} is {row.state} and its log says otherwise")
        if any(event.after in TERMINAL for event in events[:-1]):
            wrong.append(f"I2: {row.job_id} went on after its end")
        if row.state in {"failed", "dead"} and not row.error_code:
            wrong.append(f"I2: {row.job_id} is {row.state} without a reason")
    return wrong


def fenced(rows: Iterable[History], tried: Mapping[UUID, Sequence[Attempt]]) -> list[str]:
    """I8: no write of attempt n after attempt n + 1 was claimed."""
    wrong = []
    for row in rows:
        own = tried.get(row.job_id, [])
        numbers = [event.attempt for event in row.events]
        if numbers != sorted(numbers):
            wrong.append(f"I8: an older attempt of {row.job_id} wrote after a newer one")
        if [attempt.number for attempt in own] != list(range(1, row.attempt + 1)):
            wrong.append(f"I8: the attempts of {row.job_id} are not 1 to {row.attempt}")
        is_open = [attempt.number for attempt in own if attempt.ended_at is None]
        if is_open != ([row.attempt] if row.state == JobState.RUNNING else []):
            wrong.append(f"I8: attempts {is_open} of {row.job_id}, {row.state}, are open")
        for before, after in pairwise(own):
            taken_over = before.outcome == Outcome.LOST
            if (
                before.ended_at is not None
                and before.ended_at > after.started_at
                and not taken_over
            ):
                wrong.append(
                    f"I8: attempt {before.number} of {row.job_id} ended after the next began"
                )
        won = [attempt.number for attempt in own if attempt.outcome == Outcome.SUCCEEDED]
        if won != ([row.attempt] if row.state == JobState.SUCCEEDED else []):
            wrong.append(f"I8: attempts {won} of {row.job_id}, {row.state}, succeeded")
        if row.output_prefix and not row.output_prefix.endswith(f"/a{row.attempt}/"):
            wrong.append(f"I8: {row.job_id} points to the output of an attempt that did not win")
    return wrong


@dataclass(frozen=True)
class Found:
    """What a check of everything found."""

    jobs: int
    open: int
    """Jobs that have not ended."""
    wrong: list[str]


def check(*, page: int = PAGE) -> Found:
    """Everything that holds at any moment, over every job, in pages."""
    jobs = still = 0
    wrong: list[str] = []
    after = _FIRST
    for rows in pages(page):
        until = rows[-1].job_id
        wrong += legal(rows) + fenced(rows, attempts(after, until))
        jobs += len(rows)
        still += sum(row.state not in TERMINAL for row in rows)
        after = until
    return Found(jobs, still, wrong)


def always() -> list[str]:
    """Everything that holds at any moment."""
    return check().wrong


def finally_(accepted: Iterable[UUID]) -> list[str]:
    """Everything that holds once all is over."""
    rows = histories()
    return each_once(accepted, rows) + at_rest(rows) + legal(rows) + fenced(rows, attempts())


_UNLISTED = """
SELECT id FROM job WHERE state = 'dead'
EXCEPT SELECT job_id FROM dead_letter WHERE source = 'job'
"""

_UNENDED = """
SELECT letter.id, run.state FROM dead_letter letter
LEFT JOIN job run ON run.id = letter.replayed_as_id
WHERE letter.state = 'replaying'
   OR (letter.state = 'replayed' AND letter.resent_as = '' AND NOT run.state = ANY(%s))
"""


def listed(unread: int = 0) -> list[str]:
    """I6 at rest, once the collectors had time: every dead row has a letter, every replay an end.

    ``unread`` is how many messages the dead-letter queues still hold.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNLISTED)
        wrong = [f"I6: {job_id} is dead and not listed" for (job_id,) in cursor.fetchall()]
        cursor.execute(_UNENDED, [[state.value for state in TERMINAL]])
        wrong += [f"I6: the replay of {row[0]} is {row[1]}" for row in cursor.fetchall()]
    return wrong + ([f"I6: {unread} messages of dead-letter queues are unread"] if unread else [])
