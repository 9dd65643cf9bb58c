"""Requests of the API: counted in each process's memory, added to the database every few seconds.

The API has several processes on several hosts behind one address, and each is replaced now and
then. Added up in the database their counters are one, whichever of them is scraped, and outlive
them all. A process that is killed loses what it had not yet written.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponseBase

from academy.core import clock
from academy.telemetry import metrics, store
from academy.telemetry.store import Deltas

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 10.0
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestCounters:
    """What this process has counted and not yet written; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deltas = Deltas()

    def count(
        self, route: str, method: str, status: int, seconds: float, *, replayed: bool
    ) -> None:
        """Count one answered request."""
        with self._lock:
            self._deltas.count(metrics.HTTP_REQUESTS, (route, method, str(status)))
            self._deltas.observe(metrics.HTTP_SECONDS, (route, method), seconds)
            if replayed:
                self._deltas.count(metrics.HTTP_REPLAYED, (route,))

    def flush(self) -> bool:
        """Add it to the stored counters; False where that failed and it is kept for the next time.

        Closes this thread's database connection, or gives it back to the pool.
        """
        with self._lock:
            deltas, self._deltas = self._deltas, Deltas()
        if not deltas:
            return True
        try:
            with transaction.atomic():
                store.add(deltas)
        except Exception as error:  # noqa: BLE001 - the database is away: tried again later
            logger.warning("request counters could not be stored: %s", type(error).__name__)
            with self._lock:
                self._deltas.merge(deltas)
            return False
        finally:
            connection.close()
        return True


class RequestMetricsMiddleware:
    """Counts every request by the template of its address; nothing a caller typed is a label."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on and count its answer."""
        started = clock.monotonic()
        response = self.get_response(request)
        match = request.resolver_match
        counters.count(
            f"/{match.route.lstrip('^')}" if match is not None else "none",
            request.method if request.method in _METHODS else "other",
            response.status_code,
            clock.monotonic() - started,
            replayed=response.headers.get("Idempotency-Replayed") == "true",
        )
        return response


class Flusher:
    """A thread of one API process that writes its counters; the server starts and stops it."""

    def __init__(self, flush: Callable[[], bool], *, every_seconds: float = EVERY_SECONDS) -> None:
        self._flush = flush
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; call it in the process that serves, not in the one that forks it."""
        self._thread = threading.Thread(target=self._run, name="request-metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, once, and end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=self._every_seconds)
        self._flush()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            self._flush()


counters: Final = RequestCounters()
flusher: Final = Flusher(counters.flush)
