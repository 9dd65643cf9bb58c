"""Waking the relay: what the database tells it when rows are due. Imports no model."""

from typing import Final

from django.db import connection

RELAY_CHANNEL: Final = "academy_due"
"""PostgreSQL's NOTIFY channel that the relay listens on; the payload is a queue's name."""


def wake_relay(queue: str) -> None:
    """Have the relay look at a queue once the present transaction stands."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [RELAY_CHANNEL, queue])
