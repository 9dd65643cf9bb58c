"""Which messages a worker may run: its queue's own task, thin, and with nothing attached.

Whoever can send to a queue can otherwise run every registered task, with callbacks, on a schedule
and with time limits of their own choosing. IAM is the real fence; this one stands behind it.
"""

from __future__ import annotations

from typing import Any

from tasks.queues import Queue

_MAX_ID = 255
_TEXT_HEADERS = (
    "root_id", "parent_id", "shadow", "lang", "origin", "argsrepr", "kwargsrepr", "traceparent",
)  # fmt: skip
#: Parts of Celery's embedded options that start further tasks.
_EMBEDDED = ("callbacks", "errbacks", "chain", "chord")


class RefusedMessageError(Exception):
    """A message that must not run; its text names the reason and never quotes the message."""


def check(message: Any, queue: Queue) -> None:
    """Raise RefusedMessageError unless the kombu *message* is a plain call of *queue*'s task.

    A plain call is Celery's protocol 2, JSON, without positional arguments. An undecodable body
    raises whatever kombu raises for it.
    """
    headers = message.headers
    _check_task(headers, queue.task)
    _check_no_schedule(headers)
    _check_limits(headers.get("timelimit"), queue)
    payload = message.payload
    if not isinstance(payload, (list, tuple)) or len(payload) != 3:
        raise RefusedMessageError("its body is not Celery's [args, kwargs, embedded options]")
    args, kwargs, embedded = payload
    if args or not isinstance(args, (list, tuple)) or not isinstance(kwargs, dict):
        raise RefusedMessageError("its arguments are not keyword arguments alone")
    _check_embedded(embedded)


def _check_task(headers: Any, task: str) -> None:
    if not isinstance(headers, dict) or not isinstance(headers.get("task"), str):
        raise RefusedMessageError("it names no task")
    if headers["task"] != task:
        raise RefusedMessageError(f"its task is not {task}")
    task_id = headers.get("id")
    if not isinstance(task_id, str) or not 0 < len(task_id) <= _MAX_ID:
        raise RefusedMessageError("it has no usable id")
    for key in _TEXT_HEADERS:
        if not isinstance(headers.get(key), (str, type(None))):
            raise RefusedMessageError(f"its header {key} is not text")


def _check_no_schedule(headers: dict[str, Any]) -> None:
    """No ETA (held past its visibility), no expiry (acknowledged unrun), no canvas."""
    for key in ("eta", "expires", "group", "stamped_headers", "stamps", "replaced_task_nesting"):
        if headers.get(key):
            raise RefusedMessageError(f"it carries the header {key}")
    if headers.get("retries") not in (None, 0):
        raise RefusedMessageError("it carries a retry count")


def _check_limits(limits: Any, queue: Queue) -> None:
    """The queue's own time limits may be repeated, nothing else be asked for."""
    own = [queue.time_limit, queue.soft_time_limit]
    if limits is None:
        return
    if not isinstance(limits, list) or len(limits) != len(own):
        raise RefusedMessageError("its time limits are not two numbers")
    if any(asked not in (None, mine) for asked, mine in zip(limits, own, strict=True)):
        raise RefusedMessageError("it carries time limits that are not the queue's")


def _check_embedded(embedded: Any) -> None:
    if not isinstance(embedded, dict):
        raise RefusedMessageError("its embedded options are not a mapping")
    for key in _EMBEDDED:
        if embedded.get(key):
            raise RefusedMessageError(f"it carries {key}")
    if set(embedded) - set(_EMBEDDED):
        raise RefusedMessageError("it carries unknown embedded options")
