"""The switches: pause and resume a queue, drain and undrain a worker.

Each writes the switch and the audit record in one transaction. Asking twice changes and records
nothing the second time. Nobody is called: the relay and the workers read the rows, see
``tasks.worker.fleet``.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.fleet import audit
from academy.fleet.models import QueueSwitch, Worker
from academy.fleet.queue_access import queue_access
from academy.fleet.states import WorkerState
from academy.fleet.wake import wake_relay

REASON_CHARS: Final = 200


def queue_pause(*, queue: str, by: str, reason: str) -> QueueSwitch:
    """Stop publishing on a queue and starting work from it; what runs goes on.

    A queue that is paused already keeps who paused it and why. Raises AppError ``queue_unknown``
    or ``reason_invalid``.
    """
    _check_queue(queue)
    reason = _checked_reason(reason)
    with transaction.atomic():
        switch, made = QueueSwitch.objects.get_or_create(
            queue=queue,
            defaults={"paused_at": clock.now(), "paused_by": by, "reason": reason},
        )
        if made:
            audit.record(by=by, action="queue.pause", target=queue, reason=reason)
    return switch


def queue_resume(*, queue: str, by: str) -> bool:
    """Let a queue run again; the relay publishes at once. Returns whether it was paused.

    Raises AppError ``queue_unknown``.
    """
    _check_queue(queue)
    with transaction.atomic():
        switch = QueueSwitch.objects.select_for_update().filter(queue=queue).first()
        if switch is None:
            return False
        switch.delete()
        paused_for = (clock.now() - switch.paused_at).total_seconds()
        audit.record(
            by=by, action="queue.resume", target=queue, paused_seconds=round(paused_for, 1)
        )
        wake_relay(queue)
    return True


def worker_drain(*, name: str, by: str, reason: str = "") -> Worker:
    """Have a worker take nothing new, finish what it runs and stay up, until it is undrained.

    Raises AppError ``worker_unknown``, ``worker_stopped`` or, for a text of more than 200
    characters, ``reason_invalid``.
    """
    reason = _checked_reason(reason, needed=False)
    with transaction.atomic():
        worker = _locked(name)
        if worker.state == WorkerState.STOPPED:
            raise AppError("worker_stopped", worker=name)
        if worker.drain_asked_at is None:
            worker.drain_asked_at = clock.now()
            worker.drain_asked_by = by
            worker.save(update_fields=["drain_asked_at", "drain_asked_by"])
            audit.record(by=by, action="worker.drain", target=name, reason=reason)
    return worker


def worker_undrain(*, name: str, by: str) -> Worker:
    """Have a drained worker take work again. Raises AppError ``worker_unknown``."""
    with transaction.atomic():
        worker = _locked(name)
        if worker.drain_asked_at is not None:
            worker.drain_asked_at = None
            worker.drain_asked_by = ""
            worker.save(update_fields=["drain_asked_at", "drain_asked_by"])
            audit.record(by=by, action="worker.undrain", target=name)
    return worker


def _check_queue(queue: str) -> None:
    if queue not in {row.name for row in queue_access().facts()}:
        raise AppError("queue_unknown", queue=queue)


def _checked_reason(reason: str, *, needed: bool = True) -> str:
    reason = reason.strip()
    if len(reason) > REASON_CHARS or (needed and not reason):
        raise AppError("reason_invalid", limit=REASON_CHARS)
    return reason


def _locked(name: str) -> Worker:
    worker = Worker.objects.select_for_update().filter(name=name).first()
    if worker is None:
        raise AppError("worker_unknown", worker=name)
    return worker
