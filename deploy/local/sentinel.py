"""Leave nothing running: find and kill every process of one run of the platform.

Children die with the launcher by the kernel's parent-death signal, their own children (a pool
process in mid-task, an encoder) do not. Everything the launcher starts carries a mark in its
environment, inherited whatever session it moves to; what hides its environment is found by its
session. As a program this waits on the launcher's pipe and cleans up when the launcher is killed:

    python -I -S sentinel.py MARK [TEMPORARY_FOLDER...]

It reads `+SESSION`, `-SESSION`, `~PATTERN` of files to remove and, at a clean end, `done`. Standard
library only, run by path.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

VARIABLE = "ACADEMY_LOCAL_RUN"
_PROC = Path("/proc")


def nested(mark: str) -> str:
    """The mark of a run inside the present one: both find its processes."""
    outer = os.environ.get(VARIABLE)
    return f"{outer}.{mark}" if outer else mark


def _is_marked(pid: str, mark: str) -> bool:
    try:
        variables = (_PROC / pid / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    prefix = f"{VARIABLE}=".encode()
    return any(
        mark.encode() in variable[len(prefix) :].split(b".")
        for variable in variables
        if variable.startswith(prefix)
    )


def _session(pid: str) -> int | None:
    """The session of a process, None when it is gone or only waits to be reaped.

    In a container the session may be 0: that of a process whose session leader is outside.
    """
    try:
        state, _, _, session = (_PROC / pid / "stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return None
    return None if state == "Z" else int(session)


def is_running(pid: int) -> bool:
    """Whether a process is alive; one that only waits to be reaped is not."""
    return _session(str(pid)) is not None


def members(mark: str, sessions: set[int]) -> list[int]:
    """Live processes that carry the mark or belong to one of the sessions, this one excepted."""
    own = os.getpid()
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal() or int(entry.name) == own:
            continue
        session = _session(entry.name)
        if session is not None and (session in sessions or _is_marked(entry.name, mark)):
            found.append(int(entry.name))
    return sorted(found)


def sweep(mark: str, sessions: set[int], seconds: float = 5.0) -> int:
    """SIGKILL until no member is left or the time is over; return how many there were at first."""
    deadline = time.monotonic() + seconds
    first = None
    while True:
        left = members(mark, sessions)
        first = len(left) if first is None else first
        if not left or time.monotonic() > deadline:
            return first
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(0.02)


def remove(patterns: Iterable[str]) -> None:
    """Remove the files that match absolute patterns."""
    for pattern in patterns:
        folder, name = os.path.split(pattern)
        for path in Path(folder).glob(name):
            path.unlink(missing_ok=True)


def main(arguments: list[str]) -> None:
    """Wait for the launcher; clean up unless it said `done`."""
    mark, folders = arguments[0], arguments[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a Ctrl-C is for the launcher
    sessions: set[int] = set()
    litter: set[str] = set()
    for line in sys.stdin:
        text = line.strip()
        if text == "done":
            return
        match text[0]:
            case "+":
                sessions.add(int(text[1:]))
            case "-":
                sessions.discard(int(text[1:]))
            case _:
                litter.add(text[1:])
    time.sleep(0.5)  # let the parent-death signals do their work, PostgreSQL cleans up on its own
    sweep(mark, sessions)
    remove(litter)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
