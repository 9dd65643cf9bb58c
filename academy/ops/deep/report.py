"""What a deep check found, as data: stored as JSON, shown by the API, the console and the command.

Texts are not stored: a finding is a code with facts, see `academy.ops.deep.findings`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Fact = str | int | float | None


class Status(StrEnum):
    """How one part or one queue is."""

    RUNNING = "running"
    """Not known yet."""
    OK = "ok"
    PAUSED = "paused"
    """An operator has paused the queue."""
    BUSY = "busy"
    """All that works there works on something else; nothing is broken."""
    WARNING = "warning"
    """It works, and will not for long."""
    BROKEN = "broken"


class Verdict(StrEnum):
    """What the whole check says."""

    RUNNING = "running"
    OK = "ok"
    """Every part answered and every queue ran its job."""
    ATTENTION = "attention"
    """Nothing is broken, and not everything was proved: a queue is paused or busy."""
    BROKEN = "broken"


class Link(StrEnum):
    """How far a job got, in the order of its way."""

    STORED = "stored"
    """The row is in the database."""
    PUBLISHED = "published"
    """The relay sent its message."""
    CLAIMED = "claimed"
    """A worker took it."""
    SETTLED = "settled"
    """The worker used the object store and wrote the result."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartResult(_Frozen):
    """One part that was asked directly. ``seconds``: how long it took; None: it never answered."""

    name: str
    status: Status
    finding: str
    facts: dict[str, Fact] = {}
    seconds: float | None = None


class QueueResult(_Frozen):
    """One queue. ``took``: seconds that each link needed after the one before it."""

    queue: str
    status: Status
    finding: str
    facts: dict[str, Fact] = {}
    reached: Link | None = None
    took: dict[Link, float] = {}
    job: UUID | None = None


class Report(_Frozen):
    """One deep check. ``overall`` is RUNNING until nothing can change any more."""

    id: UUID
    started_at: datetime
    deadline_at: datetime
    finished_at: datetime | None = None
    parts: list[PartResult]
    queues: list[QueueResult]

    @property
    def verdict(self) -> Verdict:
        """The worst of everything, once the check has finished."""
        if self.finished_at is None:
            return Verdict.RUNNING
        found = {part.status for part in self.parts} | {queue.status for queue in self.queues}
        if Status.BROKEN in found:
            return Verdict.BROKEN
        return Verdict.OK if found <= {Status.OK} else Verdict.ATTENTION


ORDER: Final = tuple(Link)
