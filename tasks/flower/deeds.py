"""What Flower's buttons do, in the platform's database. Import it only after Django is set up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.db import close_old_connections, connection
from django.db.models import Count

from academy.core.errors import AppError
from academy.deadletters.models import DeadLetter, LetterState
from academy.fleet import selectors, services
from academy.jobs.states import JobState
from academy.ops.services import job_cancel
from tasks.flower.board import Board, DeedError, Pause, Switch

T = TypeVar("T")

_OLDEST = """
SELECT queue, extract(epoch FROM clock_timestamp() - min(published_at))
FROM job WHERE state = 'published' GROUP BY queue
"""


def connected(act: Callable[[], T]) -> T:
    """Call *act* in this thread on a connection that works; a dead one is not used again.

    Raises DeedError for what the platform refuses, in its words.
    """
    close_old_connections()
    try:
        return act()
    except AppError as error:
        raise DeedError(error.status, f"{error.message()} {error.action()}") from error
    finally:
        close_old_connections()


def read_board() -> Board:
    """The switches as they are now."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        oldest = {queue: max(0, round(seconds)) for queue, seconds in cursor.fetchall()}
    open_letters = DeadLetter.objects.filter(state=LetterState.OPEN).order_by()
    return Board(
        paused={
            queue: Pause(switch.paused_at, switch.paused_by, switch.reason)
            for queue, switch in selectors.queue_switches().items()
        },
        workers={
            view.row.name: Switch(view.row.state, view.row.drain_asked_by)
            for view in selectors.workers_list()
        },
        oldest=oldest,
        letters=dict(open_letters.values_list("queue").annotate(Count("pk"))),
    )


def pause(queue: str, by: str, reason: str) -> str:
    """Pause *queue*; a sentence of what follows."""
    switch = services.queue_pause(queue=queue, by=by, reason=reason)
    if switch.paused_by != by or switch.reason != reason.strip():
        return f"{queue} was paused already, by {switch.paused_by}: {switch.reason}"
    return f"{queue} is paused: what runs goes on, nothing new begins within 5 s."


def resume(queue: str, by: str) -> str:
    """Let *queue* run."""
    resumed = services.queue_resume(queue=queue, by=by)
    return f"{queue} runs again." if resumed else f"{queue} was not paused."


def drain(worker: str, by: str, reason: str) -> str:
    """Have *worker* take nothing new."""
    services.worker_drain(name=worker, by=by, reason=reason)
    return f"{worker} finishes what it runs and takes nothing new."


def undrain(worker: str, by: str) -> str:
    """Have *worker* take work again."""
    services.worker_undrain(name=worker, by=by)
    return f"{worker} takes work again within 5 s."


def cancel(job_id: UUID, by: str, reason: str) -> str:
    """Cancel a job and all below it, whoever's it is."""
    job = job_cancel(job_id=job_id, by=by, reason=reason)
    if job.state == JobState.CANCELLED:
        return "The job is cancelled."
    return "The job is told to stop: its worker hears it within 5 s."


DEEDS: dict[str, Callable[..., str]] = {
    "pause": pause,
    "resume": resume,
    "drain": drain,
    "undrain": undrain,
    "cancel": cancel,
}
