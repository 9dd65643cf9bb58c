"""The life of a job, as data.

The same table is written into the database by the migrations (``job_transition``), where a
trigger refuses every other step; a test holds the two together.
"""

from enum import StrEnum
from itertools import pairwise
from typing import Final


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    """Due, or due at ``not_before``; the relay will publish it."""
    PUBLISHED = "published"
    """A message that points at the row is on its queue."""
    RUNNING = "running"
    """A worker holds the lease under the row's attempt number."""
    WAITING = "waiting"
    """Children are at work; their join queues the next phase."""
    RETRY_WAIT = "retry_wait"
    """A transient failure; due again at ``not_before``."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Ended for a reason the user can read and act on."""
    CANCELLED = "cancelled"
    DEAD = "dead"
    """Ended for a reason that operations must look at: retries used up, poison, workers lost."""


class Outcome(StrEnum):
    """How one attempt ended."""

    SUCCEEDED = "succeeded"
    WAITING = "waiting"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    POISON = "poison"
    CANCELLED = "cancelled"
    RELEASED = "released"
    LOST = "lost"


_S = JobState

TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    _S.QUEUED: frozenset({_S.PUBLISHED, _S.RUNNING, _S.CANCELLED}),
    _S.PUBLISHED: frozenset({_S.RUNNING, _S.QUEUED, _S.CANCELLED, _S.DEAD}),
    _S.RUNNING: frozenset(
        {
            _S.SUCCEEDED,
            _S.FAILED,
            _S.CANCELLED,
            _S.DEAD,
            _S.RETRY_WAIT,
            _S.WAITING,
            _S.QUEUED,
        }
    ),
    _S.WAITING: frozenset({_S.QUEUED, _S.FAILED, _S.CANCELLED}),
    _S.RETRY_WAIT: frozenset({_S.QUEUED, _S.CANCELLED}),
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.DEAD: frozenset(),
}

TERMINAL: Final = frozenset(state for state, nexts in TRANSITIONS.items() if not nexts)
IN_FLIGHT: Final = frozenset({_S.PUBLISHED, _S.RUNNING})
"""States that occupy a slot of the tenant on the queue."""
REPLAYABLE: Final = TERMINAL - {_S.SUCCEEDED}


def is_legal(before: JobState, after: JobState) -> bool:
    """Whether the table has this step."""
    return after in TRANSITIONS[before]


def is_legal_path(path: list[JobState]) -> bool:
    """True when ``path`` starts with ``queued`` and every step of it is legal."""
    return path[:1] == [JobState.QUEUED] and all(
        is_legal(before, after) for before, after in pairwise(path)
    )
