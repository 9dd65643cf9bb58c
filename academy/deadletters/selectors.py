"""Reads: the list, its groups, replays with their counts, and how late collecting is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.deadletters.models import (
    DeadLetter,
    Inbox,
    ItemState,
    LetterState,
    Replay,
    ReplayItem,
    Source,
)
from academy.jobs.models import Job
from academy.jobs.states import JobState

GROUPS_SHOWN: Final = 200


@dataclass(frozen=True)
class LetterFilter:
    """Which letters; what is None does not matter."""

    queue: str | None = None
    kind: str | None = None
    states: tuple[str, ...] = ()
    fingerprint: str | None = None
    tenant: UUID | None = None
    source: str | None = None


@dataclass(frozen=True)
class LetterGroup:
    """Letters of one cause."""

    fingerprint: str
    kind: str
    code: str
    title: str
    queues: tuple[str, ...]
    sources: tuple[str, ...]
    letters: int
    open: int
    tenants: int
    first_at: datetime
    last_at: datetime


def letters(wanted: LetterFilter | None = None) -> QuerySet[DeadLetter]:
    """Letters, the last collected first, without bodies.

    Each row has ``created_at``, which is its ``collected_at``, for cursors.
    """
    rows = _filtered(wanted or LetterFilter()).defer("body", "attributes")
    rows = rows.select_related("tenant", "job", "replayed_as")
    return rows.annotate(created_at=F("collected_at")).order_by("-collected_at", "-id")


def groups(wanted: LetterFilter | None = None, *, limit: int = GROUPS_SHOWN) -> list[LetterGroup]:
    """The causes, those that died last first; of open letters unless the filter names states."""
    wanted = wanted or LetterFilter()
    rows = _filtered(wanted)
    if not wanted.states:
        rows = rows.filter(state=LetterState.OPEN)
    found = (
        rows.order_by()
        .values("fingerprint", "kind", "code", "title")
        .annotate(
            queues=ArrayAgg("queue", distinct=True, default=[]),
            sources=ArrayAgg("source", distinct=True, default=[]),
            letters=Count("id"),
            open=Count("id", filter=Q(state=LetterState.OPEN)),
            tenants=Count("tenant", distinct=True),
            first_at=Min("died_at"),
            last_at=Max("died_at"),
        )
        .order_by("-last_at", "fingerprint")[:limit]
    )
    return [_group(row) for row in found]


def _group(row: Mapping[str, Any]) -> LetterGroup:
    return LetterGroup(**{**row, "queues": tuple(row["queues"]), "sources": tuple(row["sources"])})


def _filtered(wanted: LetterFilter) -> QuerySet[DeadLetter]:
    rows = DeadLetter.objects.all()
    if wanted.queue is not None:
        rows = rows.filter(queue=wanted.queue)
    if wanted.kind is not None:
        rows = rows.filter(kind=wanted.kind)
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    if wanted.fingerprint is not None:
        rows = rows.filter(fingerprint=wanted.fingerprint)
    if wanted.tenant is not None:
        rows = rows.filter(tenant_id=wanted.tenant)
    if wanted.source is not None:
        rows = rows.filter(source=wanted.source)
    return rows


def letter_get(letter_id: UUID) -> DeadLetter:
    """One letter with its body. Raises AppError dead_letter_not_found."""
    rows = DeadLetter.objects.select_related("tenant", "job", "root__tenant", "replayed_as")
    letter = rows.filter(pk=letter_id).first()
    if letter is None:
        raise AppError("dead_letter_not_found")
    return letter


# ---------------------------------------------------------------------------- replays


@dataclass(frozen=True)
class ReplayView:
    """A replay, and how far it is, counted from its letters."""

    replay: Replay
    counts: dict[str, int]
    """Letters by :class:`ItemState`; every state is there."""

    @property
    def total(self) -> int:
        """All letters that it took."""
        return sum(self.counts.values())


def replays(*, live_only: bool = False, fingerprint: str | None = None) -> QuerySet[Replay]:
    """Replays of groups, the newest first."""
    rows = Replay.objects.order_by("-created_at", "-id")
    if live_only:
        rows = rows.filter(ended_at__isnull=True)
    return rows if fingerprint is None else rows.filter(fingerprint=fingerprint)


def replay_get(replay_id: UUID) -> ReplayView:
    """One replay with its counts. Raises AppError replay_not_found."""
    found = replay_views(Replay.objects.filter(pk=replay_id))
    if not found:
        raise AppError("replay_not_found")
    return found[0]


def replay_views(rows: Iterable[Replay]) -> list[ReplayView]:
    """Replays with their counts, in their order."""
    listed = list(rows)
    counts = {row.pk: dict.fromkeys((state.value for state in ItemState), 0) for row in listed}
    items = ReplayItem.objects.filter(replay__in=listed).order_by()
    for row in items.values("replay_id", "state").annotate(count=Count("*")):
        counts[row["replay_id"]][row["state"]] = row["count"]
    return [ReplayView(row, counts[row.pk]) for row in listed]


def replay_items(replay_id: UUID, *, limit: int = 200) -> list[ReplayItem]:
    """The letters of a replay in their order, those that did not go well first."""
    rows = ReplayItem.objects.filter(replay_id=replay_id).select_related("letter__tenant", "job")
    rows = rows.defer("letter__body", "letter__attributes")
    bad = Q(state__in=[ItemState.FAILED, ItemState.REFUSED])
    return list(rows.annotate(well=~bad).order_by("well", "position")[:limit])


# ---------------------------------------------------------------------------- how late we are


@dataclass(frozen=True)
class InboxView:
    """How current one source of letters is; seconds."""

    name: str
    read_seconds: float | None
    """Since it was last read to its end; None: never."""
    problem: str


@dataclass(frozen=True)
class CollectionLag:
    """How late collecting is: dead jobs without a letter, and unread inboxes."""

    uncollected: int
    oldest_seconds: float
    """Age of the oldest dead job without a letter; 0 where there is none."""
    inboxes: tuple[InboxView, ...]


def collection_lag() -> CollectionLag:
    """How late collecting is now, for the metrics and the console."""
    now = clock.now()
    collected = DeadLetter.objects.filter(job=OuterRef("pk"), source=Source.JOB)
    dead = Job.unscoped.filter(~Exists(collected), state=JobState.DEAD)
    found = dead.aggregate(count=Count("id"), oldest=Min("finished_at"))
    oldest = found["oldest"]
    return CollectionLag(
        uncollected=found["count"],
        oldest_seconds=_seconds(now, oldest) or 0.0,
        inboxes=tuple(
            InboxView(row.name, _seconds(now, row.read_at), row.problem)
            for row in Inbox.objects.all()
        ),
    )


def _seconds(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else max(timedelta(0), now - then).total_seconds()
