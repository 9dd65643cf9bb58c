"""The one place that reads a clock.

Every other module takes the time from here, so that a test can set it and so that a naive or
local time cannot enter the code. Leases do not use this clock: they use the database's ``now()``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Final
from zoneinfo import ZoneInfo

KST: Final = ZoneInfo("Asia/Seoul")
"""Where days of the academies begin."""


class _Override:
    """What a test does to the clock of its process."""

    frozen: datetime | None = None
    offset = timedelta(0)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    if _Override.frozen is not None:
        return _Override.frozen
    return datetime.now(UTC) + _Override.offset


def korean_day(day: date) -> datetime:
    """The moment at which a day begins in Korea."""
    return datetime.combine(day, time_of_day(), KST).astimezone(UTC)


def monotonic() -> float:
    """Seconds on a clock that never goes back; only differences mean anything."""
    return time.monotonic()


def unix_milliseconds() -> int:
    """Whole milliseconds since 1970-01-01 UTC, as UUIDv7 wants them."""
    return int(now().timestamp() * 1000)


@contextlib.contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold ``now()`` at one aware moment (tests only; the whole process)."""
    if at.tzinfo is None:
        raise ValueError("frozen() takes an aware datetime")
    before, _Override.frozen = _Override.frozen, at.astimezone(UTC)
    try:
        yield
    finally:
        _Override.frozen = before


@contextlib.contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """Run this process's clock ahead or behind by a constant (tests only)."""
    before, _Override.offset = _Override.offset, _Override.offset + by
    try:
        yield
    finally:
        _Override.offset = before
