"""The processes of a run: kept at their number whatever is done to them, as a supervisor would."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, connection

from academy.core import clock
from academy.jobs.models import Job
from tests.chaos.plan import Fault, Strike
from tests.support.processes import Process
from tests.support.world import LEASE_SECONDS, World

WORKERS = ("video", "video", "ai-lite", "ai-basic", "ai-basic", "messaging")
RELAYS = 2
#: How much of its log says why a process ended, in characters.
LAST_WORDS = 6_000


@dataclass
class Member:
    """One process that must run; ``start`` makes its successor."""

    start: Callable[[], Process]
    process: Process
    killed: bool = False
    resume_at: float | None = None


class Crew:
    """Two relays and the workers, restarted when they end."""

    def __init__(self, world: World, queues: Sequence[str] = WORKERS) -> None:
        self._world, self._queues = world, queues
        self.done: Counter[Fault] = Counter()
        self.signals = 0
        """SIGKILLs that were sent."""
        self.ended_by_themselves: list[str] = []
        self._relays = [_member(world.relay) for _ in range(RELAYS)]
        self._workers = [
            _member(lambda queue=queue: world.worker(queue))  # type: ignore[misc]
            for queue in queues
        ]
        self._database_back_at: float | None = None
        self._sqs_back_at: float | None = None

    def ready(self) -> None:
        for member in self._workers:
            member.process.said(" ready.", 90)

    def strike(self, strike: Strike) -> None:
        """Do one fault; what it takes away comes back in `tend`."""
        act = {
            Fault.KILL_CHILD: self._kill_child,
            Fault.KILL_WORKER: lambda one: self._kill(self._workers, one),
            Fault.KILL_RELAY: lambda one: self._kill(self._relays, one),
            Fault.PAUSE_WORKER: self._pause,
            Fault.STOP_DATABASE: self._stop_database,
            Fault.SQS_AWAY: self._sqs_away,
            Fault.PURGE: self._purge,
        }[strike.fault]
        if act(strike):
            self.done[strike.fault] += 1

    def tend(self) -> None:
        """Bring back what is due, and start what has ended."""
        now = clock.monotonic()
        if self._database_back_at is not None and now >= self._database_back_at:
            self._database_back_at = None
            self._world.database.start()
        if self._sqs_back_at is not None and now >= self._sqs_back_at:
            self._sqs_back_at = None
            self._world.proxy.up()
        for member in [*self._relays, *self._workers]:
            if member.resume_at is not None and now >= member.resume_at:
                member.resume_at = None
                member.process.signal_all(signal.SIGCONT)
            if not member.process.alive:
                if not member.killed:
                    status = member.process.returncode
                    last = member.process.log[-LAST_WORDS:]
                    self.ended_by_themselves.append(f"{member.process.name} ({status}):\n{last}")
                member.process.kill()
                member.process, member.killed = member.start(), False

    def heal(self) -> None:
        """The faults are over: everything is back."""
        for member in self._workers:
            member.resume_at = member.resume_at and 0.0
        self._database_back_at = self._database_back_at and 0.0
        self._sqs_back_at = self._sqs_back_at and 0.0
        self._world.proxy.heal()
        self.tend()

    def _kill_child(self, strike: Strike) -> bool:
        pools = [
            pid
            for member in self._workers
            if member.process.alive
            for pid in member.process.children()
        ]
        # Nearly always one that is at work: the death of an idle one proves little.
        holders = self._holders()
        busy = [pid for pid in pools if pid in holders]
        pool = busy if busy and strike.seconds > 1.3 else pools
        return bool(pool) and self._sigkill(pool[int(strike.pick * len(pool))])

    def _holders(self) -> set[int]:
        """The processes that hold a lease; none are known while the database is away."""
        try:
            owners = Job.unscoped.filter(state="running").values_list("lease_owner", flat=True)
            return {int(owner.rpartition("/")[2]) for owner in owners}
        except (OperationalError, InterfaceError):
            connection.close()
            return set()

    def _sigkill(self, pid: int) -> bool:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.signals += 1
        return True

    def _kill(self, members: list[Member], strike: Strike) -> bool:
        """The whole host, or every other time the parent alone."""
        member = members[int(strike.pick * len(members))]
        if not member.process.alive or member.resume_at is not None:
            return False
        member.killed = True
        if strike.seconds < 2.5:
            return self._sigkill(member.process.pid)
        self.signals += len(member.process.session())
        member.process.kill()
        return True

    def _pause(self, strike: Strike) -> bool:
        member = self._workers[int(strike.pick * len(self._workers))]
        if not member.process.alive or member.resume_at is not None:
            return False
        member.process.signal_all(signal.SIGSTOP)
        member.resume_at = clock.monotonic() + LEASE_SECONDS + strike.seconds
        return True

    def _stop_database(self, strike: Strike) -> bool:
        if self._database_back_at is not None:
            return False
        self._world.stop_database()
        self._database_back_at = clock.monotonic() + strike.seconds
        return True

    def _sqs_away(self, strike: Strike) -> bool:
        if self._sqs_back_at is not None:
            return False
        self._world.proxy.down()
        self._sqs_back_at = clock.monotonic() + strike.seconds
        return True

    def _purge(self, strike: Strike) -> bool:
        queue = self._queues[int(strike.pick * len(self._queues))]
        self._world.sqs.purge_queue(QueueUrl=self._world.queue_url(queue))
        return True


def _member(start: Callable[[], Process]) -> Member:
    return Member(start, start())
