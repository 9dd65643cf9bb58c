"""Attempts to sign in, counted in the database so that every API process sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import connection
from django.db.models import F

from academy.core import clock
from academy.core.errors import AppError
from academy.tenants.models import LoginThrottle
from academy.tenants.secrets import fingerprint

WINDOW: Final = timedelta(minutes=15)

_COUNT = """
INSERT INTO tenants_loginthrottle AS seen (key, failures, window_ends_at)
VALUES (%(key)s, 1, %(ends)s)
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN seen.window_ends_at <= %(now)s THEN 1 ELSE seen.failures + 1 END,
    window_ends_at = CASE WHEN seen.window_ends_at <= %(now)s THEN %(ends)s
                          ELSE seen.window_ends_at END
RETURNING failures, window_ends_at
"""


@dataclass(frozen=True, slots=True)
class _Limit:
    """One way of counting. The pair stops guessing; the wider two stop spraying.

    The limit of a name alone is high: it lets a stranger lock somebody out.
    """

    kind: str
    per_window: int


_PAIR, _NAME, _ADDRESS = _Limit("pair", 10), _Limit("name", 100), _Limit("address", 100)


def _keys(username: str, address: str) -> list[tuple[_Limit, str]]:
    name = username.strip().casefold()
    return [
        (limit, fingerprint("login", f"{limit.kind}:{subject}").hex())
        for limit, subject in (
            (_PAIR, f"{name}@{address}"),
            (_NAME, name),
            (_ADDRESS, address),
        )
    ]


def count_attempt(username: str, address: str) -> None:
    """Count an attempt before its password is looked at.

    Raises AppError(``login_throttled``) with the seconds until the window ends. Counting first
    leaves no gap for attempts made side by side.
    """
    now = clock.now()
    longest = 0.0
    with connection.cursor() as cursor:
        for limit, key in _keys(username, address):
            cursor.execute(_COUNT, {"key": key, "now": now, "ends": now + WINDOW})
            failures, ends = cursor.fetchone()
            if failures > limit.per_window:
                longest = max(longest, (ends - now).total_seconds())
    if longest:
        raise AppError("login_throttled", retry_after=math.ceil(longest))


def forgive(username: str, address: str) -> None:
    """Forget the attempts of somebody who then signed in, and theirs alone of the address."""
    (_, pair), (_, name), (_, shared) = _keys(username, address)
    LoginThrottle.objects.filter(key__in=[pair, name]).delete()
    LoginThrottle.objects.filter(key=shared, failures__gt=0).update(failures=F("failures") - 1)


def sweep() -> int:
    """Drop counts whose window is over; returns how many."""
    return LoginThrottle.objects.filter(window_ends_at__lt=clock.now()).delete()[0]
