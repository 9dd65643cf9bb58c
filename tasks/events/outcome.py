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
_ENDED_BADLY = frozenset({"failed", "dead"})


def encode(state: str, code: str | None) -> str:
    """The return value of a task whose job is now in *state*, with the error's *code* if any."""
    return f"job:{state}:{code or ''}"


def decode(result: Any) -> tuple[str, str] | None:
    """``(state, code)`` of what Celery reports as a task's result; None for any other result."""
    found = _RESULT.fullmatch(result) if isinstance(result, str) else None
    return (found[1], found[2]) if found else None


def tell_truth(event: Event) -> Event | None:
    """*event*, or what really happened to the job; None where nothing has ended yet."""
    if event["type"] != "task-succeeded":
        return event
    outcome = decode(event.get("result"))
    if outcome is None:
        return event
    state, code = outcome
    if state == "waiting":  # for its children: a further phase of the same job follows
        return None
    if state in _ENDED_BADLY:
        return event | {"type": "task-failed", "exception": f"{code} ({state})"}
    if state == "retry_wait":
        return event | {"type": "task-retried", "exception": code}
    if state == "queued":
        return event | {"type": "task-retried", "exception": "given back by the worker"}
    if state == "cancelled":
        return event | {"type": "task-revoked", "terminated": False}
    return event
