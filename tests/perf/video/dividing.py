"""What it costs to cut a lecture into chunks, and to make its first minutes first."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tests.perf.video import figures, ours
from tests.perf.video.measure import Command, Cost, run

WHOLE: Final = "one process"
CHUNKS: Final = "chunks"
PIECES: Final = "pieces, the first rung of the first minutes apart"


def divide(path: Path, folder: Path, *, rounds: int) -> dict[str, Any]:
    """The same encode in one process, in chunks, and in the pieces that the platform sends out.

    All with the same options and all rungs encoded, as many at a time as there are cores.
    """
    recording = ours.probed(path)
    parts = ours.cut(recording)
    runners: list[tuple[str, Callable[[Path], list[Command]]]] = [
        (WHOLE, lambda work: ours.direct(recording, work)),
        (
            CHUNKS,
            lambda work: ours.divided(
                recording, parts, ours.undivided_pieces(recording, parts), work
            ),
        ),
        (
            PIECES,
            lambda work: ours.divided(recording, parts, ours.real_pieces(recording, parts), work),
        ),
    ]
    costs: dict[str, list[Cost]] = {name: [] for name, _ in runners}
    for number in range(rounds):
        for name, commands in runners if number % 2 == 0 else reversed(runners):
            work = folder / "round"
            cost = run(commands(work), at_once=os.cpu_count() or 1)
            shutil.rmtree(work)
            costs[name].append(cost)
            print(
                f"  dividing round {number + 1}: {name}: {cost.cpu:.1f} CPU s",
                file=sys.stderr, flush=True,
            )  # fmt: skip
    return {
        "seconds": recording.plan.source.duration,
        "chunks": [part.frames for part in parts],
        "arms": {name: asdict(figures.median_cost(found)) for name, found in costs.items()},
        "overhead": _added(costs[CHUNKS], costs[WHOLE]),
        "early_cpu_seconds": statistics.median(_each_more(costs[PIECES], costs[CHUNKS])),
    }


def _added(divided: Sequence[Cost], whole: Sequence[Cost]) -> float:
    """The median over the rounds of what dividing adds, as a share."""
    return statistics.median(
        figures.overhead(one.cpu, other.cpu) for one, other in zip(divided, whole, strict=True)
    )


def _each_more(some: Sequence[Cost], others: Sequence[Cost]) -> list[float]:
    return [one.cpu - other.cpu for one, other in zip(some, others, strict=True)]
