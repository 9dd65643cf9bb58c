"""What the demo measured, for people and for programs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deploy.local.demo_play import Played

#: What the timings are called for people; those further right are part of the one above.
STAGES = {
    "academy": "academy and key",
    "roster": "the list of students",
    "lecture": "making the lecture",
    "upload": "upload",
    "upload_transfer": "    the bytes themselves",
    "transcode": "transcode, seen from the client",
    "queue_wait": "    waiting for a worker",
    "transcode_run": "    the work",
    "verify": "playing it all",
    "examination": "the box of answer sheets",
    "second_look": "doubtful rows once more",
    "parents": "a message to each parent",
    "isolation": "the other academy",
}


class Steps:
    """How long each step of the work took, as the stream showed it (to about a second)."""

    def __init__(self) -> None:
        self._starts: dict[str, float] = {}
        self._last_seen = 0.0

    def see(self, step: str) -> None:
        """Note the present step; an empty one means that nothing runs."""
        self._last_seen = time.monotonic()
        if step:
            self._starts.setdefault(step, self._last_seen)

    @property
    def seconds(self) -> dict[str, float]:
        """Duration by step, in the order in which they began."""
        names = list(self._starts)
        ends = [*list(self._starts.values())[1:], self._last_seen]
        return {name: round(ends[i] - self._starts[name], 1) for i, name in enumerate(names)}


def seconds_between(job: dict[str, Any], first: str, last: str) -> float:
    """Seconds between two of the job's times."""
    begin, end = (datetime.fromisoformat(job[name]) for name in (first, last))
    return round((end - begin).total_seconds(), 2)


def figures(item: Played) -> tuple[str, str, str, str]:
    """Size, peak, frames and length of a rendition, as cells of a table."""
    rendition = item.rendition
    if rendition.kind == "audio":
        return "", "", "", f"{item.seconds:.2f} s"
    return (
        f"{rendition.width}x{rendition.height}",
        f"{rendition.bits_per_second / 1e6:.2f} Mbit/s",
        str(item.frames),
        f"{item.seconds:.2f} s",
    )


def rendition_report(item: Played) -> dict[str, Any]:
    """A rendition in the demo's JSON line."""
    rendition = item.rendition
    report: dict[str, Any] = {"name": rendition.name, "kind": rendition.kind}
    if rendition.kind == "video":
        report |= {"width": rendition.width, "height": rendition.height, "frames": item.frames}
        report["bits_per_second"] = rendition.bits_per_second
    return report | {"seconds": round(item.seconds, 2)}


def timing_rows(seconds: Mapping[str, float], steps: Mapping[str, float]) -> list[tuple[str, str]]:
    """Stages with their durations; a part stands below its stage."""
    rows = []
    for name, label in STAGES.items():
        rows.append((f"     {label}", f"{seconds[name]:.1f} s"))
        if name == "transcode_run":
            rows += [(f"             {step}", f"{spent:.1f} s") for step, spent in steps.items()]
    return rows
