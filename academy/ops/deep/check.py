"""Start a deep check, follow it, and settle what it found.

A check is not a process: it is an operator's action (with what the parts answered) and the jobs
that carry its number. Whoever looks at it reads how far those jobs are; whoever looks after the
deadline cancels the rest and writes the result down. So it survives the death of the process that
started it, any API process can answer for it, and there is no table of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.locks import Space, lock
from academy.fleet import audit
from academy.fleet.models import OperatorAction
from academy.fleet.queue_access import queue_access
from academy.fleet.selectors import queue_switches
from academy.ops.deep import blame, pings, probes
from academy.ops.deep.report import PartResult, QueueResult, Report, Status

DEFAULT_SECONDS: Final = 30.0
SECONDS_RANGE: Final = (2.0, 120.0)
MIN_PAUSE_SECONDS: Final = 5.0
"""From the start of one check to the start of the next."""

START: Final = "deep_check.start"
RESULT: Final = "deep_check.result"
TARGET: Final = "deep-check"

_SEVERITY: Final = tuple(Status)


def start(*, by: str, queues: Sequence[str] = (), seconds: float = DEFAULT_SECONDS) -> UUID:
    """Ask the parts, then submit one job for each queue; returns the check's number.

    Takes as long as the slowest part's answer, `probes.PROBE_SECONDS` at most. Raises AppError:
    ``queue_unknown``, ``deep_check_running``, ``deep_check_too_soon``, ``deep_check_slug_taken``.
    """
    names = _checked(queues)
    _refuse_another()
    parts = probes.run()
    with transaction.atomic():
        lock(Space.ALONE, "ops.deep_check")
        _refuse_another()
        switches = queue_switches()
        action = audit.record(
            by=by,
            action=START,
            target=TARGET,
            seconds=seconds,
            queues=names,
            parts=[part.model_dump(mode="json") for part in parts],
            paused={
                name: blame.paused(name, switches[name]).model_dump(mode="json")
                for name in names
                if name in switches
            },
        )
        pings.send(action.pk, [name for name in names if name not in switches])
    return action.pk


def look(check_id: UUID) -> Report:
    """How a check stands; the first look after its end makes the result final.

    Raises AppError ``deep_check_not_found``.
    """
    action = OperatorAction.objects.filter(pk=check_id, action=START).first()
    if action is None:
        raise AppError("deep_check_not_found")
    stored = _stored(check_id)
    if stored is not None:
        return stored
    report = _observed(action, None)
    over = clock.now() >= report.deadline_at
    if not over and any(queue.status is Status.RUNNING for queue in report.queues):
        return report
    return _settled(action, report)


def latest() -> Report | None:
    """The check that was started last."""
    action = _last_start()
    return None if action is None else look(action.pk)


def without_database(queues: Sequence[str] = ()) -> Report:
    """What can be said while no check can be stored."""
    now = clock.now()
    parts = probes.run()
    error = {"error": "OperationalError"}
    told = next((part.facts for part in parts if part.finding == "database_down"), error)
    return Report(
        id=new_id(),
        started_at=now,
        deadline_at=now,
        finished_at=clock.now(),
        parts=parts,
        queues=[
            QueueResult(queue=name, status=Status.BROKEN, finding="database_down", facts=dict(told))
            for name in _checked(queues)
        ],
    )


def _checked(queues: Sequence[str]) -> list[str]:
    known = [facts.name for facts in queue_access().facts()]
    for queue in queues:
        if queue not in known:
            raise AppError("queue_unknown", queue=queue)
    return [name for name in known if not queues or name in queues]


def _last_start() -> OperatorAction | None:
    return OperatorAction.objects.filter(target=TARGET, action=START).order_by("-at").first()


def _refuse_another() -> None:
    """Raise while another check runs or has just been started; settle one that was left alone."""
    last = _last_start()
    if last is None:
        return
    running = look(last.pk)
    if running.finished_at is None:
        left = (running.deadline_at - clock.now()).total_seconds()
        raise AppError("deep_check_running", id=str(last.pk), retry_after=max(1, math.ceil(left)))
    left = MIN_PAUSE_SECONDS - (clock.now() - last.at).total_seconds()
    if left > 0:
        raise AppError("deep_check_too_soon", id=str(last.pk), retry_after=math.ceil(left))


def _observed(action: OperatorAction, scene: blame.Scene | None) -> Report:
    ways = pings.ways(action.pk, action.at)
    paused = action.data["paused"]
    return Report(
        id=action.pk,
        started_at=action.at,
        deadline_at=action.at + timedelta(seconds=float(action.data["seconds"])),
        parts=[PartResult.model_validate(part) for part in action.data["parts"]],
        queues=[
            QueueResult.model_validate(paused[name])
            if name in paused
            else blame.judge(name, ways[name], scene)
            for name in action.data["queues"]
        ],
    )


def _settled(action: OperatorAction, report: Report) -> Report:
    """Cancel what is left, say why, and store it; one looker does, and all get the same."""
    parts = report.parts
    if any(queue.status is Status.RUNNING for queue in report.queues):
        # Something is stuck: ask again, because a part may have died meanwhile.
        parts = [_worse(old, new) for old, new in zip(parts, probes.run(), strict=True)]
    with transaction.atomic():
        lock(Space.ALONE, "ops.deep_check")
        stored = _stored(action.pk)
        if stored is not None:
            return stored
        pings.cancel_open(action.pk, action.at)
        observed = _observed(action, blame.scene(parts, action.at))
        final = observed.model_copy(update={"parts": parts, "finished_at": clock.now()})
        audit.record(
            by=action.by,
            action=RESULT,
            target=_target(action.pk),
            verdict=final.verdict.value,
            report=final.model_dump(mode="json"),
        )
    return final


def _worse(old: PartResult, new: PartResult) -> PartResult:
    return max(old, new, key=lambda part: _SEVERITY.index(part.status))


def _stored(check_id: UUID) -> Report | None:
    done = OperatorAction.objects.filter(target=_target(check_id), action=RESULT).first()
    return None if done is None else Report.model_validate(done.data["report"])


def _target(check_id: UUID) -> str:
    return f"{TARGET}:{check_id}"
