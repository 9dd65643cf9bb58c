"""The relay: the only sender of messages, and the platform's housekeeper.

``python -m tasks.relay``. It waits for LISTEN/NOTIFY (and looks by itself every
``RELAY_POLL_SECONDS``), publishes what admission picks, and runs the registered sweeps. Any number
of copies may run: advisory locks share out the queues and the sweeps among them.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import django
import psycopg
from django.conf import settings
from django.db import connection

from academy.core import clock, health, sweeps, tracing
from academy.core.locks import KEY, Space
from academy.fleet.wake import RELAY_CHANNEL
from academy.jobs import admission
from tasks import queues
from tasks.app import app
from tasks.events import endings
from tasks.events.outbox import close_outbox
from tasks.relay_health import Sign
from tasks.transport import PartialPublishError

logger = logging.getLogger("tasks.relay")

BATCH: Final = 100
SWEEP_GRACE: Final = 5.0
"""Seconds that a stopping relay waits for its sweeps."""
IDLE_CONNECTION_SECONDS: Final = 20.0
"""A sweep that runs less often than this keeps no database connection meanwhile."""
ERROR_PAUSE: Final = 1.0
"""Seconds before the relay tries again when the database or the broker is away."""


class Publisher:
    """Sends due rows as thin messages, ten to a request, in the tenant's message group."""

    def __init__(self) -> None:
        self._producer: Any = None

    def publish(self, queue: queues.Queue, due: Sequence[admission.Due]) -> list[UUID]:
        """Send and return the ids that the broker confirmed; never raises for a broker's error."""
        ids = {f"{row.id}-v{row.version}": row.id for row in due}
        started_ns = tracing.now_ns()
        try:
            producer = self._connected()
            with producer.batch(max_size=BATCH):
                for row, task_id in zip(due, ids, strict=True):
                    self._send(producer, queue, row, task_id)
        except PartialPublishError as error:
            # An unconfirmed message may have arrived: its row is published again, the claim sorts
            # the copies out.
            logger.warning("%s: %s", queue.name, error)
            for failed in error.failed:
                ids.pop(failed.task_id or "", None)
        except Exception as error:  # noqa: BLE001 - rows stay queued, whatever the broker did
            logger.warning("%s: nothing published (%s)", queue.name, type(error).__name__)
            self.close()
            ids = {}
        sent = list(ids.values())
        _trace(queue, due, sent, started_ns)
        return sent

    def _send(self, producer: Any, queue: queues.Queue, row: admission.Due, task_id: str) -> None:
        # For whoever looks at a message; a worker takes the row's own.
        headers = {"traceparent": row.traceparent} if row.traceparent else {}
        message = app.amqp.as_task_v2(
            task_id,
            queue.task,
            kwargs={"job": str(row.id), "version": row.version},
            shadow=row.kind,
            argsrepr="()",
            kwargsrepr="(redacted)",
            ignore_result=True,
        )
        producer.publish(
            message.body,
            routing_key=queue.name,
            exchange="",
            headers={**message.headers, **headers},
            serializer="json",
            MessageGroupId=str(row.tenant_id),
            **message.properties,
        )

    def _connected(self) -> Any:
        if self._producer is None:
            self._producer = app.amqp.Producer(app.connection_for_write(), auto_declare=False)
        return self._producer

    def close(self) -> None:
        """Drop the broker connection; the next publish opens another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.connection.release()
            except Exception as error:  # noqa: BLE001 - it is being thrown away
                logger.info("closing the broker connection: %s", type(error).__name__)


def _trace(
    queue: queues.Queue, due: Sequence[admission.Due], sent: Sequence[UUID], started_ns: int
) -> None:
    """A span for each row that is traced, in its own trace; they were sent together."""
    if not tracing.enabled():
        return
    confirmed = set(sent)
    for row in due:
        if row.traceparent:
            tracing.record(
                "job.publish",
                {
                    "academy.job.id": str(row.id),
                    "academy.job.kind": row.kind,
                    "academy.job.version": row.version,
                    "academy.queue": queue.name,
                    "academy.batch": len(due),
                },
                kind="producer",
                parent=row.traceparent,
                started_ns=started_ns,
                error_code="" if row.id in confirmed else "not_confirmed",
            )


class Relay:
    """One relay process: the main thread publishes, and every sweep has a thread of its own.

    A sweep that waits for a slow object store must not keep lost jobs from being found.
    """

    def __init__(self) -> None:
        self._rows = {row.name: row for row in queues.table()}
        self._publisher = Publisher()
        self._sign = Sign()
        self._stopping = threading.Event()
        self._sweepers = [
            threading.Thread(target=self._sweep, args=(sweep,), name=sweep.name, daemon=True)
            for sweep in sweeps.registered()
        ]

    def stop(self, *_: object) -> None:
        """End after the present round; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Publish until told to stop; every failure of a part is logged and outlived."""
        for sweeper in self._sweepers:
            sweeper.start()
        logger.info("relay up: %s", ", ".join(self._rows))
        while not self._stopping.is_set():
            self._sign.give()
            try:
                with _listener() as listener:
                    self._publish_while_listening(listener)
            except Exception as error:  # noqa: BLE001 - database or broker: outlived
                logger.warning("relay pauses: %s: %s", type(error).__name__, error)
                connection.close()
                self._stopping.wait(ERROR_PAUSE)
        self._publisher.close()
        deadline = clock.monotonic() + SWEEP_GRACE
        for sweeper in self._sweepers:
            sweeper.join(timeout=max(0.0, deadline - clock.monotonic()))
        logger.info("relay down")

    def _publish_while_listening(self, listener: psycopg.Connection[Any]) -> None:
        woken = set(self._rows)
        polled_at = clock.monotonic()
        while not self._stopping.is_set():
            for name in woken & self._rows.keys():
                self.publish(self._rows[name])
            pause = settings.RELAY_POLL_SECONDS - (clock.monotonic() - polled_at)
            if pause <= 0:
                self._sign.give()
                admission.promote_retries()
                listener.execute(health.RELAY_ROUND)
                polled_at = clock.monotonic()
                woken = set(self._rows)
                pause = 0
            else:
                woken = set()
            woken |= {n.payload for n in listener.notifies(timeout=pause, stop_after=1)}

    def publish(self, row: queues.Queue) -> int:
        """Publish all that may be published on one queue now; returns how many."""
        total = 0
        while not self._stopping.is_set():
            count = admission.publish_due(
                row.name,
                window=row.publish_window,
                limit=BATCH,
                publish=lambda due: self._publisher.publish(row, due),
            )
            total += count or 0
            if not count:
                break
        return total

    def _sweep(self, sweep: sweeps.Sweep) -> None:
        while not self._stopping.is_set():
            started_at = clock.monotonic()
            try:
                run_sweep(sweep)
            except Exception as error:  # noqa: BLE001 - the next round tries again
                logger.warning("sweep %s failed: %s", sweep.name, type(error).__name__)
                connection.close()
            if sweep.every_seconds > IDLE_CONNECTION_SECONDS:
                connection.close()
            self._stopping.wait(sweep.every_seconds - (clock.monotonic() - started_at))
        connection.close()


def run_sweep(sweep: sweeps.Sweep) -> int | None:
    """Run a sweep unless another relay is at it (None); returns how much it changed."""
    name = (sweep.name, int(Space.SWEEP))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock({KEY})", name)
        if not cursor.fetchone()[0]:
            return None
    try:
        return sweep.run()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_unlock({KEY})", name)


def _listener() -> psycopg.Connection[Any]:
    """A connection of its own that listens; it notices a dead server within seconds."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "pool", "prepare_threshold"):
        parameters.pop(name, None)
    listener = psycopg.connect(autocommit=True, **parameters)
    listener.execute(f"LISTEN {RELAY_CHANNEL}")
    return listener


def main() -> None:
    """Entry point; SIGTERM and SIGINT end it in order."""
    os.environ.setdefault("ACADEMY_PROCESS", "relay")
    django.setup()
    if queues.events_flush_seconds():
        every = settings.RELAY_SWEEP_SECONDS
        sweeps.register(endings.SWEEP, endings.Endings().tell, every_seconds=every)
    relay = Relay()
    signal.signal(signal.SIGTERM, relay.stop)
    signal.signal(signal.SIGINT, relay.stop)
    relay.run()
    tracing.shutdown()
    close_outbox()


if __name__ == "__main__":
    main()
