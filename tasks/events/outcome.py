"""What became of the job, carried through Celery as the task's return value.

To Celery a task that has written "this job failed" into its row has succeeded. Flower must show
the job, so the dispatcher turns Celery's ``task-succeeded`` into the event that tells the truth.
"""

from __future__ import annotations

import re
from typing import Any

from tasks.events.packing import Event

#: Celery passes a return value between its processes as the ``repr`` of the text made here.
_RESULT = re.compile(r"'job:([a-z_]{1,32}):([a-z0-9_.]{0,64})'")
_GIVEN_BACK = {"type": "task-retried", "exception": "given back by the worker"}
_REJECTED = {"type": "task-failed", "exception": "rejected"}
_ENDED_BADLY = frozenset({"failed", "dead"})
#: A message that found nothing to claim ends no run; only this much it knows better than Flower.
_TOLD_UNCLAIMED = frozenset({"succeeded", "cancelled"})


def encode(state: str, code: str | None) -> str:
    """The return value of a task whose job is now in *state*, with the error's *code* if any."""
    return f"job:{state}:{code or ''}"


def unclaimed(state: str) -> str:
    """The return value of a task that found its job, already in *state*, not to be claimed."""
    return encode(state if state in _TOLD_UNCLAIMED else "unclaimed", None)


def decode(result: Any) -> tuple[str, str] | None:
    """``(state, code)`` of what Celery reports as a task's result; None for any other result."""
    found = _RESULT.fullmatch(result) if isinstance(result, str) else None
    return (found[1], found[2]) if found else None


def tell_truth(event: Event) -> Event | None:
    """*event*, or what really happened to the job; None where nothing has ended yet."""
    if event["type"] == "task-rejected":
        # Celery's REJECTED would not show: a task that has started ranks above it.
        changes = _GIVEN_BACK if event.get("requeue") else _REJECTED
        return event | changes
    outcome = decode(event.get("result")) if event["type"] == "task-succeeded" else None
    return event if outcome is None else _as_it_ended(event, *outcome)


def _as_it_ended(event: Event, state: str, code: str) -> Event | None:
    # Waiting for its children, a further phase of the same job follows; unclaimed, another message
    # of the job says what became of it.
    if state in ("waiting", "unclaimed"):
        return None
    if state in _ENDED_BADLY:
        return event | {"type": "task-failed", "exception": f"{code} ({state})"}
    if state == "retry_wait":
        return event | {"type": "task-retried", "exception": code}
    if state == "queued":
        return event | _GIVEN_BACK
    if state == "cancelled":
        return event | {"type": "task-revoked", "terminated": False}
    return event
