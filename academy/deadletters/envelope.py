"""What a dead message is, as far as it can be read: a ``{job, version}`` of ours, or why not.

``academy`` knows nothing of Celery; the form that its messages have on the queues is a fact of the
platform's interface to SQS, and this is the part of it that an operator must understand. Whatever
the body is, reading it raises nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from academy.deadletters.fingerprint import normalise

_LARGEST_VERSION: Final = 2**31
_KEYS_SHOWN: Final = 8


@dataclass(frozen=True)
class Reading:
    """What a body says. ``job_id`` and ``version`` are set where it points at a job."""

    code: str
    """Why it is dead as far as the body tells: a code of the catalogue; empty for a thin one."""
    title: str
    job_id: UUID | None = None
    version: int = 0


def read(body: str) -> Reading:
    """Read one message's body; never raises."""
    value, encoded = _decoded(body)
    if value is _NOTHING:
        return Reading("message_not_json", _excerpt(body))
    shape = _shape(value) + (" in base64" if encoded else "")
    if not isinstance(value, dict) or not isinstance(value.get("headers"), dict):
        return Reading("message_not_task", shape)
    call = _call(value)
    if call is None:
        return Reading("message_not_task", f"{shape}; its body cannot be read")
    thin = _thin(call)
    if thin is None:
        return Reading("message_not_thin", _task(value, call))
    embedded = call[2] if len(call) > 2 else None
    if isinstance(embedded, dict) and any(embedded.values()):
        return Reading("message_not_thin", f"{_task(value, call)}, and more embedded", *thin)
    return Reading("", _task(value, call), *thin)


_NOTHING: Final = object()


def _decoded(body: str) -> tuple[Any, bool]:
    value = _json(body)
    if value is not _NOTHING:
        return value, False
    try:
        text = base64.b64decode(body, validate=True).decode()
    except (binascii.Error, ValueError):
        return _NOTHING, False
    return _json(text), True


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _call(envelope: dict[str, Any]) -> list[Any] | None:
    """Celery's ``[args, kwargs, embedded]`` of an envelope; None where it holds none."""
    inner = envelope.get("body")
    properties = envelope.get("properties")
    if not isinstance(inner, str):
        return None
    if isinstance(properties, dict) and properties.get("body_encoding") == "base64":
        try:
            inner = base64.b64decode(inner).decode()
        except (binascii.Error, ValueError):
            return None
    call = _json(inner)
    return call if isinstance(call, list) and len(call) >= 2 else None


def _thin(call: list[Any]) -> tuple[UUID, int] | None:
    args, kwargs = call[0], call[1]
    if args or not isinstance(kwargs, dict) or set(kwargs) != {"job", "version"}:
        return None
    job, version = kwargs["job"], kwargs["version"]
    if not isinstance(job, str) or not isinstance(version, int) or isinstance(version, bool):
        return None
    try:
        job_id = UUID(job)
    except ValueError:
        return None
    return (job_id, version) if 0 < version < _LARGEST_VERSION else None


def _task(envelope: dict[str, Any], call: list[Any]) -> str:
    """What is called, and with which parameters; their values may be somebody's data."""
    name = envelope["headers"].get("task")
    named = call[1] if isinstance(call[1], dict) else {}
    return normalise(f"{_name(name)}({', '.join(_names(named))})")


def _shape(value: Any) -> str:
    match value:
        case dict():
            return normalise(f"a JSON object of {', '.join(_names(value)) or 'nothing'}")
        case list():
            return "a JSON list"
        case str():
            return "a JSON text"
        case None | bool() | int() | float():
            return "a JSON value"
    return "JSON"


def _names(value: dict[Any, Any]) -> list[str]:
    names = sorted(_name(key) for key in value)
    return names[:_KEYS_SHOWN] + (["..."] if len(names) > _KEYS_SHOWN else [])


def _name(value: object) -> str:
    return str(value)[:64] if isinstance(value, str) and value else "?"


def _excerpt(body: str) -> str:
    """How a body that is no JSON begins: enough to tell sources apart, too little to tell tales."""
    start = normalise(body[:40])
    return f"text: {start}" if start else "an empty text"
