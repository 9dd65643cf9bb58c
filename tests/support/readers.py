"""Functions for the confined child of the reader's tests: each does what some file makes one do."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from academy.sandbox.child import Refused

Say = Callable[[float], None]


def echo(request: Any, folder: Path, say: Say) -> Any:
    for step in range(1, 5):
        say(step / 4)
    (folder / "picture.txt").write_text("made")
    print("what a library prints")  # noqa: T201 - that is the case
    return {"asked": request, "read": Path(request["file"]).read_text()}


def refuse(request: Any, folder: Path, say: Say) -> Any:
    raise Refused("upload_too_large", size=7)


def take_memory(request: Any, folder: Path, say: Say) -> Any:
    return len([bytearray(64 << 20) for _ in range(1000)])


def loop(request: Any, folder: Path, say: Say) -> Any:
    while True:
        pass


def sleep(request: Any, folder: Path, say: Say) -> Any:
    say(0.1)
    time.sleep(60)


def crash(request: Any, folder: Path, say: Say) -> Any:
    ctypes.string_at(0)


def killed(request: Any, folder: Path, say: Say) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def mistake(request: Any, folder: Path, say: Say) -> Any:
    raise KeyError("no such thing")


def look_around(request: Any, folder: Path, say: Say) -> Any:
    seen: dict[str, Any] = {"environment": sorted(os.environ)}
    for name, path in request.items():
        try:
            seen[name] = Path(path).read_text()
        except OSError as error:
            seen[name] = type(error).__name__
    try:
        socket.create_connection(("127.0.0.1", request.get("port", 9)), timeout=2).close()
        seen["network"] = "open"
    except OSError as error:
        seen["network"] = type(error).__name__
    return seen
