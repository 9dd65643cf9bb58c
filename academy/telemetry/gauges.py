"""What is read while ``/metrics`` is asked: a registry of readers, each with its own fate.

A reader that fails or takes too long leaves its metrics out of the page and says so in
``academy_metrics_reader_up``; it never shows a zero that nobody measured.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from django.db import connection, transaction

from academy.core import clock
from academy.telemetry import metrics
from academy.telemetry.metrics import Metric

logger = logging.getLogger(__name__)

Sample = tuple[Metric, tuple[str, ...], float]
"""A metric, its labels' values in its own order, and the value."""
Reader = Callable[[], Iterable[Sample]]

STATEMENT_MS: Final = 700
"""A statement of a reader ends after this."""
BUDGET_SECONDS: Final = 1.5
"""No reader begins after this; whoever asks for the page gives up after ten."""

_readers: dict[str, Reader] = {}


def register_gauge(name: str, reader: Reader) -> None:
    """Have ``reader`` asked for every page.

    It is called inside a transaction with a short ``statement_timeout``, and yields samples of
    metrics that are in the table (:func:`academy.telemetry.metrics.gauge`).
    """
    _readers[name] = reader


def read_all() -> list[Sample]:
    """What every reader says now; raises what a database raises that cannot be reached at all."""
    until = clock.monotonic() + BUDGET_SECONDS
    found: list[Sample] = []
    with transaction.atomic():
        limit_statements()
        for name, reader in _readers.items():
            samples = _read(name, reader) if clock.monotonic() < until else None
            found += samples or []
            found.append((metrics.READER_UP, (name,), float(samples is not None)))
    return found


def limit_statements() -> None:
    """End the present transaction's statements after ``STATEMENT_MS``."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")


def _read(name: str, reader: Reader) -> list[Sample] | None:
    try:
        with transaction.atomic():
            return list(reader())
    except Exception as error:
        if connection.closed_in_transaction or not connection.is_usable():
            raise
        logger.warning("metrics of %s could not be read: %s", name, type(error).__name__)
        return None
