"""What the platform's own pages need of SQS, as a port: ``academy`` knows no queue's name.

:mod:`tasks` registers the adapter when Django starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class QueueFacts:
    """What is fixed about a queue; seconds."""

    name: str
    sqs_name: str
    dlq_name: str
    pool: str
    concurrency: int
    host_kinds: frozenset[str]
    visibility_seconds: int
    max_receive_count: int
    publish_window: int


@dataclass(frozen=True)
class QueueDepth:
    """What SQS says of a queue now; its numbers are approximations, None where it said nothing.

    ``oldest_seconds`` is None wherever CloudWatch does not serve it.
    """

    name: str
    ready: int | None = None
    in_flight: int | None = None
    delayed: int | None = None
    oldest_seconds: int | None = None
    dead: int | None = None
    """Messages in the dead-letter queue, whoever holds them."""
    problem: str = ""
    """The class of the error where SQS did not answer."""


@dataclass(frozen=True)
class DeadMessage:
    """A message received from a dead-letter queue; it is there until it is deleted."""

    message_id: str
    receipt: str
    body: str
    sent_at: datetime | None
    receive_count: int
    group: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


class QueueAccess(Protocol):
    """All but :meth:`facts` ask SQS, and all but it and the depths raise QueueAccessError."""

    def facts(self) -> Sequence[QueueFacts]:
        """The table of queues, in its order."""

    def depths(self) -> Sequence[QueueDepth]:
        """Every queue's depth, in the table's order; at most 2 s old; never raises."""

    def events_depths(self) -> Sequence[QueueDepth]:
        """The depths of the queues that carry events to Flower, by their SQS names; as above."""

    def receive_dead(self, queue: str, *, limit: int, hold_seconds: int) -> list[DeadMessage]:
        """Up to ``limit`` messages of the queue's dead-letter queue, hidden for that long."""

    def delete_dead(self, queue: str, receipts: Sequence[str]) -> list[str]:
        """Delete received dead letters; returns the receipts that SQS did not confirm."""

    def send(self, queue: str, body: str, *, group: str = "") -> str:
        """Send a raw body to the queue itself; returns SQS's message id."""


class QueueAccessError(Exception):
    """SQS did not do what it was asked; the text names the operation and the error's class."""


_access: QueueAccess | None = None


def register(access: QueueAccess) -> None:
    """Say who reaches SQS for this process."""
    global _access  # noqa: PLW0603 - one adapter a process, set once at start
    _access = access


def queue_access() -> QueueAccess:
    """The adapter of this process."""
    if _access is None:
        raise RuntimeError("no queue access is registered: the app 'tasks' is not installed")
    return _access
