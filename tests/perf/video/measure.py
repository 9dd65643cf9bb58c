"""Run encoders and weigh them: CPU of the children, wall time, peak memory, the first playlist."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_PAUSE = 0.02
_WEIGH_EVERY = 0.1
_KIB = 1024
_MIB = 1 << 20


class CommandError(RuntimeError):
    """A command failed; the message holds its last words."""


@dataclass(frozen=True)
class Command:
    """A command, the folder it writes into, and the file that says that its output can be played.

    ``needs`` are positions of commands before it that must have ended.
    """

    argv: tuple[str, ...]
    folder: Path
    playlist: Path | None = None
    needs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a set of commands took.

    ``cpu`` and ``wall`` in seconds, ``rss`` in MiB: the most that all of them held at one time.
    ``first`` is when the first playlist was there; None where none was waited for or none came.
    """

    cpu: float
    wall: float
    rss: float
    first: float | None
    finished: bool = True


@dataclass
class _Running:
    """A command under way."""

    number: int
    command: Command
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class _Tally:
    """What has been seen so far."""

    cpu: float = 0.0
    rss: float = 0.0
    first: float | None = None
    ended: set[int] = field(default_factory=set)


def run(commands: Sequence[Command], *, at_once: int, limit_seconds: float | None = None) -> Cost:
    """Run the commands in their order, so many at a time, to their end.

    With a limit they are stopped after so many seconds, and the cost says that they had not
    finished. Raises CommandError when one fails.
    """
    waiting = deque(enumerate(commands))
    running: list[_Running] = []
    tally, began, weighed = _Tally(), time.monotonic(), 0.0
    try:
        while waiting or running:
            while waiting and len(running) < at_once and _ready(waiting[0][1], tally):
                running.append(_start(*waiting.popleft()))
            now = time.monotonic()
            if limit_seconds is not None and now - began > limit_seconds:
                return Cost(tally.cpu, now - began, tally.rss, tally.first, finished=False)
            if now - weighed >= _WEIGH_EVERY:
                tally.rss = max(tally.rss, _weight(running))
                weighed = now
            running = [one for one in running if not _ended(one, tally)]
            if tally.first is None and _is_playable(commands):
                tally.first = time.monotonic() - began
            time.sleep(_PAUSE)
    finally:
        for one in running:
            _kill(one.process)
    return Cost(tally.cpu, time.monotonic() - began, tally.rss, tally.first)


def check(argv: Sequence[str], folder: Path | None = None, timeout: float = 1_800) -> str:
    """Run a command whose cost does not matter; its output. Raises CommandError."""
    done = subprocess.run(
        argv, cwd=folder, check=False, capture_output=True, text=True, timeout=timeout,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode != 0:
        raise CommandError(
            f"{Path(argv[0]).name} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
    return done.stdout


def size_of(folder: Path, *patterns: str) -> int:
    """Bytes of the files below a folder that match."""
    return sum(path.stat().st_size for pattern in patterns for path in folder.rglob(pattern))


def _ready(command: Command, tally: _Tally) -> bool:
    return tally.ended.issuperset(command.needs)


def _is_playable(commands: Sequence[Command]) -> bool:
    return any(one.playlist is not None and one.playlist.exists() for one in commands)


def _start(number: int, command: Command) -> _Running:
    command.folder.mkdir(parents=True, exist_ok=True)
    log = command.folder / f"command-{number}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.argv, cwd=command.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=output, start_new_session=True,
        )  # fmt: skip
    return _Running(number, command, process, log)


def _ended(one: _Running, tally: _Tally) -> bool:
    """Take the command's CPU, once it has ended."""
    pid, status, used = os.wait4(one.process.pid, os.WNOHANG)
    if pid == 0:
        return False
    # Popen did not see it end.
    one.process.returncode = os.waitstatus_to_exitcode(status)
    if one.process.returncode != 0:
        said = one.log.read_text(errors="replace")[-2000:]
        raise CommandError(
            f"{' '.join(one.command.argv)}\nended with {one.process.returncode}:\n{said}"
        )
    tally.cpu += used.ru_utime + used.ru_stime
    # One alone may have held more than was seen of it between two looks.
    tally.rss = max(tally.rss, used.ru_maxrss * _KIB / _MIB)
    tally.ended.add(one.number)
    return True


def _weight(running: Sequence[_Running]) -> float:
    total = 0
    for one in running:
        with contextlib.suppress(psutil.Error):
            total += psutil.Process(one.process.pid).memory_info().rss
    return total / _MIB


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
