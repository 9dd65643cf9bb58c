"""The folder an attempt may fill.

Its process holds a lock on it for as long as it lives, so that what a killed process left is known
for what it is, and removed by the next attempt on the same host.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from django.conf import settings

from academy.core import clock

logger = logging.getLogger(__name__)

PREFIX: Final = "attempt-"
"""Of every folder made here: what else lies beside them is somebody's, however old."""
SETTLED_SECONDS: Final = 60.0
"""A younger folder may not have been locked yet."""


class Scratch:
    """Made when it is first asked for; removed, with all it holds, when the attempt ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._path: Path | None = None
        self._lock: int | None = None

    @property
    def path(self) -> Path:
        """The folder: empty at first, this attempt's alone."""
        if self._path is None:
            root = Path(settings.SCRATCH_DIR)
            root.mkdir(parents=True, exist_ok=True)
            clear_abandoned(root)
            self._path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{self._name}-", dir=root))
            self._lock = _locked(self._path)
        return self._path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def clear_abandoned(root: Path) -> int:
    """Remove the folders of attempts whose process is gone; returns how many."""
    removed = 0
    settled = clock.now().timestamp() - SETTLED_SECONDS
    for folder in root.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if not folder.is_dir() or folder.stat().st_mtime > settled:
                continue
            lock = _locked(folder)
            if lock is None:
                continue
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
            removed += 1
            logger.warning("removed the scratch folder of a process that is gone: %s", folder.name)
    return removed


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where another process holds it.

    The kernel lets go of it when the process ends, however that comes about.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
