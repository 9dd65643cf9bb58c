"""Whether a computer is at work, from its workers' health files: what is not known is not idle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.host import crew
from tasks.host.crew import Crew, Load, Report, is_writer, load_of, read_report

NOW = 10_000.0


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Clock:
    return Clock()


def state(at: float = NOW, **changes: Any) -> dict[str, Any]:
    return {
        "pid": 4242,
        "written": at,
        "held": 0,
        "running": 0,
        "taken": 7,
        "full": False,
        "queues": {"video": at},
        **changes,
    }


def write(folder: Path, name: str = "video", at: float = NOW, **changes: Any) -> Path:
    path = folder / f"academy-worker-{name}.json"
    path.write_text(json.dumps(state(at, **changes)))
    return path


@pytest.mark.parametrize(
    ("changes", "load", "why"),
    [
        ({}, Load.IDLE, ""),
        ({"held": 1}, Load.BUSY, ""),
        ({"running": 1}, Load.BUSY, ""),
        ({"written": NOW - 16}, Load.UNKNOWN, "lately"),
        ({"written": NOW + 5}, Load.UNKNOWN, "lately"),
        ({"held": 1, "written": NOW - 16}, Load.UNKNOWN, "lately"),
        ({"queues": {"video": NOW - 91}}, Load.UNKNOWN, "SQS"),
        ({"queues": {"video": NOW - 91}, "full": True}, Load.IDLE, ""),
        ({"queues": {}}, Load.UNKNOWN, "nothing"),
        ({"queues": {}, "stopped": True, "written": NOW - 900}, Load.IDLE, ""),
    ],
)
def test_a_report_means(tmp_path: Path, changes: dict[str, Any], load: Load, why: str) -> None:
    report = read_report(write(tmp_path, **changes))
    found, reason = load_of(report, NOW)
    assert found is load
    assert why in reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        json.dumps(state(held=-1)),
        json.dumps(state(held="0")),
        json.dumps(state(held=True)),
        json.dumps(state(pid=0)),
        json.dumps(state(queues=3)),
        json.dumps(state(written=float("nan"))),
        json.dumps({key: value for key, value in state().items() if key != "running"}),
    ],
)
def test_a_file_that_is_no_complete_report_makes_the_host_unknown(
    tmp_path: Path, now: Clock, text: str
) -> None:
    write(tmp_path, "messaging")
    (tmp_path / "academy-worker-video.json").write_text(text)
    look = Crew(tmp_path, now=now).look()
    assert (look.load, look.idle_seconds) == (Load.UNKNOWN, 0.0)
    assert "academy-worker-video.json" in look.why


@given(st.binary(max_size=200))
def test_no_bytes_end_the_agent(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("health")
    (folder / "academy-worker-video.json").write_bytes(data)
    assert Crew(folder, now=Clock()).look().load is Load.UNKNOWN


def test_a_host_without_workers_is_unknown_and_so_is_one_without_the_folder(
    tmp_path: Path, now: Clock
) -> None:
    assert Crew(tmp_path, now=now).look() == crew.Look(Load.UNKNOWN, why="no worker has reported")
    assert Crew(tmp_path / "absent", now=now).look().load is Load.UNKNOWN


def test_idleness_is_counted_from_the_first_look_at_which_all_were_idle(
    tmp_path: Path, now: Clock
) -> None:
    workers = Crew(tmp_path, now=now)
    write(tmp_path, "video", held=1)
    write(tmp_path, "messaging")
    assert workers.look().load is Load.BUSY
    now.at += 10
    write(tmp_path, "video", at=now.at)
    assert workers.look().idle_seconds == 0
    now.at += 10
    write(tmp_path, "video", at=now.at)
    write(tmp_path, "messaging", at=now.at)
    assert workers.look() == crew.Look(Load.IDLE, 10.0)


def test_a_task_too_short_to_be_seen_ends_the_idle_time(tmp_path: Path, now: Clock) -> None:
    workers = Crew(tmp_path, now=now)
    write(tmp_path)
    workers.look()
    now.at += 10
    write(tmp_path, at=now.at, taken=8)
    assert workers.look() == crew.Look(Load.IDLE, 0.0)


def test_a_worker_that_was_started_again_ends_the_idle_time(tmp_path: Path, now: Clock) -> None:
    workers = Crew(tmp_path, now=now)
    write(tmp_path)
    workers.look()
    now.at += 10
    write(tmp_path, at=now.at, pid=4243)
    assert workers.look().idle_seconds == 0


def test_a_doubt_ends_the_idle_time(tmp_path: Path, now: Clock) -> None:
    workers = Crew(tmp_path, now=now)
    path = write(tmp_path)
    workers.look()
    now.at += 10
    path.write_text("torn")
    assert workers.look().load is Load.UNKNOWN
    now.at += 5
    write(tmp_path, at=now.at)
    assert workers.look() == crew.Look(Load.IDLE, 0.0)


# ---------------------------------------------------------------- telling workers to stop


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield child
    child.kill()
    child.wait()


def report(pid: int, written: float, owner: int | None = None) -> Report:
    owner = os.getuid() if owner is None else owner
    polls = {"video": written}
    return Report(pid, written, 0, 0, 0, full=False, stopped=False, polls=polls, owner=owner)


def test_the_writer_of_a_report_is_known_from_another_process_with_its_number(
    process: subprocess.Popen[bytes],
) -> None:
    assert is_writer(report(process.pid, time.monotonic() + 1))
    assert not is_writer(report(process.pid, time.monotonic() - 60))
    assert not is_writer(report(process.pid, time.monotonic() + 1, owner=os.getuid() + 1))
    process.kill()
    process.wait()
    assert not is_writer(report(process.pid, time.monotonic()))


def test_a_worker_is_told_once_and_counted_until_it_is_gone(
    tmp_path: Path, process: subprocess.Popen[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    workers = Crew(tmp_path)
    write(tmp_path, at=time.monotonic() + 1, pid=process.pid)
    # It takes its time: stopped, it gets no signal.
    process.send_signal(signal.SIGSTOP)
    # Until it has really stopped, the next signal would overtake this one: the lower number first.
    assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
    assert [workers.drain() for _ in range(20)] == [1] * 20
    process.send_signal(signal.SIGCONT)
    assert process.wait(10) == -signal.SIGTERM
    assert workers.drain() == 0
    assert caplog.text.count("Told worker") == 1


def test_a_stranger_with_the_number_of_a_gone_worker_is_left_alone(
    tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    write(tmp_path, at=time.monotonic() - 60, pid=process.pid)
    assert Crew(tmp_path).drain() == 0
    assert process.poll() is None


def test_a_file_that_cannot_be_read_counts_as_a_worker_that_is_still_there(tmp_path: Path) -> None:
    (tmp_path / "academy-worker-video.json").write_text("torn")
    assert Crew(tmp_path).drain() == 1
    write(tmp_path, "video", pid=os.getpid(), stopped=True)
    assert Crew(tmp_path).drain() == 0
