"""Supervise child processes: start in stages, know when they are ready, stop them in reverse.

Each child is a session of its own with its output prefixed and kept in a log file. It dies with the
launcher; what it leaves behind is swept (see `deploy.local.sentinel`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

from deploy.local import sentinel
from deploy.local.errors import LaunchError, NotReady, ProcessDied

Probe = Callable[[int], Awaitable[bool]]  # is given the child's process id
_HERE = Path(__file__).parent
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_TAIL_LINES = 12


@dataclass(frozen=True)
class User:
    """Who a child runs as instead of the launcher (root only)."""

    uid: int
    gid: int
    home: str


@dataclass(frozen=True)
class Command:
    """What to run and how to treat it; times in seconds."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Probe | None = None
    ready_seconds: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    grace_seconds: float = 10.0
    user: User | None = None
    chatty: bool = False  # its output goes to the log file alone
    litter: Sequence[str] = ()  # patterns of files it leaves outside its folders


class Console:
    """Prefixed, coloured lines of many children on one terminal."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._colour = stream.isatty() and "NO_COLOR" not in os.environ
        self._names: dict[str, int] = {}

    def write(self, name: str, line: str) -> None:
        """Print one line of a child."""
        number = self._names.setdefault(name, len(self._names))
        prefix = f"{name:<14} |"
        if self._colour:
            prefix = f"\033[{_COLOURS[number % len(_COLOURS)]}m{prefix}\033[0m"
        print(prefix, line, file=self._stream, flush=True)


class Process:
    """One running child."""

    def __init__(self, command: Command, log: Path, console: Console | None) -> None:
        self.command = command
        self.log = log
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.stopping = False
        self._console = console
        self._child: asyncio.subprocess.Process
        self._pump: asyncio.Task[None]

    @property
    def pid(self) -> int:
        """Process id, which is its session's number too."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._child.returncode

    async def spawn(self, mark: str) -> None:
        """Start the child in a session of its own."""
        command = self.command
        user = command.user
        environment = {**os.environ, **command.environment, sentinel.VARIABLE: mark}
        if user is not None:
            environment["HOME"] = user.home
        ids = (str(user.uid), str(user.gid)) if user else ("-1", "-1")
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_HERE / "child.py")),
            *(str(os.getpid()), str(int(command.death_signal)), *ids),
            *command.argv,
            env=environment,
            cwd=command.cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._pump = asyncio.create_task(self._copy_output())

    async def _copy_output(self) -> None:
        assert self._child.stdout is not None
        rest = b""
        with self.log.open("ab", buffering=0) as log:
            while chunk := await self._child.stdout.read(65_536):
                log.write(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self.note(line.decode(errors="replace").rstrip())
                rest = rest[-65_536:]
        if rest:
            self.note(rest.decode(errors="replace").rstrip())

    def note(self, line: str) -> None:
        """Show one line under this child's name."""
        self.tail.append(line)
        if self._console is not None:
            self._console.write(self.command.name, line)

    async def ended(self) -> None:
        """Wait for the end, whatever becomes of the output."""
        await self._child.wait()

    async def wait(self) -> int:
        """Wait for the end; return the exit status once the output was read."""
        status = await self._child.wait()
        with contextlib.suppress(asyncio.TimeoutError):
            # A grandchild may hold the pipe open.
            await asyncio.wait_for(asyncio.shield(self._pump), timeout=1.0)
        return status

    def died(self) -> ProcessDied:
        """The error that tells of this child's end."""
        status = self.returncode if self.returncode is not None else 0
        return ProcessDied(self.command.name, status, self.tail, self.log)

    async def wait_ready(self) -> None:
        """Return when the probe says yes; ProcessDied or NotReady otherwise."""
        if self.command.ready is None:
            return
        deadline = time.monotonic() + self.command.ready_seconds
        while time.monotonic() < deadline:
            if self.returncode is not None:
                await self.wait()
                raise self.died()
            if await self.command.ready(self.pid):
                return
            await asyncio.sleep(0.03)
        raise NotReady(self.command.name, self.command.ready_seconds, self.tail, self.log)

    async def stop(self, force: asyncio.Event) -> None:
        """Ask it to end, and kill its session when the grace is over or `force` is set."""
        self.stopping = True
        if self.returncode is None and not force.is_set():
            self.signal(self.command.stop_signal)
            ended = asyncio.create_task(self.ended())
            forced = asyncio.create_task(force.wait())
            await asyncio.wait(
                {ended, forced},
                timeout=self.command.grace_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for waiter in (ended, forced):
                waiter.cancel()
        if self.returncode is None:
            self.signal(signal.SIGKILL)
        await self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child itself, not to its session."""
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(number)


class Supervisor:
    """All children of one run, in stages that stop in reverse order."""

    def __init__(
        self,
        logs: Path,
        *,
        console: Console | None = None,
        temporary: Sequence[Path] = (),
        restart: bool = False,
    ) -> None:
        """Keep logs in `logs`; `temporary` folders are removed should the launcher be killed."""
        self._logs = logs
        self._console = console
        self._temporary = temporary
        self._restart = restart
        self._name = secrets.token_hex(8)
        self.mark = sentinel.nested(self._name)
        self._stages: list[list[Process]] = []
        self._force = asyncio.Event()
        self._sentinel: asyncio.subprocess.Process | None = None
        self._sessions: set[int] = set()
        self._litter: set[str] = set()

    async def __aenter__(self) -> Self:
        """Start the sentinel first, so that nothing can outlive the launcher."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self._sentinel = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_HERE / "sentinel.py")),
            *(self._name, *map(str, self._temporary)),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything, sweep, and let the sentinel go."""
        await self.stop()
        assert self._sentinel is not None
        self._tell("done")
        await self._sentinel.wait()

    @property
    def processes(self) -> list[Process]:
        """The children, in the order of their start."""
        return [process for stage in self._stages for process in stage]

    def _tell(self, text: str) -> None:
        assert self._sentinel is not None
        assert self._sentinel.stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._sentinel.stdin.write(f"{text}\n".encode())

    async def _spawn(self, command: Command) -> Process:
        console = None if command.chatty else self._console
        process = Process(command, self._logs / f"{command.name}.log", console)
        await process.spawn(self.mark)
        self._sessions.add(process.pid)
        self._tell(f"+{process.pid}")
        for pattern in command.litter:
            self._litter.add(pattern)
            self._tell(f"~{pattern}")
        return process

    async def _spawn_stage(self, commands: Sequence[Command]) -> list[Process]:
        stage: list[Process] = []
        self._stages.append(stage)
        for command in commands:
            process = await self._spawn(command)
            stage.append(process)  # at once: what was spawned is stopped even if the next fails
        return stage

    async def start(self, *commands: Command) -> None:
        """Start a stage: all at once, done when all are ready. LaunchError when one is not."""
        stage = await self._spawn_stage(commands)
        waits = [asyncio.create_task(process.wait_ready()) for process in stage]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()

    async def run(self, *commands: Command) -> None:
        """Run commands to their end, side by side; ProcessDied when one fails."""
        stage = await self._spawn_stage(commands)
        for process in stage:
            if await process.wait() != 0:
                raise process.died()
        self._stages.remove(stage)
        await self._sweep({process.pid for process in stage})

    async def foreground(self, argv: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a command on this terminal, in this session; return its exit status.

        ProcessDied when a child of the supervisor ends meanwhile; the command is then killed.
        """
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_HERE / "child.py")),
            *(str(os.getpid()), str(int(signal.SIGKILL)), "-1", "-1", *argv),
            env={**os.environ, **environment, sentinel.VARIABLE: self.mark},
        )
        ended = asyncio.create_task(child.wait())
        watch = asyncio.create_task(self.watch())
        try:
            await asyncio.wait({ended, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                watch.result()
            return await ended
        finally:
            watch.cancel()
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.terminate()
                try:
                    await asyncio.wait_for(child.wait(), timeout=20.0)
                except TimeoutError:
                    with contextlib.suppress(ProcessLookupError):
                        child.kill()
                    await child.wait()

    async def watch(self) -> None:
        """Wait until a child ends by itself: ProcessDied, or start it again where so asked."""
        while True:
            waits = {
                asyncio.create_task(process.ended()): process
                for process in self.processes
                if not process.stopping
            }
            if not waits:
                await asyncio.Event().wait()
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            for process in waits.values():
                if process.returncode is None or process.stopping:
                    continue
                await process.wait()
                if not self._restart:
                    raise process.died()
                await self._again(process)

    async def _again(self, process: Process) -> None:
        """Put a fresh child in the place of one that ended, after the pause it has earned."""
        process.note(f"(ended with status {process.returncode}; starting it again)")
        await self._sweep({process.pid})
        await asyncio.sleep(0.5)
        for stage in self._stages:
            if process in stage:
                stage[stage.index(process)] = await self._spawn(process.command)

    async def stop(self) -> None:
        """Stop all stages, last first, then sweep what they left behind."""
        for stage in reversed(self._stages):
            await asyncio.gather(*(process.stop(self._force) for process in stage))
        self._stages.clear()
        await self._sweep(set(self._sessions), marked=True)
        sentinel.remove(self._litter)

    def force(self) -> None:
        """Cut every grace short: what still runs is killed."""
        self._force.set()

    async def _sweep(self, sessions: set[int], *, marked: bool = False) -> None:
        mark = self._name if marked else "-"
        await asyncio.to_thread(sentinel.sweep, mark, sessions)
        self._sessions -= sessions
        for session in sessions:
            self._tell(f"-{session}")


def require(path: Path, remedy: str) -> str:
    """The path as text, or LaunchError with the remedy where it does not exist."""
    if not path.exists():
        raise LaunchError(f"{path} is missing. {remedy}")
    return str(path)
