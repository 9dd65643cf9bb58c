"""Real processes of the platform under a test: started, watched, killed, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
_CHILD = ROOT / "deploy" / "local" / "child.py"


@dataclass(frozen=True)
class Identity:
    """As whom a process runs, where not as the tests themselves."""

    uid: int = -1
    gid: int = -1


class Process:
    """One process in a session of its own, which dies with this one."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
        cwd: Path = ROOT,
    ) -> None:
        self.name = name
        self._cwd = cwd
        self.log_path = folder / f"{name}.log"
        self._argv = [
            *(sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), str(int(death_signal))),
            *(str((identity or Identity()).uid), str((identity or Identity()).gid)),
            *argv,
        ]
        self._environ = {**os.environ, **(environ or {})}
        self._popen: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> Process:
        """Start, or start again after an end; the log goes on."""
        assert not self.alive, f"{self.name} is running"
        with self.log_path.open("ab") as log:
            self._popen = subprocess.Popen(
                self._argv,
                cwd=self._cwd,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1
        return self

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def returncode(self) -> int | None:
        return None if self._popen is None else self._popen.poll()

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def session(self) -> list[int]:
        """Every live process of the session: the process itself and what it forked."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, psutil.Error):
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and os.getsid(process.pid) == self.pid:
                    found.append(process.pid)
        return found

    def children(self) -> list[int]:
        """The pool's processes of a prefork worker."""
        return [pid for pid in self.session() if pid != self.pid]

    def signal(self, number: signal.Signals) -> None:
        """To the process alone, as a supervisor sends it."""
        os.kill(self.pid, number)

    def signal_all(self, number: signal.Signals) -> None:
        """To the whole session, as when a machine stops or goes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, seconds: float) -> int:
        """The exit status; TimeoutExpired when it does not end."""
        assert self._popen is not None
        return self._popen.wait(seconds)

    def kill(self) -> None:
        """Everything of it, at once."""
        if self._popen is None:
            return
        self.signal_all(signal.SIGCONT)
        self.signal_all(signal.SIGKILL)
        self._popen.wait(10)

    def stop(self, seconds: float = 15.0) -> int:
        """SIGTERM, and SIGKILL for whatever is left after that; the exit status."""
        if self.alive:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(seconds)
        self.kill()
        return self.wait(5)

    def said(self, words: str, seconds: float = 40.0, *, after: int = 0) -> Process:
        """Wait until the log says it (past character ``after``)."""

        def has_said() -> bool:
            if words in self.log[after:]:
                return True
            assert self.alive, f"{self.name} ended with {self.returncode}:\n{self.log[-3_000:]}"
            return False

        eventually(has_said, seconds, lambda: f"{self.name} says {words!r}:\n{self.log[-3_000:]}")
        return self


def eventually(
    holds: Callable[[], Any],
    seconds: float,
    what: str | Callable[[], str] = "",
    pause: float = 0.05,
) -> Any:
    """The value of ``holds`` once it is true; AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {seconds:g} s: {text or holds}")
        time.sleep(pause)
    return value
