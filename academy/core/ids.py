"""Identifiers: UUID version 7 (RFC 9562), which sort by the time they were made."""

from __future__ import annotations

import os
import secrets
import threading
from datetime import UTC, datetime
from uuid import UUID

from academy.core import clock

_COUNTER_BITS = 12
_COUNTER_END = 1 << _COUNTER_BITS
# A clock set back by more was wrong before: ids must not tell its time for as long as it was ahead.
_FOLLOW_MILLISECONDS = 3_600_000
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


class _Generator:
    """UUIDv7 with a seeded 12-bit counter (RFC 9562, section 6.2, method 1)."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Start afresh, with a lock that nobody holds."""
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0

    def next(self) -> UUID:
        with self._lock:
            millisecond = clock.unix_milliseconds()
            was_wrong = self._millisecond - millisecond > _FOLLOW_MILLISECONDS
            if millisecond > self._millisecond or was_wrong:
                self._millisecond = millisecond
                # The top bit starts at zero, so that the counter has room to grow.
                self._counter = secrets.randbits(_COUNTER_BITS - 1)
            else:
                # Same millisecond, or the clock went back: stay with the last one and count.
                self._counter += 1
                if self._counter == _COUNTER_END:
                    self._millisecond += 1
                    self._counter = secrets.randbits(_COUNTER_BITS - 1)
            millisecond, counter = self._millisecond, self._counter
        high = (millisecond << 80) | _VERSION_7 | (counter << 64)
        return UUID(int=high | _VARIANT | secrets.randbits(62))


_generator = _Generator()
# A child forked while another thread held the lock would wait for ever.
os.register_at_fork(after_in_child=_generator.renew)


def new_id() -> UUID:
    """A new UUIDv7, greater than every one this process made before it.

    Except after the clock was set back by more than an hour: then ids tell the time again.
    """
    return _generator.next()


def first_id_at(moment: datetime) -> UUID:
    """A bound for a range of ids: not above any id made at that millisecond or later."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def time_of(text: str) -> datetime | None:
    """When an id of ours was made; None for any other text."""
    try:
        found = UUID(text)
        if found.version != 7:
            return None
        return datetime.fromtimestamp((found.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
