"""What a worker says of its GPU, and that asking costs it nothing."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from tasks.events import gpu
from tasks.events.gpu import Gpu, described


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        ("NVIDIA L4, 23034\n", "NVIDIA L4, 22 GiB"),
        ("NVIDIA H200, 143771\nNVIDIA H200, 143771\n", "2 x NVIDIA H200, 140 GiB"),
        ("NVIDIA L4, 23034\nTesla T4, 15360\n", "NVIDIA L4, 22 GiB; Tesla T4, 15 GiB"),
        ("NVIDIA-SMI has failed because it could not communicate with the driver.\n", ""),
        ("NVIDIA L4, [N/A]\n", ""),
        ("", ""),
    ],
)
def test_the_drivers_list_is_said_in_words(listing: str, words: str) -> None:
    assert described(listing) == words


def tool(folder: Path, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_the_drivers_tool_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, "echo 'NVIDIA L4, 23034'")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert gpu.ask() == "NVIDIA L4, 22 GiB"


def test_without_the_tool_the_driver_itself_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        (tmp_path / f"0000:0{number}:00.0").mkdir()
        text = "Model: \t\t Tesla T4\nIRQ:   \t\t 34\n"
        (tmp_path / f"0000:0{number}:00.0" / "information").write_text(text)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gpu, "_PROC", tmp_path)

    assert gpu.ask() == "2 x Tesla T4"


def test_a_driver_that_never_answers_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tmp_path, "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(gpu, "ASK_SECONDS", 0.2)
    one = Gpu(gpu.ask)

    asking = one.look()

    assert one.text == ""
    asking.join(10)
    assert not asking.is_alive()
    assert one.text == ""


def test_what_was_found_is_kept() -> None:
    answered = threading.Event()
    one = Gpu(lambda: "NVIDIA L4, 22 GiB" if answered.wait(10) else "")
    asking = one.look()
    answered.set()
    asking.join(10)

    assert one.text == "NVIDIA L4, 22 GiB"
