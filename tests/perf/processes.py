"""Programs under measurement: started, waited for, weighed, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Use:
    """What a set of process trees used: CPU seconds, and the sum of their peak memory in MiB."""

    cpu_seconds: float
    rss_mib: float


class Program:
    """One process tree in a session of its own."""

    def __init__(
        self, name: str, argv: Sequence[str], *, environ: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *argv],
                cwd=ROOT,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def wait_for(self, words: str, seconds: float = 60.0) -> None:
        """Wait until the log says it; RuntimeError with the log's end when it never does."""
        deadline = time.monotonic() + seconds
        while words not in self.log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2_000:]
                raise RuntimeError(f"{self.name} did not say {words!r}:\n{tail}")
            time.sleep(0.05)

    def stop(self, seconds: float = 30.0) -> None:
        """SIGTERM, then SIGKILL for the whole session."""
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(5)


def weigh(pids: Sequence[int]) -> Use:
    """CPU so far and memory now of the processes and all below them."""
    cpu = rss = 0.0
    for pid in pids:
        try:
            root = psutil.Process(pid)
            tree = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for process in tree:
            try:
                times, memory = process.cpu_times(), process.memory_info()
            except psutil.NoSuchProcess:
                continue
            cpu += times.user + times.system
            rss += memory.rss / 2**20
    return Use(cpu, rss)


@contextmanager
def running(*programs: Program) -> Iterator[tuple[Program, ...]]:
    """Stop all of them, last first, when the block ends."""
    with ExitStack() as stack:
        for program in programs:
            stack.callback(program.stop)
        yield programs
