"""Makes what a handler says fit for the database: a report must never be what breaks the job.

PostgreSQL refuses NUL characters and lone surrogates in text, and NaN in JSON. A refused heartbeat
would lose the leases of the whole process, and a refused failure report the failure itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def storable_text(text: str, limit: int) -> str:
    """The first ``limit`` characters that can be stored."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:limit]


def storable_number(number: float | None) -> float | None:
    """The number, or None where it is none or not finite."""
    return number if number is not None and math.isfinite(number) else None


def storable_json(value: Any) -> Any:
    """A copy that is JSON, whatever was given: what has no JSON form becomes its text."""
    match value:
        case str():
            return storable_text(value, len(value))
        case None | bool() | int():
            return value
        case float():
            return storable_number(value)
        case Mapping():
            return {
                storable_text(str(key), 200): storable_json(item) for key, item in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [storable_json(item) for item in value]
        case _:
            return storable_text(str(value), 500)
