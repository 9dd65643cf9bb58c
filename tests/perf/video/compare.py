"""One short recording, encoded by everybody in turn: what it takes, and how good it is."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests.perf.video import ours, peer, quality
from tests.perf.video.figures import median_cost
from tests.perf.video.measure import Command, Cost, run, size_of
from tests.support import media

PEER: Final = "one process a rung (PeerTube's options)"
DIRECT: Final = "one process, all encoded"
DECIDED: Final = "one process, as decided"
_MEDIA: Final = ("*.m4s", "*.mp4", "*.m3u8")


@dataclass(frozen=True)
class Arm:
    """A competitor: how it is run, and where it leaves each rung's media as one file."""

    name: str
    commands: Callable[[Path], list[Command]]
    media: Callable[[Path, str], Path]
    rungs: tuple[str, ...]
    encoded: tuple[str, ...]
    """Those of the rungs that were not copied: only they can lose anything."""


def arms(recording: ours.Recording, decision: ours.Decision) -> list[Arm]:
    """The competitors for one recording; the last only where something was decided."""
    plan, ffmpeg = recording.plan, media.binaries().ffmpeg
    rungs = tuple(rung.name for rung in plan.rungs)
    found = [
        Arm(
            PEER,
            lambda folder: peer.commands(ffmpeg, plan, recording.path, folder),
            peer.media,
            rungs,
            rungs,
        ),
        Arm(DIRECT, lambda folder: ours.direct(recording, folder), _whole, rungs, rungs),
    ]
    if decision.plan != plan:
        kept = tuple(rung.name for rung in decision.plan.rungs)
        found.append(
            Arm(
                DECIDED,
                lambda folder: ours.direct(recording, folder, decision=decision),
                _whole,
                kept,
                tuple(name for name in kept if name != decision.plan.copied),
            )
        )
    return found


def _whole(folder: Path, rung: str) -> Path:
    return quality.whole(folder, rung, folder / f"{rung}.whole.mp4")


def compare(path: Path, folder: Path, *, rounds: int) -> dict[str, Any]:
    """Rounds of all competitors, each round in the other order than the one before.

    Medians over the rounds; sizes and VMAF, which come out alike each time, from the first.
    """
    recording = ours.probed(path)
    decision = ours.decided(recording)
    runners = arms(recording, decision)
    costs: dict[str, list[Cost]] = {arm.name: [] for arm in runners}
    made: dict[str, dict[str, Any]] = {}
    for number in range(rounds):
        for arm in _in_turn(runners, number):
            work = folder / "round"
            cost = run(arm.commands(work), at_once=os.cpu_count() or 1)
            costs[arm.name].append(cost)
            _say(f"{path.stem} round {number + 1}: {arm.name}: {cost.cpu:.1f} CPU s")
            if number == 0:
                made[arm.name] = _judged(arm, recording, work)
            shutil.rmtree(work)
    source = recording.plan.source
    return {
        "seconds": source.duration,
        "kbps": 8 * source.size / source.duration / 1_000,
        "reasons": list(decision.reasons),
        "copied": decision.plan.copied,
        "arms": {
            arm.name: {
                **asdict(median_cost(costs[arm.name])),
                "cpu_each_round": [cost.cpu for cost in costs[arm.name]],
                **made[arm.name],
            }
            for arm in runners
        },
    }


def _in_turn(runners: Sequence[Arm], number: int) -> list[Arm]:
    return list(runners) if number % 2 == 0 else list(reversed(runners))


def _judged(arm: Arm, recording: ours.Recording, folder: Path) -> dict[str, Any]:
    """Bytes of all that was made, and the VMAF of each rung that was encoded."""
    size = size_of(folder, *_MEDIA)
    scores = {
        rung: quality.vmaf(arm.media(folder, rung), recording.path, recording.size, folder)
        for rung in arm.encoded
    }
    return {"bytes": size, "rungs": list(arm.rungs), "vmaf": scores}


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
