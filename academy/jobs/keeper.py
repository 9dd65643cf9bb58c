"""Keeps the leases of everything a process is working on.

One daemon thread a process, on its own database connection: every tick it renews all held leases
in one statement, stores their latest progress, and tells those attempts to stop whose job was
cancelled, whose lease is gone, whose time is up, or whose worker is being drained.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from academy.core import clock
from academy.jobs import lease
from academy.jobs.errors import StopReason

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 2.0
"""Longest time between two renewals of a lease: a cancel is seen within it."""


class Held:
    """One attempt that this process holds; shared by the handler's thread and the keeper's."""

    def __init__(self, claim: lease.Claim, timeout_seconds: float) -> None:
        self.claim = claim
        self.timeout_at = clock.monotonic() + timeout_seconds
        self.renewed_at = clock.monotonic()
        self.stop_reason: StopReason | None = None
        self._lock = threading.Lock()
        self._progress: lease.Progress | None = None
        self._callbacks: list[Callable[[], None]] = []

    def report(self, progress: lease.Progress) -> None:
        """Remember the latest progress for the next heartbeat."""
        with self._lock:
            self._progress = progress

    def take_progress(self) -> lease.Progress | None:
        """The latest progress that is not stored yet."""
        with self._lock:
            progress, self._progress = self._progress, None
            return progress

    def put_back(self, progress: lease.Progress | None) -> None:
        """Keep progress whose store failed, unless the handler has reported since."""
        with self._lock:
            self._progress = self._progress or progress

    def stop(self, reason: StopReason) -> None:
        """Tell the attempt to end; only the first reason counts."""
        with self._lock:
            if self.stop_reason is not None:
                return
            self.stop_reason = reason
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _call(callback)

    @contextmanager
    def on_stop(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have ``callback`` called when the attempt must end, while the block runs."""
        with self._lock:
            stopped = self.stop_reason is not None
            if not stopped:
                self._callbacks.append(callback)
        if stopped:
            _call(callback)
        try:
            yield
        finally:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)


class LeaseKeeper:
    """The heartbeat of one process. ``draining`` says whether held work must be given back now."""

    def __init__(
        self, *, draining: Callable[[], bool] = lambda: False, tick_seconds: float | None = None
    ) -> None:
        beat = min(BEAT_SECONDS, settings.JOB_LEASE_SECONDS / 3)
        self._tick = tick_seconds if tick_seconds is not None else beat / 2
        self._beat = beat
        self._draining = draining
        self._held: dict[int, Held] = {}
        self._lock = threading.Lock()
        self._busy = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def hold(self, claim: lease.Claim, timeout_seconds: float) -> Iterator[Held]:
        """Keep the claim's lease for as long as the block runs."""
        held = Held(claim, timeout_seconds)
        with self._lock:
            self._held[id(held)] = held
            self._start()
        self._busy.set()
        try:
            yield held
        finally:
            with self._lock:
                del self._held[id(held)]
                if not self._held:
                    self._busy.clear()

    def _start(self) -> None:
        # Started on first use: a thread does not survive the fork of a prefork pool.
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            if not self._busy.is_set():
                # An idle worker holds no second connection.
                connection.close()
            self._busy.wait()
            pause.wait(self._tick)
            with self._lock:
                held = list(self._held.values())
            try:
                self.beat(held)
            except Exception:
                logger.exception("the lease keeper failed; it goes on")

    def beat(self, attempts: list[Held]) -> None:
        """One round: stop what must stop, renew the rest."""
        now = clock.monotonic()
        draining = self._draining()
        due: list[Held] = []
        for held in attempts:
            if now >= held.timeout_at:
                held.stop(StopReason.TIMEOUT)
            if draining:
                held.stop(StopReason.DRAINING)
            if now - held.renewed_at >= self._beat:
                due.append(held)
        if due:
            self._renew(due)

    def _renew(self, due: list[Held]) -> None:
        progress = [held.take_progress() for held in due]
        beats = [
            lease.Beat(held.claim.job_id, held.claim.attempt, latest)
            for held, latest in zip(due, progress, strict=True)
        ]
        asked_at = clock.monotonic()
        try:
            with connection.cursor() as cursor:
                renewed = lease.renew(beats, cursor)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("heartbeat failed, leases not renewed: %s", type(error).__name__)
            connection.close()
            for held, latest in zip(due, progress, strict=True):
                held.put_back(latest)
                if clock.monotonic() - held.renewed_at >= settings.JOB_LEASE_SECONDS:
                    held.stop(StopReason.LEASE_LOST)
            return
        for held in due:
            cancel = renewed.get((held.claim.job_id, held.claim.attempt))
            if cancel is None:
                held.stop(StopReason.LEASE_LOST)
            else:
                held.renewed_at = asked_at
                if cancel:
                    held.stop(StopReason.CANCELLED)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        logger.exception("a stop callback failed")
