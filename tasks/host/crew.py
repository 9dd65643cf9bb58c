"""The workers of this computer: whether one is at work, from their health files.

Each worker writes its file every few seconds (:mod:`tasks.worker.health`). Whatever cannot be read
or is not fresh counts as not known, and not known is never idle.
"""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from academy.core import clock

logger = logging.getLogger(__name__)

PATTERN = "academy-worker-*.json"
#: A worker writes every 5 s; one that has not for this long is stuck, ending, or gone.
FRESH_SECONDS = 15.0
#: A worker that could not ask SQS for this long does not know whether there is work.
POLL_SECONDS = 90.0


class Load(StrEnum):
    """Whether this computer is at work."""

    BUSY = "busy"
    IDLE = "idle"
    UNKNOWN = "unknown"


class UnreadableError(Exception):
    """A health file that says nothing; the text says why."""


@dataclass(frozen=True)
class Report:
    """One worker's own report. Times are ``clock.monotonic()``, one clock for the computer.

    ``owner`` is the user that the file belongs to.
    """

    pid: int
    written: float
    held: int
    running: int
    taken: int
    full: bool
    stopped: bool
    polls: Mapping[str, float]
    owner: int


@dataclass(frozen=True)
class Look:
    """The workers at one moment. ``why`` is a sentence where the load is not known."""

    load: Load
    idle_seconds: float = 0.0
    why: str = ""


def read_report(path: Path) -> Report:
    """One health file; UnreadableError for anything but a complete report."""
    try:
        state: dict[str, Any] = json.loads(path.read_text())
        return Report(
            pid=_whole(state["pid"], 1),
            written=_number(state["written"]),
            held=_whole(state["held"]),
            running=_whole(state["running"]),
            taken=_whole(state["taken"]),
            full=bool(state["full"]),
            stopped=bool(state.get("stopped", False)),
            polls={str(queue): _number(at) for queue, at in dict(state["queues"]).items()},
            owner=path.stat().st_uid,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"{path.name} cannot be read ({type(error).__name__})") from error


def _whole(value: Any, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError
    return value


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def load_of(report: Report, now: float) -> tuple[Load, str]:
    """What one report means at *now*, and why where that is not known."""
    if report.stopped:
        return Load.IDLE, ""
    # A report from the future is one of before the computer was started again.
    if not 0 <= now - report.written <= FRESH_SECONDS:
        return Load.UNKNOWN, "a worker has not reported lately"
    if report.held or report.running:
        return Load.BUSY, ""
    # One that is told to take nothing polls nothing, and its queue's backlog is not for it.
    if not report.full and not report.polls:
        return Load.UNKNOWN, "a worker consumes nothing"
    if not report.full and now - min(report.polls.values()) > POLL_SECONDS:
        return Load.UNKNOWN, "a worker does not reach SQS"
    return Load.IDLE, ""


class Crew:
    """Looks at the workers again and again, and remembers since when they are idle."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = clock.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._idle_since: float | None = None
        self._seen: dict[Path, tuple[int, int]] = {}
        self._told: set[tuple[int, int | None]] = set()

    def look(self) -> Look:
        """The workers now. A task taken since the last look ends an idle time, however short."""
        now = self._now()
        reports, unreadable = self._reports()
        loads = [load_of(report, now) for report in reports.values()]
        seen = {path: (report.pid, report.taken) for path, report in reports.items()}
        changed, self._seen = seen != self._seen, seen
        why = next((reason for load, reason in loads if load is Load.UNKNOWN), unreadable)
        if not reports and not why:
            why = "no worker has reported"
        if any(load is Load.BUSY for load, _ in loads):
            self._idle_since = None
            return Look(Load.BUSY)
        if why:
            self._idle_since = None
            return Look(Load.UNKNOWN, why=why)
        if self._idle_since is None or changed:
            self._idle_since = now
        return Look(Load.IDLE, now - self._idle_since)

    def _reports(self) -> tuple[dict[Path, Report], str]:
        """What can be read, and why something cannot."""
        reports: dict[Path, Report] = {}
        unreadable = ""
        try:
            paths = sorted(self._folder.glob(PATTERN))
        except OSError as error:
            return {}, f"{self._folder} cannot be read ({type(error).__name__})"
        for path in paths:
            try:
                reports[path] = read_report(path)
            except UnreadableError as error:
                unreadable = str(error)
        return reports, unreadable

    def drain(self) -> int:
        """Send SIGTERM to every worker that has not had it; returns how many are still there.

        Only the parents are told. One that is started again by its supervisor is told again. A
        file that cannot be read counts as one worker more.
        """
        reports, unreadable = self._reports()
        there = int(bool(unreadable))
        for report in reports.values():
            if report.stopped or not is_writer(report):
                continue
            there += 1
            started = (report.pid, _started_at(report.pid))
            if started not in self._told:
                self._told.add(started)
                _terminate(report.pid)
        return there


def is_writer(report: Report) -> bool:
    """Whether the process that wrote *report* lives, and not another that got its number.

    Nor one of another user than the file's: a file in a folder that anybody may write must not have
    us end other people's processes.
    """
    try:
        os.kill(report.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    ticks = _started_at(report.pid)
    if ticks is None:
        return True
    if _user_of(report.pid) != report.owner:
        return False
    asleep = time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
    return 0 <= ticks / os.sysconf("SC_CLK_TCK") - asleep <= report.written


def _started_at(pid: int) -> int | None:
    """When a process started, in ticks since the boot, or -1 for a zombie; None where not known."""
    try:
        # The name in parentheses may hold anything; state is field 3, the start time field 22.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return -1 if fields[0] == "Z" else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def _user_of(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None


def _terminate(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        logger.error("Cannot tell worker %d to stop: run the agent as the workers' user.", pid)  # noqa: TRY400
        return
    logger.info("Told worker %d to finish or give back what it holds.", pid)
