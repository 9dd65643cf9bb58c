"""The platform's database as Flower sees it: what is switched off, and how to switch it.

Nothing here blocks tornado's loop, and no page waits long for a database that does not answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from academy.core import clock

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Pages share one answer for this long.
FRESH_SECONDS = 2.0
#: A page is shown without the database's part after this long.
PAGE_SECONDS = 3.0
#: Whoever pressed a button is answered within this time.
DEED_SECONDS = 12.0
_THREADS = 4


@dataclass(frozen=True)
class Pause:
    """Who stopped a queue, when and why."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True)
class Switch:
    """What a worker last wrote of itself, and who asked it to drain, if anybody did."""

    state: str
    drain_asked_by: str = ""


@dataclass(frozen=True)
class Board:
    """All switches at one moment.

    ``oldest`` is the age in seconds of each queue's oldest job that was published and that nobody
    has claimed. ``letters`` counts what died on a queue, was collected into the platform's list of
    dead letters and is open there. ``problem`` is a sentence where the database could not be read.
    """

    paused: Mapping[str, Pause] = field(default_factory=dict)
    workers: Mapping[str, Switch] = field(default_factory=dict)
    oldest: Mapping[str, int] = field(default_factory=dict)
    letters: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


class DeedError(Exception):
    """Why a control did nothing: an HTTP status and a sentence for whoever pressed it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NoDatabase:
    """Flower without the platform's database: no switches are known, none can be turned."""

    on = False

    async def board(self) -> Board:
        """An empty board."""
        return Board()

    async def do(self, deed: str, *_: Any, **__: Any) -> str:  # noqa: ARG002 - one interface
        """Refuse."""
        raise DeedError(
            403,
            "Controls are off here: this Flower was started without DATABASE_URL or without a "
            "login. Use the platform's console.",
        )

    def close(self) -> None:
        """Nothing is open."""


class Database:
    """Reads the board and does deeds, in threads.

    *read* and each of the *deeds*, by name, run in *around*, which sees to the thread's connection.
    """

    on = True

    def __init__(
        self,
        read: Callable[[], Board],
        deeds: Mapping[str, Callable[..., str]],
        *,
        around: Callable[[Callable[[], Any]], Any] = lambda act: act(),
    ) -> None:
        self._read = read
        self._deeds = deeds
        self._around = around
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="database")
        self._reading: asyncio.Future[Board] | None = None
        self._last = Board()
        self._read_at: float | None = None

    async def board(self) -> Board:
        """The switches, at most 2 s old; with a problem, never an error, where they are unknown."""
        if self._read_at is not None and clock.monotonic() - self._read_at < FRESH_SECONDS:
            return self._last
        if self._reading is None:
            # One read at a time: pages that refresh themselves must not queue up behind a database
            # that hangs.
            self._reading = asyncio.ensure_future(self._refresh())
        try:
            return await asyncio.wait_for(asyncio.shield(self._reading), PAGE_SECONDS)
        except TimeoutError:
            return Board(problem="The database does not answer: switches are not shown.")

    async def _refresh(self) -> Board:
        try:
            self._last = await self._in_thread(self._read)
        except Exception as exc:  # noqa: BLE001 - a page without switches says more than none
            logger.warning("The switches could not be read (%s).", type(exc).__name__)
            self._last = Board(problem="The database does not answer: switches are not shown.")
        finally:
            self._reading = None
            self._read_at = clock.monotonic()
        return self._last

    async def do(self, deed: str, *about: Any, **more: Any) -> str:
        """Do the *deed* of that name and return its sentence. Raises nothing but DeedError."""
        try:
            act = partial(self._deeds[deed], *about, **more)
            return await asyncio.wait_for(self._in_thread(act), DEED_SECONDS)
        except DeedError:
            raise
        except TimeoutError:
            raise DeedError(
                503,
                f"The database has not answered for {DEED_SECONDS:.0f} s. It may still be done: "
                "look again before you repeat it.",
            ) from None
        except Exception as exc:  # noqa: BLE001 - whoever pressed the button is told
            logger.warning("A control failed (%s).", type(exc).__name__)
            raise DeedError(
                503,
                f"The database did not do it ({type(exc).__name__}). Look again before you repeat "
                "it.",
            ) from None
        finally:
            self._read_at = None

    async def _in_thread(self, act: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        done: T = await loop.run_in_executor(self._executor, partial(self._around, act))
        return done

    def close(self) -> None:
        """Let the threads end; waits for none."""
        self._executor.shutdown(wait=False, cancel_futures=True)
