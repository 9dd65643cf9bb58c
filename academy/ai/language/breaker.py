"""The circuit breaker: a service that is down is left alone, and one call at a time tries it again.

Its state is a row, so that a hundred worker processes do not find out one by one, each with calls
that may be charged. pybreaker keeps its state in a process; with a shared storage of one's own any
new process closes the circuit again (danielfm/pybreaker#26), and half-open it lets everybody in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import connection

from academy.ai.language.models import Breaker, ServiceName
from academy.jobs.errors import UnsuitableHostError

THRESHOLD: Final = 5
"""Failures in a row that open it."""
COOLDOWN_SECONDS: Final = 15.0
LONGEST_COOLDOWN_SECONDS: Final = 600.0
LONGEST_PAUSE_SECONDS: Final = 600.0
PROBE_SECONDS: Final = 1_000.0
"""Longer than any call takes: a probe whose process died is given up."""

_STATE: Final = """
SELECT open_until IS NULL, EXTRACT(EPOCH FROM open_until - clock_timestamp())::float8
FROM language_breaker WHERE service = %s
"""
_PROBE: Final = """
UPDATE language_breaker SET probe_until = clock_timestamp() + make_interval(secs => %s)
WHERE service = %s AND open_until <= clock_timestamp()
  AND (probe_until IS NULL OR probe_until <= clock_timestamp())
"""
_CLOSE: Final = """
UPDATE language_breaker
SET failures = 0, cooldown_seconds = 0, open_until = NULL, probe_until = NULL
WHERE service = %s AND (failures > 0 OR open_until IS NOT NULL)
"""
# A probe that fails opens it again at once, for twice as long.
_FAIL: Final = """
UPDATE language_breaker SET failures = failures + 1,
    open_until = CASE WHEN %(probe)s OR failures + 1 >= %(threshold)s
        THEN clock_timestamp() + make_interval(secs => {cooldown}) ELSE open_until END,
    cooldown_seconds = CASE WHEN %(probe)s OR failures + 1 >= %(threshold)s
        THEN {cooldown} ELSE cooldown_seconds END,
    probe_until = CASE WHEN %(probe)s THEN NULL ELSE probe_until END
WHERE service = %(service)s AND (%(probe)s OR open_until IS NULL)
""".replace("{cooldown}", "LEAST(GREATEST(cooldown_seconds * 2, %(shortest)s), %(longest)s)")
_PAUSE: Final = """
UPDATE language_breaker SET probe_until = NULL,
    open_until = GREATEST(open_until, clock_timestamp() + make_interval(secs => %s))
WHERE service = %s
"""
_LEAVE: Final = "UPDATE language_breaker SET probe_until = NULL WHERE service = %s"


@dataclass
class Passage:
    """One call that was let through. Who says nothing of its end leaves things as they were."""

    service: ServiceName
    is_probe: bool
    told: bool = False

    def worked(self) -> None:
        """The service answered, whatever it said."""
        self._tell(_CLOSE, [self.service.value])

    def failed(self) -> None:
        """The service is down."""
        self._tell(
            _FAIL,
            {
                "service": self.service.value,
                "probe": self.is_probe,
                "threshold": THRESHOLD,
                "shortest": COOLDOWN_SECONDS,
                "longest": LONGEST_COOLDOWN_SECONDS,
            },
        )

    def paused(self, seconds: float | None) -> None:
        """The service asked to be left alone for a while: all processes do."""
        wait = COOLDOWN_SECONDS if seconds is None else min(seconds, LONGEST_PAUSE_SECONDS)
        self._tell(_PAUSE, [wait, self.service.value])

    def _tell(
        self, statement: str, values: list[str | float] | dict[str, str | float | bool]
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
        self.told = True


@contextmanager
def passage(service: ServiceName) -> Iterator[Passage]:
    """Let one call through. Raises UnsuitableHostError (``language_unavailable``) while it is open.

    The job then waits in its row, as often as it takes, and no failure of its own is counted.
    """
    found = _enter(service)
    try:
        yield found
    finally:
        if found.is_probe and not found.told:
            with connection.cursor() as cursor:
                cursor.execute(_LEAVE, [service.value])


def _enter(service: ServiceName) -> Passage:
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [service.value])
        row = cursor.fetchone()
        if row is None:
            Breaker.objects.bulk_create([Breaker(service=service.value)], ignore_conflicts=True)
            return Passage(service, is_probe=False)
        closed, seconds = row
        if closed:
            return Passage(service, is_probe=False)
        if seconds <= 0:
            cursor.execute(_PROBE, [PROBE_SECONDS, service.value])
            if cursor.rowcount:
                return Passage(service, is_probe=True)
    raise UnsuitableHostError("language_unavailable", retry_after=max(0.0, seconds))
