"""Room on this host's scratch disk: what a handler asks for, and what the worker waits for.

A handler that finds too little gives its job back (`UnsuitableHostError`). What it asked for is
kept in memory that all processes of a worker share, made before they are forked, so that the
worker takes nothing more until there is that much room, or for `ASKED_SECONDS`: a need that this
host can never meet must not keep it from smaller work.
"""

from __future__ import annotations

import mmap
import shutil
import struct
from pathlib import Path
from typing import Final

from django.conf import settings

from academy.core import clock
from academy.jobs.errors import UnsuitableHostError

ASKED_SECONDS: Final = 60.0

_ASKED: Final = struct.Struct("Qd")
_asked = mmap.mmap(-1, _ASKED.size)


def free_bytes() -> int:
    """What is free where the attempts' folders lie."""
    folder = Path(settings.SCRATCH_DIR)
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require(size: int) -> None:
    """Raise `UnsuitableHostError` where this many bytes do not fit beside what is kept free."""
    needed, free = size + settings.SCRATCH_MIN_FREE_BYTES, free_bytes()
    if free < needed:
        _ASKED.pack_into(_asked, 0, needed, clock.monotonic() + ASKED_SECONDS)
        raise UnsuitableHostError("disk_full", needed_bytes=needed, free_bytes=free)


def lacking_bytes() -> int:
    """How much more must be free before this host should take work; 0: it has room."""
    needed: int = settings.SCRATCH_MIN_FREE_BYTES
    asked, until = _ASKED.unpack_from(_asked)
    if clock.monotonic() < until:
        needed = max(needed, asked)
    return max(0, needed - free_bytes())


def forget() -> None:
    """Forget what a handler asked for."""
    _ASKED.pack_into(_asked, 0, 0, 0.0)
