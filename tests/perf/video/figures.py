"""From what was measured to medians, ratios and verdicts. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.perf.video.measure import Cost

CPU_RATIO: Final = 1.5
"""At least so many times less CPU than the peer, everything encoded, at equal quality."""
COPIED_RATIO: Final = 2.7
"""The same where the top rung is copied."""
VMAF_WITHIN: Final = 0.5
"""No rung may be worse than the peer's by more: that is what equal quality means here."""
CHUNK_OVERHEAD: Final = 0.05
TWO_WORKERS: Final = 1.8
FIRST_PLAYABLE: Final = 5.0


@dataclass(frozen=True)
class Verdict:
    """A target, what was measured, and whether that meets it; None where nothing was measured."""

    target: str
    measured: str
    met: bool | None


def median_cost(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    firsts = [cost.first for cost in costs if cost.first is not None]
    return Cost(
        cpu=statistics.median(cost.cpu for cost in costs),
        wall=statistics.median(cost.wall for cost in costs),
        rss=statistics.median(cost.rss for cost in costs),
        first=statistics.median(firsts) if firsts else None,
        finished=all(cost.finished for cost in costs),
    )


def differences(
    made: Mapping[str, float | None], peers: Mapping[str, float | None]
) -> dict[str, float]:
    """By how much each common rung is better (or, below 0, worse) than the peer's; largest first.

    Empty where nobody could judge.
    """
    return {
        rung: score - other
        for rung, score in made.items()
        if score is not None and (other := peers.get(rung)) is not None
    }


def verdicts_on_source(
    name: str, found: Mapping[str, Any], *, arm: str, peer: str
) -> tuple[Verdict, Verdict]:
    """Whether an arm needed so much less CPU than the peer, and whether every rung is as good.

    The quality that the CPU is bought with is that of the top rung; where that is copied, nothing
    of it is lost.
    """
    made, other = found["arms"][arm], found["arms"][peer]
    top = made["rungs"][0]
    is_copied = top not in made["vmaf"]
    wanted = COPIED_RATIO if is_copied else CPU_RATIO
    ratio = other["cpu"] / made["cpu"]
    by_rung = differences(made["vmaf"], other["vmaf"])
    enough = ratio >= wanted
    return Verdict(
        f"{name}, {arm}: {wanted:g}x less CPU, {top} within {VMAF_WITHIN:g} VMAF",
        f"{ratio:.2f}x, {_told(top, by_rung, is_copied)}",
        (enough and (is_copied or by_rung[top] >= -VMAF_WITHIN))
        if by_rung
        # Less work is no merit where nobody knows what it made; too much is too much.
        else (None if enough else False),
    ), Verdict(
        f"{name}, {arm}: every rung that is encoded within {VMAF_WITHIN:g} VMAF",
        ", ".join(f"{rung} {by:+.2f}" for rung, by in by_rung.items()) or "not measured",
        min(by_rung.values()) >= -VMAF_WITHIN if by_rung else None,
    )


def _told(top: str, by_rung: Mapping[str, float], is_copied: bool) -> str:
    if is_copied:
        return f"{top} is the source's own"
    return f"{top} {by_rung[top]:+.2f} VMAF" if top in by_rung else "VMAF not measured"


def overhead(divided: float, whole: float) -> float:
    """What dividing adds, as a share: 0.04 is 4 %."""
    return divided / whole - 1


def verdict_on_chunks(found: Mapping[str, Any]) -> Verdict:
    """Whether chunks cost little more than one process."""
    added = found["overhead"]
    return Verdict(
        f"chunks cost at most {CHUNK_OVERHEAD:.0%} more CPU than one process",
        f"{added:+.1%}",
        added <= CHUNK_OVERHEAD,
    )


def verdict_on_workers(found: Mapping[str, Any]) -> Verdict:
    """Whether two workers share a lecture well."""
    if found.get("speedup") is None:
        return Verdict(f"two workers {TWO_WORKERS:g}x one", found["why"], None)
    return Verdict(
        f"two workers at least {TWO_WORKERS:g}x one",
        f"{found['speedup']:.2f}x",
        found["speedup"] >= TWO_WORKERS,
    )


def verdict_on_first(found: Mapping[str, Any]) -> Verdict:
    """Whether a long lecture can be watched early. A peer that was stopped had not got there."""
    ratio = found["peer"]["seconds"] / found["platform"]["seconds"]
    return Verdict(
        f"first playable at most 1/{FIRST_PLAYABLE:g} of the peer's",
        f"1/{ratio:.1f}"
        if found["peer"]["finished"]
        else f"less than 1/{ratio:.1f}: the peer was stopped before it got there",
        ratio >= FIRST_PLAYABLE,
    )


def projected(seconds: float, frames: int, of: int) -> float | None:
    """How long all frames take at the pace of those made so far."""
    return seconds * of / frames if frames else None


def frames_of(progress: str) -> int:
    """The last count of frames in what ffmpeg's ``-progress`` wrote."""
    counts = [line[6:] for line in progress.splitlines() if line.startswith("frame=")]
    return int(counts[-1]) if counts and counts[-1].strip().isdigit() else 0
