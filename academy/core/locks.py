"""Locks by name, held in PostgreSQL to the end of the transaction, over all processes."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from django.db import connection


class Space(IntEnum):
    """What a name is about, so that two of different kinds never meet.

    Releases run side by side while one is rolled out: a number never changes.
    """

    QUOTA = 0
    IDEMPOTENCY_KEY = 1
    PUBLISH = 2
    SWEEP = 3
    """Held by the relay's session, and not to the end of a transaction."""
    ALONE = 4
    """What only one does at a time, of everybody or about one flow."""
    VIEWER = 5
    ROSTER = 6
    """The students of one academy, while a list of them is stored."""
    PROBLEMS = 7
    """The collections and problems of one academy, while they are added to or deleted."""
    BUDGET = 8
    """What is spent on language models, while a call reserves its share."""
    SHEET_NETWORK = 10
    """The networks of one academy, while another becomes the active one."""
    MESSAGES = 9
    """The messages of one academy, while room is found for more of them."""


KEY: Final = "hashtextextended(%s, %s)"
"""The number that PostgreSQL locks, of a name and its space."""


def lock(space: Space, name: str) -> None:
    """Wait for the lock. Raises OperationalError after the database's lock time-out."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({KEY})", [name, int(space)])


def try_lock(space: Space, name: str) -> bool:
    """Take the lock if nobody has it; whether it was had."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({KEY})", [name, int(space)])
        return bool(cursor.fetchone()[0])
