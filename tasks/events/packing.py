"""Many events in one message body: a JSON list. Pure; both ends of the queue use it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Event: TypeAlias = dict[str, Any]

#: Well below SQS's limit. A body this long is a batch of several hundred events.
MAX_BODY_BYTES = 200_000
_KINDS = ("task-", "worker-")


class UnreadableBodyError(ValueError):
    """A message body that is not a list of events; its text does not quote the body."""


@dataclass(frozen=True)
class Packed:
    """Message bodies, how many events each holds, and how many events fit into no message."""

    bodies: tuple[tuple[str, int], ...]
    refused: int


def pack(events: Iterable[Event], *, limit: int = MAX_BODY_BYTES) -> Packed:
    """Pack *events* in order into as few bodies of at most *limit* bytes as that allows.

    An event that is no JSON, or longer than *limit* by itself, is refused and counted.
    """
    bodies: list[tuple[str, int]] = []
    parts: list[str] = []
    size = refused = 0
    for event in events:
        try:
            # ASCII, so that characters are bytes; NaN is no JSON and would spoil the whole body.
            text = json.dumps(event, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError):
            refused += 1
            continue
        if len(text) + 2 > limit:
            refused += 1
            continue
        if parts and size + len(text) + 2 > limit:
            bodies.append((f"[{','.join(parts)}]", len(parts)))
            parts, size = [], 0
        parts.append(text)
        size += len(text) + 1
    if parts:
        bodies.append((f"[{','.join(parts)}]", len(parts)))
    return Packed(tuple(bodies), refused)


def unpack(body: str) -> list[Event]:
    """The events of a message body, each with the fields that every reader relies on.

    Raises UnreadableBodyError where the body is anything else.
    """
    try:
        events = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableBodyError("it is no JSON") from None
    if not isinstance(events, list):
        raise UnreadableBodyError("it is no list")
    for event in events:
        _check(event)
    return events


def _check(event: Any) -> None:
    if not isinstance(event, dict):
        raise UnreadableBodyError("an event is no object")
    kind = event.get("type")
    if not isinstance(kind, str) or not kind.startswith(_KINDS):
        raise UnreadableBodyError("an event has no known type")
    if not event.get("hostname") or not isinstance(event["hostname"], str):
        raise UnreadableBodyError("an event names no worker")
    for field in ("timestamp", "clock"):
        value = event.get(field)
        if type(value) not in (int, float) or not math.isfinite(float(value or 0)):
            raise UnreadableBodyError(f"an event has no {field}")
    if not isinstance(event.get("utcoffset", 0), int | float):
        raise UnreadableBodyError("an event has no usable utcoffset")
    if kind.startswith("task-") and (not event.get("uuid") or not isinstance(event["uuid"], str)):
        raise UnreadableBodyError("a task event names no task")
