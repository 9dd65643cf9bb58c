"""torch, imported when it is first needed and never in a process that forks.

Whoever computes with it, or asks it for a GPU, starts threads and opens the driver, and a process
that is forked afterwards hangs or finds no GPU. So the worker's parent says `keep_out`, and
whatever asks for torch there all the same raises.

Its threads sleep while they wait for each other, unless the operator says otherwise: by default
they spin, and beside the other processes of a busy host torch was then seen to be 30 times slower.

How many threads it computes with is set here, once: the processors that this process may use, by
its affinity, its control group and OMP_THREAD_LIMIT. Where that limit is below torch's own number
of threads, torch waits forever for threads that OpenMP never starts.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from academy.jobs.errors import PermanentError

_CGROUP: Final = Path("/sys/fs/cgroup")
_lock = threading.Lock()
_ready: list[Any] = []
_parents: set[int] = set()


class AskedInParentError(RuntimeError):
    """A process that forks was about to start torch; its children would hang."""


def keep_out() -> None:
    """Say that this process forks: torch must start in its children only."""
    _parents.add(os.getpid())
    _wait_asleep()
    # Read when numpy is first imported, in the processes of the pool: they are as many as there are
    # processors, and two that multiply with two threads each took twice the time of one each.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def ensure_not_parent() -> None:
    """Raise AskedInParentError in a process that forks."""
    if os.getpid() in _parents:
        raise AskedInParentError("models are loaded in the processes of the pool only")


def torch() -> Any:
    """The module, ready to compute. Raises PermanentError(model_runtime_missing)."""
    ensure_not_parent()
    with _lock:
        if not _ready:
            _wait_asleep()
            try:
                module = import_module("torch")
            except ImportError as error:
                raise PermanentError("model_runtime_missing", library="torch") from error
            module.set_num_threads(threads())
            _ready.append(module)
        return _ready[0]


def _wait_asleep() -> None:
    """OpenMP reads it once, when whoever is first imports torch."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def threads() -> int:
    """Processors that this process may use, 1 at least."""
    allowed = len(os.sched_getaffinity(0))
    if (quota := _quota()) is not None:
        allowed = min(allowed, quota)
    limit = os.environ.get("OMP_THREAD_LIMIT", "")
    if limit.isdigit():
        allowed = min(allowed, int(limit))
    return max(1, allowed)


def _quota(folder: Path = _CGROUP) -> int | None:
    """Whole processors that the control group allows (cgroup v2 `cpu.max`); None: no limit."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor multiplies bfloat16 by itself; where it does not, that is slower."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return False
    for line in text.splitlines():
        if line.startswith(("flags", "Features")):
            return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(line.split())
    return False
