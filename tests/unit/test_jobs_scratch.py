"""The folder of an attempt is removed when the attempt ends, and when its process was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from academy.core import clock
from academy.jobs import scratch
from academy.jobs.scratch import Scratch

# Holds a folder the way an attempt does, says so, and waits to be killed.
_HOLDER = """
import sys, django
from pathlib import Path
from django.conf import settings
settings.configure(SCRATCH_DIR=Path(sys.argv[1]))
from academy.jobs.scratch import Scratch
with Scratch("killed") as held:
    (held.path / "source").write_bytes(b"x")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Path:
    settings.SCRATCH_DIR = tmp_path
    return tmp_path


@pytest.fixture
def holder(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def _grow_old(folder: Path) -> None:
    long_ago = clock.now().timestamp() - 2 * scratch.SETTLED_SECONDS
    os.utime(folder, (long_ago, long_ago))


def test_a_folder_lives_as_long_as_its_attempt(root: Path) -> None:
    with Scratch("one") as held:
        (held.path / "file").write_bytes(b"x")
        assert held.path.parent == root
    assert list(root.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_attempt(
    root: Path, holder: subprocess.Popen[bytes]
) -> None:
    (left,) = root.iterdir()
    _grow_old(left)
    with Scratch("next") as held:
        assert held.path.is_dir()
        assert left.is_dir(), "its process lives"
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    with Scratch("next") as held:
        assert held.path.is_dir()
        assert not left.exists()


def test_a_folder_that_was_just_made_is_left_alone(root: Path) -> None:
    (root / "attempt-young").mkdir()
    with Scratch("next") as held:
        assert held.path.is_dir()
    assert (root / "attempt-young").is_dir()


def test_what_is_no_attempts_folder_is_left_alone_however_old(root: Path) -> None:
    for name in ("somebodys-database", "job-a1"):
        (root / name).mkdir()
        _grow_old(root / name)
    with Scratch("next") as held:
        assert held.path.is_dir()
    assert {folder.name for folder in root.iterdir()} == {"somebodys-database", "job-a1"}
