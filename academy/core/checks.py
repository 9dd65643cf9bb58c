"""System checks that need the database: ``manage.py check --database default``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, connections

#: The API may take this share of the connections; workers, the relay and a person need the rest.
API_SHARE = 0.6


@register(Tags.database)
def connection_budget(
    databases: Sequence[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """The API's pools fit into max_connections, whatever number of processes serves."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        pool = settings.DATABASES[alias]["OPTIONS"].get("pool")
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    "SELECT current_setting('max_connections')::int"
                    " - current_setting('superuser_reserved_connections')::int"
                )
                available: int = cursor.fetchone()[0]
        except OperationalError as error:
            return [Error(f"the database cannot be asked: {error}", id="core.E001")]
        wanted = settings.API_PROCESSES * (pool["max_size"] if pool else 1)
        if wanted > available * API_SHARE:
            messages.append(
                checks.Warning(
                    f"{settings.API_PROCESSES} API processes may open {wanted} connections; "
                    f"PostgreSQL has {available} for everybody",
                    hint="Lower DATABASE_POOL_SIZE or WEB_CONCURRENCY, or raise max_connections.",
                    id="core.W001",
                )
            )
    return messages
