"""The registry of job kinds: what can be submitted, to which queue, and who handles it.

A domain registers its kinds from ``kinds.py``, which its ``AppConfig.ready`` imports. The handler
is a dotted name, so that the API never imports ffmpeg, torch or any other tool of a worker.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from academy.tenants.scopes import Scope

if TYPE_CHECKING:
    from academy.jobs.context import Handler
    from academy.jobs.models import Job
    from academy.jobs.submit import Order


class Params(BaseModel):
    """Base of every kind's parameters: unknown fields are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class KindSpec(Generic[P]):
    """One kind of job.

    It runs on ``queue``; where the kind has engines on several, ``tiers`` are the other queues and
    ``route`` says, once and for all when the job is stored, on which it runs. Like ``check``,
    ``route`` raises `AppError` (4xx) for what it refuses: a job never moves to another tier by
    itself.

    ``check`` runs before anything is stored and raises `AppError` (4xx) for foreign or missing
    objects. ``on_submitted``, ``on_succeeded`` and ``on_ended`` run inside the transaction that
    stores, completes or ends the job: they see and change the database only.
    """

    name: str
    version: int
    queue: str
    params: type[P]
    handler: str
    bucket: str
    max_attempts: int = 5
    timeout_seconds: int = 6 * 3600
    internal: bool = False
    """Only a flow, or the platform's own housekeeping, may create it; the API refuses it."""
    tiers: tuple[str, ...] = ()
    route: Callable[[UUID, P], str] | None = None
    result: type[BaseModel] | None = None
    """What a finished job's result looks like, for the published schema."""
    reads: Scope | None = None
    """The right that is needed, beside ``jobs:read``, to see what a job was given and made."""
    writes: Scope | None = None
    """The right that is needed, beside ``jobs:write``, to submit one."""
    check: Callable[[UUID, P], None] | None = None
    follow_up: Callable[[Job], Order | None] | None = None
    """The job that would read again what a succeeded one was not sure of; None: nothing is left."""
    on_submitted: Callable[[Job, P], None] | None = None
    on_succeeded: Callable[[Job, dict[str, Any]], None] | None = None
    on_ended: Callable[[Job], None] | None = None

    @property
    def queues(self) -> tuple[str, ...]:
        """Every queue that it may run on."""
        return (self.queue, *self.tiers)

    def queue_for(self, tenant_id: UUID, params: P) -> str:
        """The queue of one job. Raises what ``route`` raises."""
        if self.route is None:
            return self.queue
        queue = self.route(tenant_id, params)
        if queue not in self.queues:
            raise ValueError(f"kind {self.name!r} does not run on {queue!r}")
        return queue

    def load_handler(self) -> Handler:
        """Import the handler; workers only."""
        module, _, name = self.handler.partition(":")
        handler: Handler = getattr(importlib.import_module(module), name)
        return handler

    def parse(self, raw: object) -> P:
        """Validate stored or submitted parameters; raises pydantic's ValidationError."""
        return self.params.model_validate(raw)


_kinds: dict[str, KindSpec[Any]] = {}


def register(spec: KindSpec[Any]) -> KindSpec[Any]:
    """Add a kind; ValueError when another kind has its name."""
    if _kinds.get(spec.name, spec) != spec:
        raise ValueError(f"job kind {spec.name!r} is registered twice")
    _kinds[spec.name] = spec
    return spec


def find(name: str) -> KindSpec[Any] | None:
    """The registered kind, or None where this process does not know it."""
    return _kinds.get(name)


def get(name: str) -> KindSpec[Any]:
    """The registered kind; raises KeyError where this process does not know it."""
    return _kinds[name]


def all_kinds() -> Iterator[KindSpec[Any]]:
    """Every registered kind, by name."""
    yield from sorted(_kinds.values(), key=lambda spec: spec.name)


def known_versions() -> list[str]:
    """``kind:version`` of everything this process can run, older versions included.

    A worker claims nothing else: during a rolling upgrade an old worker leaves newer jobs alone.
    """
    return [f"{spec.name}:{v}" for spec in _kinds.values() for v in range(1, spec.version + 1)]
