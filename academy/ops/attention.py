"""What needs a person now: plain sentences, each with what to do and where.

Pure: figures in, items out, the worst first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Final

from django.utils.translation import gettext, ngettext

from academy.fleet.selectors import WorkerView
from academy.fleet.states import WorkerState
from academy.ops.selectors_queues import QueueRow

RELAY_LATE_SECONDS: Final = 30.0
NEAR_LIMIT: Final = 0.8
"""Share of SQS's in-flight limit from which it is worth a look."""
MISSED: Final = timedelta(hours=1)
"""A worker that fell silent longer ago than this is history."""


class Weight(IntEnum):
    """How bad: work stands still, or will before long, or somebody should know."""

    STANDS_STILL = 0
    SOON = 1
    NOTE = 2


@dataclass(frozen=True)
class Item:
    """One thing that needs a person; ``url_name`` is the page that goes on."""

    weight: Weight
    text: str
    advice: str
    url_name: str
    query: str = ""

    @property
    def tone(self) -> str:
        """How it looks: bad or warn."""
        return "bad" if self.weight is Weight.STANDS_STILL else "warn"


@dataclass(frozen=True)
class Relay:
    """The relay's signs of life: how many, for how long silent, how late by queue; seconds."""

    relays: int
    silent_seconds: float | None
    lag: dict[str, float]

    @property
    def worst_lag(self) -> float:
        """Of all queues."""
        return max(self.lag.values(), default=0.0)


def needed(
    *, relay: Relay | None, queues: Sequence[QueueRow], workers: Sequence[WorkerView]
) -> list[Item]:
    """Everything that needs a person, the worst first. ``relay``: None where nobody could say."""
    items = _relay(relay)
    for row in queues:
        items += _queue(row)
    items += _letters(queues)
    items += _workers(workers)
    return sorted(items, key=lambda item: item.weight)


def _relay(relay: Relay | None) -> list[Item]:
    if relay is None or relay.relays == 0:
        text = gettext("No relay is at work: nothing is sent to any queue.")
        if relay is None:
            text = gettext("Nobody can say whether the relay is at work: the database is slow.")
        advice = gettext(
            "Start it (python -m tasks.relay) or restart its service; jobs wait safely."
        )
        return [Item(Weight.STANDS_STILL, text, advice, "queues")]
    if relay.worst_lag > RELAY_LATE_SECONDS:
        queue = max(relay.lag, key=lambda name: relay.lag[name])
        text = gettext("The relay is %(seconds)d s late on %(queue)s.") % {
            "seconds": relay.worst_lag,
            "queue": queue,
        }
        advice = gettext("Look at the relay's log and at the load of the database.")
        return [Item(Weight.SOON, text, advice, "queues")]
    return []


def _queue(row: QueueRow) -> list[Item]:
    items = []
    name = {"queue": row.name}
    waiting = row.rows.backlog if row.rows is not None else None
    switch = row.view.switch
    if switch is not None:
        text = gettext("%(queue)s is paused: %(reason)s") % {**name, "reason": switch.reason}
        advice = gettext("Jobs wait until somebody resumes it. Ask whoever paused it, then resume.")
        items.append(Item(Weight.SOON, text, advice, "queues"))
    elif row.view.workers_alive == 0:
        text = gettext("Nobody works on %(queue)s.") % name
        if waiting:
            text = ngettext(
                "Nobody works on %(queue)s, and %(n)s job waits.",
                "Nobody works on %(queue)s, and %(n)s jobs wait.",
                waiting,
            ) % {**name, "n": waiting}
        advice = gettext(
            "Start a worker of this queue, or see on the workers' page what became of it."
        )
        weight = Weight.STANDS_STILL if waiting else Weight.NOTE
        items.append(Item(weight, text, advice, "workers"))
    if (share := row.in_flight_share) is not None and share >= NEAR_LIMIT:
        text = gettext("%(queue)s has %(percent)d %% of the messages in flight that SQS allows.")
        advice = gettext(
            "Beyond the limit workers receive nothing. Pause the queue and let it drain."
        )
        values = {**name, "percent": share * 100}
        items.append(Item(Weight.STANDS_STILL, text % values, advice, "queues"))
    if row.view.depth.problem:
        text = gettext("SQS does not answer for %(queue)s (%(problem)s).")
        advice = gettext(
            "Jobs wait in their rows. Check SQS's status page, the network and the keys."
        )
        values = {**name, "problem": row.view.depth.problem}
        items.append(Item(Weight.STANDS_STILL, text % values, advice, "queues"))
    return items


def _letters(queues: Sequence[QueueRow]) -> list[Item]:
    number = sum(row.letters for row in queues)
    if not number:
        return []
    text = ngettext("%(n)s dead letter is open.", "%(n)s dead letters are open.", number)
    advice = gettext(
        "Read why they died, then replay one as a canary or discard them with a reason."
    )
    return [Item(Weight.SOON, text % {"n": number}, advice, "letters")]


def _workers(workers: Sequence[WorkerView]) -> list[Item]:
    items = []
    for view in workers:
        row = view.row
        if view.alive or row.state == WorkerState.STOPPED or _silent_for(view) > MISSED:
            continue
        text = gettext("The worker %(name)s fell silent.") % {"name": row.name}
        advice = gettext("Its jobs are taken over by others. Check its host; restart the worker.")
        items.append(Item(Weight.NOTE, text, advice, "workers"))
    return items


def _silent_for(view: WorkerView) -> timedelta:
    read_at = getattr(view.row, "read_at", view.row.seen_at)
    silent: timedelta = read_at - view.row.seen_at
    return silent
