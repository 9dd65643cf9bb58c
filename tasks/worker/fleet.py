"""The worker's side of the operators' switches: it asks for its orders and reports.

SQS has no remote control, so the orders are rows (``academy.fleet``). A daemon thread in the
worker's parent reads them in one short statement every two seconds and writes the worker's own row
every ten, or when its state changes. While its queue is paused or the worker is to drain, the
channel polls nothing, and a message that is held but not claimed yet is given back; what runs goes
on. Where the database is away the last orders stay. A worker whose scratch disk is short of room
(``academy.jobs.room``) holds back by itself in the same way, until there is room again.

The prefork children, which claim the jobs, read one byte of shared memory, as with the drain.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from celery import bootsteps, signals
from django.apps import apps
from django.conf import settings
from django.db import connection

from academy.core import clock
from academy.core.ids import new_id
from academy.fleet import report
from academy.fleet.report import Fact, Identity, Orders
from academy.fleet.states import WorkerState
from academy.jobs import room
from tasks import queues
from tasks.worker import database, drain

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 2.0
"""How often the orders are read: with the statement itself, a switch takes hold within 5 s."""
REPORT_SECONDS: Final = 10.0
FIRST_ORDERS_SECONDS: Final = 3.0
"""How long the first poll waits for the first orders."""
CLOSE_SECONDS: Final = 2.0
"""A worker that stops has this long to say so."""

_holding = mmap.mmap(-1, 1)
_facts: dict[str, Callable[[], Fact]] = {}


def holding() -> bool:
    """Whether no job may be claimed now. Cheap, and the same in every process of the worker."""
    return _holding[0] != 0


def add_fact(name: str, read: Callable[[], Fact]) -> None:
    """Have the worker's row say ``name: read()`` under ``facts``.

    *read* is called from this module's thread in the worker's parent. *name* is stable, the value
    a number or a short text.
    """
    _facts[name] = read


def facts() -> dict[str, Fact]:
    """What every registered fact says now, without those that cannot be read."""
    read: dict[str, Fact] = {}
    for name, fact in list(_facts.items()):
        try:
            read[name] = fact()
        except Exception as exc:  # noqa: BLE001 - one fact must not silence the worker
            logger.warning("The fact %s cannot be read: %s.", name, type(exc).__name__)
    return read


class Agent:
    """What the thread does, one :meth:`tick` after the other; knows the channel of the moment.

    *ask* and *say* are the two statements of :mod:`academy.fleet.report`.
    """

    def __init__(
        self,
        who: Identity,
        *,
        ask: Callable[[Identity], Orders | None] = report.ask,
        say: Callable[..., Orders] = report.report,
        lacking: Callable[[], int] = room.lacking_bytes,
        now: Callable[[], float] = clock.monotonic,
        unseen_seconds: float = 0,
    ) -> None:
        self._who = who
        self._ask = ask
        self._say = say
        self._lacking = lacking
        self._now = now
        self._unseen_seconds = unseen_seconds
        self._started = now()
        self._channel: Any = None
        self._reported: tuple[WorkerState, float] | None = None
        self._failures = 0
        self._is_short = False
        self.orders = Orders()

    def follow(self, channel: Any) -> None:
        """Keep *channel* to the orders from now on: the consumer has a new one."""
        self._channel = channel
        self._apply()

    def tick(self) -> bool:
        """One statement; False where the database did not answer. Never raises."""
        self._look_at_disk()
        try:
            orders = self._exchange()
        except Exception as exc:  # noqa: BLE001 - the worker works on, whatever the database does
            self._on_failure(exc)
            return False
        if self._failures:
            logger.info("The worker's orders are read again after %d failures.", self._failures)
            self._failures = 0
        if orders is not None and orders != self.orders:
            self._obey(orders)
        return True

    def say_goodbye(self) -> None:
        """Report the end of the process; it may be lost, then the row only grows old."""
        try:
            self._report(WorkerState.STOPPED)
        except Exception as exc:  # noqa: BLE001 - there is nobody left to try again
            logger.warning("The worker could not report that it stopped: %s.", type(exc).__name__)

    @property
    def state(self) -> WorkerState:
        """What the worker is doing, by its orders and by what it holds."""
        if drain.requested():
            return WorkerState.DRAINING
        if self.orders.drain:
            return WorkerState.DRAINING if self._held() else WorkerState.DRAINED
        return WorkerState.PAUSED if self.orders.paused else WorkerState.WORKING

    def _exchange(self) -> Orders | None:
        """Ask, or report where that is due; None where the worker is not known any more."""
        state, now = self.state, self._now()
        if self._reported is None or self._reported[0] != state:
            return self._report(state)
        if now - self._reported[1] >= REPORT_SECONDS - TICK_SECONDS / 2:
            return self._report(state)
        orders = self._ask(self._who)
        if orders is None:
            self._reported = None
        return orders

    def _report(self, state: WorkerState) -> Orders:
        now = self._now()
        orders = self._say(
            self._who,
            state=state,
            held=0 if state is WorkerState.STOPPED else self._held(),
            facts=facts(),
            up_seconds=now - self._started,
        )
        self._reported = (state, now)
        return orders

    def _obey(self, orders: Orders) -> None:
        before, self.orders = self.orders, orders
        self._apply()
        if orders.paused != before.paused:
            logger.info("The queue %s is %s.", self._who.queue,
                        "paused" if orders.paused else "resumed")  # fmt: skip
        if orders.drain != before.drain:
            logger.info("This worker is asked to %s.",
                        "take no new work" if orders.drain else "work again")  # fmt: skip

    def _look_at_disk(self) -> None:
        """Hold back while the scratch disk is short; what runs goes on and will free some."""
        try:
            lacking = self._lacking()
        except OSError as exc:
            logger.warning("The scratch disk cannot be looked at: %s.", exc.strerror)
            return
        if bool(lacking) == self._is_short:
            return
        self._is_short = bool(lacking)
        self._apply()
        if lacking:
            logger.warning(
                "This host's scratch disk lacks %d MB: no work is taken until it is free.",
                -(-lacking >> 20),
            )
        else:
            logger.info("There is room on the scratch disk: work is taken again.")

    def _apply(self) -> None:
        _holding[0] = self.orders.hold or self._is_short
        channel = self._channel
        if channel is None:
            return
        if _holding[0]:
            channel.pause(self._unseen_seconds if self.orders.paused else 0)
        else:
            channel.go_on()

    def _held(self) -> int:
        return len(self._channel.held()) if self._channel is not None else 0

    def _on_failure(self, exc: Exception) -> None:
        self._failures += 1
        if self._failures == 1:
            logger.warning(
                "The worker's orders cannot be read (%s); it keeps the last ones.",
                type(exc).__name__,
            )


class Fleet(bootsteps.StartStopStep):
    """Consumer step: starts the thread, and keeps every new channel of the consumer to the orders.

    Like the visibility heartbeat it has no ``stop``: a warm shutdown waits for the tasks after the
    consumer has stopped, and the worker reports until the end. Without Django it is absent.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)
    label = "fleet"

    def __init__(self, c: Any, **options: Any) -> None:
        super().__init__(c, **options)
        self._agent: Agent | None = None

    @property
    def state(self) -> str:
        """What the worker is doing, as its row says it; empty before it knows its orders."""
        return str(self._agent.state) if self._agent is not None else ""

    def include_if(self, c: Any) -> bool:  # noqa: ARG002 - bootsteps' signature
        """Only where there is a database to ask."""
        return bool(apps.ready)

    def start(self, c: Any) -> None:
        """Know the orders before the first poll, if the database tells them soon."""
        channel = c.task_consumer.channel
        if self._agent is None:
            self._agent = Agent(
                identity(c),
                # By then every worker of the queue knows, and its last poll is answered.
                unseen_seconds=queues.wait_seconds() + 2 * TICK_SECONDS,
            )
            self._agent.follow(channel)
            _Thread(self._agent).run_until_shutdown()
        else:
            self._agent.follow(channel)

    def stop(self, c: Any) -> None:
        """Go on reporting: see the class."""

    def terminate(self, c: Any) -> None:
        """Go on reporting: see the class."""


class _Thread:
    """The daemon thread around a agent, with a database connection of its own."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._closing = threading.Event()
        self._knows = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)

    def run_until_shutdown(self) -> None:
        """Start, and wait a little for the first orders."""
        signals.worker_shutdown.connect(self._close, dispatch_uid="tasks.fleet", weak=False)
        self._thread.start()
        self._knows.wait(FIRST_ORDERS_SECONDS)

    def _run(self) -> None:
        pause = 0.0
        while not self._closing.wait(pause):
            began = clock.monotonic()
            if self._agent.tick():
                database.keep_from_children(connection)
            else:
                _disconnect()
            self._knows.set()
            pause = max(TICK_SECONDS - (clock.monotonic() - began), TICK_SECONDS / 4)
        self._agent.say_goodbye()
        _disconnect()

    def _close(self, **_: Any) -> None:
        self._closing.set()
        self._thread.join(CLOSE_SECONDS)


def _disconnect() -> None:
    with contextlib.suppress(Exception):
        connection.close()


def identity(c: Any) -> Identity:
    """Who the worker with consumer *c* is."""
    (name,) = c.app.amqp.queues.consume_from
    queue = queues.by_name(name)
    return Identity(
        life=new_id(),
        name=c.hostname,
        queue=queue.name,
        host=c.hostname.partition("@")[2] or socket.gethostname(),
        host_kind=queues.host_kind(),
        pool=queue.pool,
        concurrency=c.controller.concurrency,
        release=settings.RELEASE,
    )
