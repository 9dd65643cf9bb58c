"""What an event may say: an allow-list, because Flower is no place for anybody's data.

Celery's own events carry arguments, results, exception texts and tracebacks. A phone number, a file
name or a key in one of these would be readable on a screen for as long as Flower remembers. Ids,
names, times and error codes pass; everything else stays in the row and in the log.
"""

from __future__ import annotations

import re
from typing import Any

from tasks.events.packing import Event

ARGS = "()"
KWARGS = "(redacted)"

_COMMON = frozenset({"type", "timestamp", "hostname", "utcoffset", "pid", "clock"})
_TASK = _COMMON | {"uuid", "runtime", "retries", "signum", "terminated", "expired", "requeue"}
_WORKER = _COMMON | {"freq", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys"}

#: A message is named after its row and the version of it that was published.
_TASK_ID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-v([0-9]{1,9})")
_SAFE_ID = re.compile(r"[0-9A-Za-z_.-]{1,100}")
_DOTTED_NAME = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)+")
_CODE = re.compile(r"[a-z][a-z0-9_.]{0,63}(?: \([a-z]{1,20}\))?|given back by the worker")
_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")

UNNAMED = "unnamed"


def task_id(raw: Any) -> str:
    """The job's id for a message of the relay, so that all attempts of a job are one task."""
    text = str(raw)
    if found := _TASK_ID.fullmatch(text):
        return found[1]
    return text if _SAFE_ID.fullmatch(text) else UNNAMED


def task_name(raw: Any) -> str:
    """The kind's name, or what stands for a name that no kind can have."""
    text = str(raw)
    return text if len(text) <= 100 and _DOTTED_NAME.fullmatch(text) else UNNAMED


def exception(raw: Any) -> str:
    """An error code as it is, and of an exception's ``repr`` its class."""
    text = str(raw)
    if _CODE.fullmatch(text):
        return text
    found = _CLASS_NAME.match(text)
    return found[0] if found else "error"


def redact(event: Event) -> Event:
    """A new event with what may be said of *event*; the type is its own."""
    if not event["type"].startswith("task-"):
        return {key: value for key, value in event.items() if key in _WORKER}
    said = {key: value for key, value in event.items() if key in _TASK}
    said["uuid"] = task_id(event.get("uuid"))
    if "name" in event:  # task-received: the event that describes the task
        published = _TASK_ID.fullmatch(str(event.get("uuid")))
        said |= {
            "name": task_name(event["name"]),
            "args": ARGS,
            "kwargs": KWARGS,
            "retries": int(published[2]) - 1 if published else event.get("retries"),
        }
    if "exception" in event:
        said["exception"] = exception(event["exception"])
    return said
