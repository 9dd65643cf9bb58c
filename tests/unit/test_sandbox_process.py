"""Commands are followed, stopped and never left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from academy.core import clock
from academy.sandbox import process
from academy.sandbox.process import Process

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def shell(script: str) -> Process:
    return Process(["/bin/sh", "-c", script], environment=ENVIRONMENT)


def later(seconds: float, act) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer


def test_lines_arrive_while_the_command_runs_and_the_outcome_says_how_it_ended() -> None:
    lines: list[str] = []
    outcome = shell("echo one; echo two; echo '[error] bad' >&2; exit 3").run(
        on_line=lambda line: not lines.append(line)
    )
    assert lines == ["one", "two"]
    assert (outcome.returncode, outcome.errors, outcome.said) == (3, 1, "[error] bad")
    assert not outcome.stopped
    assert not outcome.stalled


def test_a_flood_on_stderr_neither_blocks_the_command_nor_fills_the_memory() -> None:
    outcome = shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789 >&2; i=$((i+1)); done").run(
        timeout_seconds=30
    )
    assert outcome.returncode == 0
    assert len(outcome.stderr) == 200


def test_a_stop_ends_the_whole_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    running = shell(f"sleep 60 & echo $! > {pids}; echo ready; wait")
    outcome = running.run(on_line=lambda _: not running.stop())
    child = int(pids.read_text())
    assert outcome.stopped
    assert outcome.wall_seconds < 5
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"


def test_a_stop_before_the_start_is_not_forgotten() -> None:
    running = shell("sleep 60")
    running.stop()
    assert running.run().wall_seconds < 5


def test_a_command_that_ignores_sigterm_is_killed_after_the_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.5)
    running = shell("trap '' TERM; echo ready; while :; do sleep 0.1; done")
    outcome = running.run(on_line=lambda _: not running.stop())
    assert outcome.returncode == -signal.SIGKILL
    assert outcome.stopped
    assert not outcome.killed


def test_a_paused_command_can_still_be_stopped() -> None:
    running = shell("echo ready; kill -STOP $$; sleep 60")
    timer = later(1, running.stop)
    assert running.run().wall_seconds < 5
    timer.join()


def test_a_command_without_progress_is_stopped_and_called_stalled() -> None:
    outcome = shell("while :; do echo frame=1; sleep 0.1; done").run(
        on_line=lambda _: False, stall_seconds=1
    )
    assert outcome.stalled
    assert not outcome.stopped
    assert not outcome.killed


def test_a_command_with_progress_is_left_alone() -> None:
    outcome = shell("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done").run(
        on_line=lambda _: True, stall_seconds=1
    )
    assert (outcome.returncode, outcome.stalled) == (0, False)


def test_what_a_tick_raises_ends_the_command_and_is_raised_again() -> None:
    class CancelledError(Exception):
        pass

    def tick() -> None:
        raise CancelledError

    started = clock.monotonic()
    with pytest.raises(CancelledError):
        shell("sleep 60").run(on_tick=tick)
    assert clock.monotonic() - started < 5


def test_a_signal_from_outside_is_told_from_a_stop_of_ours() -> None:
    outcome = shell("kill -9 $$").run()
    assert outcome.killed
    assert not outcome.stopped


def test_output_of_a_short_command_is_kept_up_to_the_limit() -> None:
    _, text = process.capture(
        shell("for i in 1 2 3 4 5 6; do echo 0123456789; done"),
        timeout_seconds=10,
        limit_characters=25,
    )
    assert text.replace("\n", "") == "0123456789012345678901234"


_ORPHAN_MAKER = """
import sys
from academy.sandbox import isolation
from academy.sandbox.process import Process
argv = isolation.confined(["/bin/sleep", "60"], limits=isolation.Limits(cpu_seconds=10))
Process(argv, environment=isolation.environment()).run()
"""


def test_a_killed_worker_takes_its_commands_with_it() -> None:
    worker = subprocess.Popen([sys.executable, "-c", _ORPHAN_MAKER], cwd=Path.cwd())
    try:
        sleeper = _child_named(worker.pid, "sleep")
    finally:
        worker.kill()
        worker.wait()
    sleeper.wait(timeout=5)


def _child_named(pid: int, name: str) -> psutil.Process:
    deadline = clock.monotonic() + 20
    while clock.monotonic() < deadline:
        for child in psutil.Process(pid).children(recursive=True):
            if child.name() == name:
                return child
        threading.Event().wait(0.05)
    raise AssertionError(f"no {name} below {pid}")
