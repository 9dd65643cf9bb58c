"""On what models run: a GPU of this host, where it has one and it works, else the CPU."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
from functools import cache
from pathlib import Path
from typing import IO, Final, Literal

from django.conf import settings

from academy.inference import runtime
from academy.jobs.errors import UnsuitableHostError
from academy.settings.env import HostKind

log = logging.getLogger(__name__)

Device = Literal["cpu", "cuda"]

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
_DEV: Final = Path("/dev")
_NODE: Final = re.compile(r"nvidia(\d+)\Z")

_pinned: list[IO[str]] = []
_allowed_here: list[bool] = []


def allow_gpu() -> None:
    """Say that this process and those that it forks may take a GPU of a GPU host.

    On such a host work workers of other queues, too: each GPU is for one process of those whose
    jobs are sold as premium.
    """
    _allowed_here.append(True)


@cache
def current() -> Device:
    """What this process computes on. Found out once, by computing there; a GPU is taken for good.

    Raises UnsuitableHostError(gpu_busy) where other processes hold every GPU, and
    runtime.AskedInParentError in a process that forks.
    """
    runtime.ensure_not_parent()
    if settings.HOST_KIND != HostKind.GPU or not _allowed_here:
        return "cpu"
    pin()
    torch = runtime.torch()
    try:
        if not torch.cuda.is_available():
            log.warning("HOST_KIND is gpu, and torch %s finds no GPU", torch.__version__)
            return "cpu"
        torch.ones(8, device="cuda").sum().item()
    except RuntimeError as error:
        log.warning("HOST_KIND is gpu, and the GPU does not compute: %s", error)
        return "cpu"
    return "cuda"


def pin(dev: Path = _DEV) -> int | None:
    """Take one GPU of this host for this process alone, before the driver is opened.

    The first that no other process of ours holds, among those that CUDA_VISIBLE_DEVICES allows;
    held until the process ends. None where there is none, where the operator names GPUs in another
    way than by number, and where this process has one. Raises UnsuitableHostError(gpu_busy) where
    all are taken.
    """
    if _pinned:
        return None
    # A container sees node nvidia3 alone and calls it GPU 0: the lock is the node's.
    nodes = sorted(int(match[1]) for node in dev.iterdir() if (match := _NODE.match(node.name)))
    numbers = [number for number in _visible(len(nodes)) if number < len(nodes)]
    for number in numbers:
        if _take(nodes[number]):
            os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
            os.environ[VISIBLE] = str(number)
            return number
    if numbers:
        raise UnsuitableHostError("gpu_busy")
    return None


def _visible(count: int) -> list[int]:
    named = os.environ.get(VISIBLE)
    if named is None:
        return list(range(count))
    with contextlib.suppress(ValueError):
        return [int(part) for part in named.split(",")]
    return []


def _take(number: int) -> bool:
    folder = Path(settings.MODEL_CACHE_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = (folder / f"gpu-{number}.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _pinned.append(file)
    return True


def _after_fork() -> None:
    current.cache_clear()
    # The lock belongs to the open file, which the child shares: only its own copy is closed.
    for file in _pinned:
        file.close()
    _pinned.clear()


os.register_at_fork(after_in_child=_after_fork)
