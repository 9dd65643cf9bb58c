"""Liveness of one relay: the time since its loop last went round.

The relay writes a small file; ``python -m tasks.relay_health`` reads it for a container's health
check. A database or a broker that is away ages nothing: the relay outlives it, and being started
anew would not bring it back. Whether any relay publishes in time is said by ``/readyz``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from academy.core import clock

logger = logging.getLogger("tasks.relay")

WRITE_SECONDS = 5.0
#: A round that publishes a full window to a slow broker takes its time.
STILL_SECONDS = 60.0


def health_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where a relay writes: a file of ``WORKER_HEALTH_DIR``, else of the system's temp folder."""
    folder = environ.get("WORKER_HEALTH_DIR") or tempfile.gettempdir()
    return Path(folder) / "academy-relay.json"


class Sign:
    """The relay's side: says that the loop moves, at most every ``WRITE_SECONDS``."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or health_file()
        self._written: float | None = None

    def give(self) -> None:
        """Write, where the last time is long enough ago; a failure is logged."""
        now = clock.monotonic()
        if self._written is not None and now - self._written < WRITE_SECONDS:
            return
        self._written = now
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            fresh.write_text(json.dumps({"pid": os.getpid(), "written": now}))
            fresh.replace(self._path)
        except OSError as error:
            logger.warning("Cannot write %s: %s.", self._path, error.strerror)


def problem(path: Path, *, now: float) -> str | None:
    """What is wrong with the relay that writes *path*; None when it is well."""
    try:
        written = float(json.loads(path.read_text())["written"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"There is no readable {path}: the relay has not begun."
    # A file from the future is one of before the computer was started again.
    if not 0 <= now - written <= STILL_SECONDS:
        return f"The relay's loop has stood still for {now - written:.0f} s."
    return None


def main() -> int:
    """Exit 0 when the relay is well, else 1 with a sentence."""
    trouble = problem(health_file(), now=clock.monotonic())
    print(trouble or "well")  # noqa: T201 - a command's answer
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
