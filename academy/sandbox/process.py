"""Run a confined command so that it can be followed, stopped and never left behind.

Not subprocess.run and not ffmpeg.run(): those have no progress, no watchdog and no stop, and a full
stderr pipe can deadlock them. Here stderr is drained on its own thread and bounded, stdout too,
and the command leads a process group that is signalled as a whole.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from academy.core import clock

GRACE_SECONDS = 10.0
"""From SIGTERM to SIGKILL."""
_TICK_SECONDS = 0.25
_STDERR_LINES = 200
_LINE_CHARACTERS = 400


@dataclass(frozen=True)
class Outcome:
    """How a command ended. `stderr` holds its last lines; `errors` counts those marked as error."""

    returncode: int
    stopped: bool
    stalled: bool
    stderr: tuple[str, ...]
    errors: int
    wall_seconds: float

    @property
    def killed(self) -> bool:
        """Whether a signal that nobody here sent ended it (out of memory, an operator)."""
        return self.returncode < 0 and not self.stopped and not self.stalled

    @property
    def said(self) -> str:
        """The last lines of stderr as one text."""
        return "\n".join(self.stderr)


def says_error(line: str) -> bool:
    """Whether ffmpeg marked the line as an error (at ``-v level+…``)."""
    return "[error]" in line or "[fatal]" in line


class _Stderr:
    """The last lines of a stream, and how many of all its lines were errors."""

    def __init__(self, is_error: Callable[[str], bool]) -> None:
        self.tail: deque[str] = deque(maxlen=_STDERR_LINES)
        self.errors = 0
        self._is_error = is_error

    def drain(self, stream: IO[bytes]) -> None:
        for raw in iter(lambda: stream.readline(1 << 16), b""):
            line = raw.decode("utf-8", "replace").rstrip()
            if not line:
                continue
            self.errors += self._is_error(line)
            self.tail.append(line[:_LINE_CHARACTERS])


class Process:
    """One command in a process group of its own.

    `run` blocks in the calling thread, which must live as long as the command: the kernel ties the
    command's life to that thread. `stop` may be called from any thread, at any time.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path | None = None,
    ) -> None:
        self._argv = list(argv)
        self._environment = dict(environment)
        self._directory = directory
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """Ask the whole group to end; returns at once. `run` sees to it that it does."""
        self._stop.set()
        self._signal(signal.SIGTERM)
        # A group that somebody paused takes SIGTERM only once it runs again.
        self._signal(signal.SIGCONT)

    def run(
        self,
        *,
        on_line: Callable[[str], bool] | None = None,
        on_tick: Callable[[], None] | None = None,
        stall_seconds: float | None = None,
        timeout_seconds: float | None = None,
        is_error: Callable[[str], bool] = says_error,
    ) -> Outcome:
        """Run to the end.

        `on_line` is given each line of stdout and says whether it showed progress. `on_tick` is
        called about four times a second; what it raises stops the command and is raised again.
        The command is stopped after `stall_seconds` without progress or `timeout_seconds` in all;
        the outcome then says `stalled`. `is_error` says which lines of stderr count as errors.
        """
        started = clock.monotonic()
        child = self._start()
        stderr, lines = _Stderr(is_error), queue.SimpleQueue[str | None]()
        readers = [
            threading.Thread(target=stderr.drain, args=(child.stderr,), daemon=True),
            threading.Thread(target=_read_lines, args=(child.stdout, lines), daemon=True),
        ]
        for reader in readers:
            reader.start()
        watch = _Watch(started, stall_seconds, timeout_seconds)
        try:
            self._follow(lines, watch, on_line, on_tick)
        except BaseException:
            self.stop()
            raise
        finally:
            self._reap(child)
            for reader in readers:
                reader.join(timeout=5)
            for stream in (child.stdout, child.stderr):
                if stream is not None:
                    stream.close()
        return Outcome(
            returncode=child.returncode,
            stopped=self._stop.is_set() and not watch.expired,
            stalled=watch.expired,
            stderr=tuple(stderr.tail),
            errors=stderr.errors,
            wall_seconds=clock.monotonic() - started,
        )

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            self._child = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=self._environment, cwd=self._directory,
                start_new_session=True, close_fds=True,
            )  # fmt: skip
            child = self._child
        if self._stop.is_set():
            # Asked to stop before there was anything to signal.
            self.stop()
        return child

    def _follow(
        self,
        lines: queue.SimpleQueue[str | None],
        watch: _Watch,
        on_line: Callable[[str], bool] | None,
        on_tick: Callable[[], None] | None,
    ) -> None:
        """Until the command closes its stdout: hand on lines, tick, watch the clock."""
        next_tick = 0.0
        while True:
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=_TICK_SECONDS)
                if line is None:
                    return
                if on_line is not None and on_line(line):
                    watch.progressed()
            now = clock.monotonic()
            if on_tick is not None and now >= next_tick:
                on_tick()
                next_tick = now + _TICK_SECONDS
            if watch.expires(now):
                self.stop()
            if self._stop.is_set() and watch.grace_over(now):
                self._signal(signal.SIGKILL)

    def _reap(self, child: subprocess.Popen[bytes]) -> None:
        """Leave no process behind, whatever happened."""
        try:
            # A command that closed its stdout is about to exit; one that does not is hung.
            child.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            child.wait()
        with self._lock:
            self._child = None

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._child is None or self._child.poll() is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)


class _Watch:
    """The clocks of one run: progress, total time, and the grace after a stop."""

    def __init__(self, started: float, stall: float | None, timeout: float | None) -> None:
        self.expired = False
        self._stall = stall
        self._progress_at = started
        self._deadline = None if timeout is None else started + timeout
        self._stopping_since: float | None = None

    def progressed(self) -> None:
        self._progress_at = clock.monotonic()

    def expires(self, now: float) -> bool:
        """True once, when the command has stood still or run for too long."""
        if self.expired:
            return False
        stalled = self._stall is not None and now - self._progress_at > self._stall
        late = self._deadline is not None and now > self._deadline
        self.expired = stalled or late
        return self.expired

    def grace_over(self, now: float) -> bool:
        """Whether a stop that was asked for has been ignored for too long."""
        if self._stopping_since is None:
            self._stopping_since = now
        return now - self._stopping_since > GRACE_SECONDS


def _read_lines(stream: IO[bytes] | None, lines: queue.SimpleQueue[str | None]) -> None:
    try:
        if stream is not None:
            for raw in iter(lambda: stream.readline(1 << 16), b""):
                lines.put(raw.decode("utf-8", "replace").rstrip("\r\n"))
    finally:
        lines.put(None)


def capture(
    process: Process, *, timeout_seconds: float, limit_characters: int = 4 << 20
) -> tuple[Outcome, str]:
    """Run a short command; its outcome and its stdout, of which at most the limit is kept."""
    kept: list[str] = []
    room = limit_characters

    def keep(line: str) -> bool:
        nonlocal room
        if room > 0:
            kept.append(line[:room])
            room -= len(line)
        return True

    outcome = process.run(on_line=keep, timeout_seconds=timeout_seconds)
    return outcome, "\n".join(kept)
