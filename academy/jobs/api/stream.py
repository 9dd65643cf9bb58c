"""A job's events as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Events are rows with ascending numbers, so a stream holds no state of its own: a client that
reconnects, to this process or to another, names the last number it saw and misses nothing.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import StreamingHttpResponse

from academy.core import clock
from academy.core.catalogue import Entry, register
from academy.core.errors import AppError
from academy.core.http.serving import server
from academy.jobs import selectors
from academy.jobs.api import present
from academy.jobs.models import Job
from academy.jobs.states import TERMINAL

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "text/event-stream"
EVENTS_A_READ: Final = 200
LARGEST_SEQ: Final = 2**31 - 1
_LARGE: Final = ("params", "checkpoint", "result", "artifacts")

register(
    Entry(
        "too_many_streams", 503,
        "지금 열려 있는 실시간 연결이 너무 많습니다.",
        "Too many event streams are open right now.",
        "잠시 후 다시 연결하거나 작업 상태를 주기적으로 조회해 주세요.",
        "Connect again in a moment, or read the job from time to time instead.",
        retryable=True,
    )
)  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """How a stream behaves in time, in seconds."""

    poll: float = 1.0
    heartbeat: float = 15.0
    """A comment this often keeps proxies from closing a quiet stream, and finds dead clients."""
    lifetime: float = 600.0
    """Then the stream ends and the client reconnects: no thread is held for ever. It also ends
    when the server drains, so that a restart waits for no stream."""
    reconnect: float = 2.0


class Slots:
    """How many streams this process has open: each holds a thread of the server."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self._limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> None:
        """Raises AppError too_many_streams when none is free."""
        with self._lock:
            if self._taken >= self._limit():
                raise AppError("too_many_streams", retry_after=5)
            self._taken += 1

    def give_back(self) -> None:
        """Free the slot of a stream that has ended."""
        with self._lock:
            self._taken -= 1


# The other half of the threads is for requests that end.
slots = Slots(lambda: max(1, server.threads // 2))
pace = Pace()


def resume_after(last_event_id: str | None, after: int) -> int:
    """Where to go on: what the client saw last counts more than the address it first asked."""
    if last_event_id and last_event_id.isascii() and last_event_id.isdigit():
        return min(int(last_event_id[:10]), LARGEST_SEQ)
    return after


def respond(
    *, tenant_id: UUID, job_id: UUID, after: int, scopes: frozenset[str]
) -> StreamingHttpResponse:
    """Stream the job's events with numbers above ``after``; raises AppError too_many_streams."""
    stream = EventStream(Follower(tenant_id, job_id, after, pace, scopes), slots)
    response = StreamingHttpResponse(stream, content_type=f"{MEDIA_TYPE}; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


class EventStream(Iterator[bytes]):
    """Takes a slot when it is made and gives it back when it ends or the client goes away.

    A generator would not do: closing one that was never started runs none of its code.
    """

    def __init__(self, follower: Follower, own_slots: Slots) -> None:
        own_slots.take()
        self._slots = own_slots
        self._open = True
        self._frames = follower.frames()

    def __next__(self) -> bytes:
        try:
            return next(self._frames)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Idempotent; the server calls it when the client is gone."""
        if self._open:
            self._open = False
            self._slots.give_back()
            close_old_connections()


class Follower:
    """Follows one job by reading its row, and its events only when there are new ones."""

    def __init__(
        self,
        tenant_id: UUID,
        job_id: UUID,
        after: int,
        own_pace: Pace,
        scopes: frozenset[str],
    ) -> None:
        self._tenant_id = tenant_id
        self._scopes = scopes
        self._job_id = job_id
        self._seen = after
        self._pace = own_pace
        self._progress: dict[str, Any] | None = None

    def frames(self) -> Iterator[bytes]:
        """What goes over the wire, until the job has ended or the stream's time is up."""
        yield f"retry: {round(self._pace.reconnect * 1000)}\n\n".encode()
        ends_at = clock.monotonic() + self._pace.lifetime
        spoke_at = clock.monotonic()
        pause = threading.Event()
        while True:
            frames, ended = self._look()
            for frame in frames:
                yield frame
                spoke_at = clock.monotonic()
            now = clock.monotonic()
            if ended or now >= ends_at or not server.accepting():
                return
            if now - spoke_at >= self._pace.heartbeat:
                yield b": still here\n\n"
                spoke_at = now
            pause.wait(self._pace.poll)

    def _look(self) -> tuple[list[bytes], bool]:
        """What is new, and whether it was the last; a database that is away is waited for."""
        try:
            return self._news()
        except (OperationalError, InterfaceError) as error:
            logger.warning("an event stream waits for the database: %s", type(error).__name__)
            return [], False
        finally:
            # Back to the pool between two looks: a stream must not hold a connection.
            close_old_connections()

    def _news(self) -> tuple[list[bytes], bool]:
        row = Job.objects.for_tenant(self._tenant_id).filter(pk=self._job_id)
        job = row.defer(*_LARGE).first()
        if job is None:
            return [], True
        frames = []
        seen = self._seen
        # The trigger writes an event with its transition: up to the row's number all are there.
        while seen < job.event_seq:
            events = selectors.job_events(job=job, after=seen, limit=EVENTS_A_READ)
            frames += [_frame("state", present.event_body(e), number=e.seq) for e in events]
            seen = events[-1].seq if events else job.event_seq
        progress = present.progress_body(job)
        if progress != self._progress:
            frames.append(_frame("progress", progress))
        ended = job.state in TERMINAL
        if ended:
            frames.append(_frame("end", present.job_body(job, scopes=self._scopes)))
        # Only a complete look counts: what a lost connection cut short is read again.
        self._seen, self._progress = seen, progress
        return frames, ended


def _frame(event: str, data: dict[str, Any], *, number: int | None = None) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    name = f"id: {number}\n" if number is not None else ""
    return f"event: {event}\n{name}data: {text}\n\n".encode()
