"""What a handler is given, and what it gives back. Handlers know neither HTTP nor Celery."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel

from academy.core import tracing
from academy.jobs import lease
from academy.jobs.errors import JobStopped, StopReason
from academy.jobs.models import STEP_CHARS
from academy.jobs.scratch import Scratch
from academy.jobs.storable import storable_number, storable_text

if TYPE_CHECKING:
    from academy.jobs.keeper import Held

P = TypeVar("P", bound=BaseModel)
T = TypeVar("T")
A = ParamSpec("A")


@dataclass(frozen=True)
class Artifact:
    """An object that the job made, under its output prefix. ``size`` in bytes."""

    name: str
    key: str
    content_type: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class Done:
    """The handler is finished; ``result`` is stored as JSON and shown to the client."""

    result: dict[str, Any] = field(default_factory=dict)
    artifacts: Sequence[Artifact] = ()


@dataclass(frozen=True)
class Child:
    """One part of a flow; ``key`` names it within its parent.

    With ``escalates`` it reads again what the parent was not sure of, and is linked to it so.
    """

    key: str
    kind: str
    params: Mapping[str, Any]
    escalates: bool = False


@dataclass(frozen=True)
class FanOut:
    """Run the children, then the same handler again with ``context.phase == then``.

    While they run, the parent's progress goes on to ``until_percent``, by the share that has ended.
    """

    children: Sequence[Child]
    then: str = "join"
    until_percent: float = 100.0


@dataclass(frozen=True)
class ChildResult:
    """What a finished child of the flow left."""

    key: str
    job_id: UUID
    result: dict[str, Any]
    output_prefix: str
    artifacts: list[dict[str, Any]]


class Handler(Protocol):
    """A plain function that does the work of one kind."""

    def __call__(self, context: JobContext[Any], /) -> Done | FanOut:
        """Do one phase of the work."""
        ...


class JobContext(Generic[P]):
    """One attempt of one job, as its handler sees it."""

    def __init__(
        self,
        claim: lease.Claim,
        params: P,
        *,
        scratch: Scratch,
        held: Held,
        log: logging.LoggerAdapter[logging.Logger],
        load_children: Callable[[], list[ChildResult]],
        span: tracing.Span = tracing.NO_SPAN,
    ) -> None:
        self.job_id: UUID = claim.job_id
        self.tenant_id: UUID = claim.tenant_id
        self.kind: str = claim.kind
        self.attempt: int = claim.attempt
        self.phase: str = claim.phase
        self.params: P = params
        self.output_prefix: str = output_prefix(claim.tenant_id, claim.job_id, claim.attempt)
        """Every output object goes under it, in the kind's bucket."""
        self.checkpoint: dict[str, Any] = dict(claim.checkpoint)
        """What an earlier attempt saved."""
        self.log = log
        self._claim = claim
        self._scratch = scratch
        self._held = held
        self._load_children = load_children
        self._span = span
        self._step = ""

    @property
    def scratch(self) -> Path:
        """An empty folder; removed when the attempt ends, however it ends."""
        return self._scratch.path

    def progress(self, step: str, percent: float, *, eta_seconds: float | None = None) -> None:
        """Say where the job is: ``percent`` 0..100 of the whole job, never going back.

        Cheap: the next heartbeat stores the latest call.
        """
        step = storable_text(step, STEP_CHARS)
        percent = min(100.0, max(0.0, percent))
        if step != self._step:
            self._step = step
            self._span.event("step", {"academy.step": step, "academy.percent": percent})
        self._held.report(lease.Progress(step, percent, storable_number(eta_seconds)))

    def span(
        self, name: str, attributes: tracing.Attributes | None = None
    ) -> AbstractContextManager[tracing.Span]:
        """Trace a part of the work; costs nothing where nobody traces. Ids and numbers only."""
        return tracing.span(name, attributes)

    def in_context(self, function: Callable[A, T]) -> Callable[A, T]:
        """The function for a thread of the handler's own: it logs and traces as this attempt.

        A new thread knows nothing of the job; only `log` does, wherever it is used.
        """
        known = contextvars.copy_context()

        def call(*args: A.args, **kwargs: A.kwargs) -> T:
            # A context can be entered once at a time, and the function may run in many threads.
            return known.copy().run(function, *args, **kwargs)

        return call

    def raise_if_cancelled(self) -> None:
        """Raise `JobStopped` when the attempt must end: cancelled, out of time, lease lost."""
        reason = self._held.stop_reason
        if reason is not None:
            raise JobStopped(reason)

    def on_stop(self, callback: Callable[[], None]) -> AbstractContextManager[None]:
        """Call ``callback`` from another thread, once, when the attempt must end.

        For work that blocks: kill the process group there. Called at once when the attempt has
        already been stopped.
        """
        return self._held.on_stop(callback)

    def save_checkpoint(self, data: Mapping[str, Any]) -> None:
        """Store what a later attempt may start from; raises `JobStopped` when fenced off."""
        if not lease.save_checkpoint(self._claim, data):
            raise JobStopped(StopReason.LEASE_LOST)
        self.checkpoint = dict(data)

    def children(self) -> list[ChildResult]:
        """The results of the flow's children, ordered by key; for a phase after a fan-out."""
        return self._load_children()


def output_prefix(tenant_id: UUID, job_id: UUID, attempt: int) -> str:
    """Where an attempt writes; nothing under it counts until the row points to it."""
    return f"t/{tenant_id}/jobs/{job_id}/a{attempt}/"
