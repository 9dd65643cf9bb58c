"""Counts the encoders that video jobs start, in whatever process they run: a line for each.

A worker of a test world counts where ``TEST_ENCODES`` names a file; see the test kinds.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from academy.video.handlers.workbench import Workbench

VARIABLE = "TEST_ENCODES"


def record(path: Path, patch: pytest.MonkeyPatch) -> None:
    """From now on this process writes down for which job it starts an encoder."""
    honest = Workbench.follow

    def follow(bench: Workbench, argv: list[str], **options: Any) -> Any:
        # One write of a short line: processes that append at once do not mix theirs.
        with path.open("a") as file:
            file.write(f"{bench.context.job_id}\n")
        return honest(bench, argv, **options)

    patch.setattr(Workbench, "follow", follow)


def record_where_asked() -> None:
    """For the start of a process; it ends with it."""
    if named := os.environ.get(VARIABLE):
        record(Path(named), pytest.MonkeyPatch())


def counted(path: Path) -> Counter[str]:
    """How many encoders were started for each job."""
    return Counter(path.read_text().split())
