"""The one place that reads a clock.

Every other module takes the time from here, so that a test can set it and so that a naive or
local time cannot enter the code. Leases do not use this clock: they use the database's ``now()``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

_offset = timedelta(0)
_frozen: datetime | None = None


def now() -> datetime:
    """The present moment, aware, in UTC."""
    if _frozen is not None:
        return _frozen
    return datetime.now(UTC) + _offset


def monotonic() -> float:
    """Seconds on a clock that never goes back; only differences mean anything."""
    return time.monotonic()


def unix_milliseconds() -> int:
    """Whole milliseconds since 1970-01-01 UTC, as UUIDv7 wants them."""
    return int(now().timestamp() * 1000)


@contextlib.contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold ``now()`` at one aware moment (tests only; not safe over threads)."""
    global _frozen
    if at.tzinfo is None:
        raise ValueError("frozen() takes an aware datetime")
    before, _frozen = _frozen, at.astimezone(UTC)
    try:
        yield
    finally:
        _frozen = before


@contextlib.contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """Run this process's clock ahead or behind by a constant (tests only)."""
    global _offset
    before, _offset = _offset, _offset + by
    try:
        yield
    finally:
        _offset = before
