"""Read a stranger's file in a confined child: a Python function, with limits and without secrets.

A picture, a PDF or a spreadsheet can be made so that its reader takes all memory, never ends or
crashes. Here that happens to a process of its own, which has no network, no credentials and no
file but those it is given; the worker goes on and says which it was.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Final

from academy.sandbox import isolation
from academy.sandbox.child import RESULT
from academy.sandbox.process import Outcome, Process

_CHILD: Final = Path(__file__).with_name("child.py")
#: The packages that the child can import.
PACKAGES = (Path(__file__).resolve().parents[1],)
_MEMORY_SIGNS: Final = ("MemoryError", "std::bad_alloc", "OutOfMemoryError", "Cannot allocate")
#: Address space, not memory in use: libraries reserve several times what they touch.
LIMITS: Final = isolation.Limits(cpu_seconds=600, memory_bytes=4 << 30, file_bytes=1 << 30)


class ReaderError(Exception):
    """The function has no value; the subclasses say why."""


class RefusedError(ReaderError):
    """The function refused the file, with a code of the catalogue and its parameters."""

    def __init__(self, code: str, params: Mapping[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.params = dict(params)


class TooHeavyError(ReaderError):
    """The file needs more memory or time than any file of its kind should."""


class CrashedError(ReaderError):
    """The function died or raised; the text is the last that it said, for the log."""


class KilledError(ReaderError):
    """Somebody else ended it: the host's memory was short, or an operator."""


class StoppedError(ReaderError):
    """It was told to stop, by ``on_stop``."""


@cache
def _interpreter() -> list[Path]:
    """What a Python with our libraries opens before it opens the file."""
    found = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve()}
    # ./python is a link in a virtual environment; the file behind it must be seen too.
    return sorted(found | {Path(sys.executable).resolve()})


def run(
    function: str,
    request: Mapping[str, Any],
    *,
    folder: Path,
    reads: Sequence[Path] = (),
    limits: isolation.Limits = LIMITS,
    timeout_seconds: float = 1800.0,
    stall_seconds: float = 120.0,
    on_progress: Callable[[float], None] | None = None,
    on_tick: Callable[[], None] | None = None,
    on_stop: Callable[[Callable[[], None]], AbstractContextManager[None]] | None = None,
) -> Any:
    """Call ``function`` (``module:name``) in a child; its value, which is JSON.

    It is called as ``function(request, folder, say)``: ``folder`` exists and is the only place it
    may write to, ``reads`` are the files it may open, ``say`` takes a share from 0 to 1. Without a
    word for ``stall_seconds`` it is ended. Raises ReaderError.
    """
    asked = folder / "request.json"
    asked.write_text(json.dumps(request), encoding="utf-8")
    argv = [sys.executable, "-I", str(_CHILD), function, str(asked), str(folder)]
    argv += map(str, PACKAGES)
    child = Process(
        isolation.confined(
            argv, limits=limits, reads=[*_interpreter(), *PACKAGES, *reads], writes=[folder]
        ),
        environment=isolation.environment(),
        directory=folder,
    )
    last: dict[str, Any] = {}

    def on_line(line: str) -> bool:
        answer = json.loads(line)
        if "at" in answer and on_progress is not None:
            on_progress(answer["at"])
        last.clear()
        last.update(answer)
        return True

    with nullcontext() if on_stop is None else on_stop(child.stop):
        outcome = child.run(
            on_line=on_line,
            on_tick=on_tick,
            stall_seconds=stall_seconds,
            timeout_seconds=timeout_seconds,
        )
    return _value(outcome, last, folder)


def _value(outcome: Outcome, last: Mapping[str, Any], folder: Path) -> Any:
    """What the function returned, or the reason for which there is nothing."""
    if last.get("done"):
        return json.loads((folder / RESULT).read_text(encoding="utf-8"))
    if "refused" in last:
        raise RefusedError(last["refused"], last["params"])
    said = outcome.said[-2_000:]
    if outcome.stopped:
        raise StoppedError(said)
    too_much = outcome.stalled or outcome.returncode == -signal.SIGXCPU or "memory" in last
    if too_much or any(sign in said for sign in _MEMORY_SIGNS):
        raise TooHeavyError(said)
    if outcome.returncode in {-signal.SIGKILL, isolation.SETUP_FAILED}:
        raise KilledError(said)
    raise CrashedError(f"exit status {outcome.returncode}: {said}")
