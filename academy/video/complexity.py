"""How much the pictures of a lecture ask of an encoder, weighed on three short samples of it.

Slides that stand still need so few bits at 1080 lines that the rungs between them and the one for
telephones save nobody anything: they are not made. Pure; no ffmpeg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from academy.video.chunks import seek_to
from academy.video.ladder import Plan, pruned
from academy.video.packets import Packets

SIMPLE_KBPS: Final = 1000
"""Below this much at the top, a telephone on a poor line can play the top."""
MIN_SECONDS: Final = 360
"""Of a shorter recording, samples that save nothing would cost more than 1.5 % of its encode."""
_PLACES: Final = (Fraction(1, 2), Fraction(1, 6), Fraction(5, 6))
"""Of the samples, as shares of the whole. The middle first: it is the least like a title card."""


@dataclass(frozen=True)
class Sample:
    """What a few seconds of the top rung need: where they begin in seconds, and kbit/s."""

    at: float
    kbps: float

    @property
    def is_simple(self) -> bool:
        """Whether they would play on a poor line."""
        return self.kbps < SIMPLE_KBPS


@dataclass(frozen=True)
class Place:
    """Where a sample is taken. Seconds from the source's start."""

    at: Fraction
    """Of the key frame that it begins with."""
    seek: Fraction
    """What ffmpeg is asked for to begin there (see chunks.seek_to)."""


@dataclass(frozen=True)
class Verdict:
    """The plan after the look at its pictures, and why it is as it is; "" where nobody looked."""

    plan: Plan
    reason: str


def is_worth_a_look(plan: Plan, frames: int) -> bool:
    """Whether samples of a recording of so many frames can save more than they cost."""
    return pruned(plan) != plan and frames / plan.grid.rate >= MIN_SECONDS


def places(plan: Plan, packets: Packets, frames: int) -> tuple[Place, ...]:
    """Where samples are to be taken, in this order: each begins with a key frame of the source.

    So nothing is decoded that is not weighed. Fewer where key frames are too far apart.
    """
    found: dict[int, Place] = {}
    start, whole = plan.source.start, frames / plan.grid.rate
    for share in _PLACES:
        key = packets.key_before(start + share * whole)
        if key is not None and key not in found:
            seek, _ = seek_to(packets, key)
            found[key] = Place(packets.seconds(key) - start, seek - start)
    return tuple(found.values())


def frames_in(line: str) -> int | None:
    """How many frames there are by now, in a line of ffmpeg's progress; None in any other line."""
    key, _, value = line.partition("=")
    return int(value) if key == "frame" and value.strip().isdigit() else None


def weighed(at: Fraction, size: int, frames: int, rate: Fraction) -> Sample:
    """The sample of so many frames that took ``size`` bytes."""
    return Sample(round(float(at), 1), round(float(size / 125 / (frames / rate)), 1))


def of_samples(plan: Plan, samples: Sequence[Sample]) -> Verdict:
    """Prune the ladder where every sample is simple; one that is not needs all rungs."""
    top = plan.rungs[0].name
    demanding = next((sample for sample in samples if not sample.is_simple), None)
    if demanding is not None:
        return Verdict(
            plan,
            f"all rungs are made: at {clock_time(demanding.at)} {top} needs "
            f"{demanding.kbps:.0f} kbit/s, not less than {SIMPLE_KBPS}",
        )
    if len(samples) < len(_PLACES):
        return Verdict(
            plan,
            f"all rungs are made: only {len(samples)} of {len(_PLACES)} samples of {top} "
            "could be taken",
        )
    figures = ", ".join(f"{one.kbps:.0f} at {clock_time(one.at)}" for one in samples)
    return _simple(plan, f"{top} needs {figures} kbit/s")


def of_copy(plan: Plan, kbps: float) -> Verdict:
    """Prune the ladder where the packets that are copied are few: they are what would be sent."""
    if pruned(plan) == plan:
        return Verdict(plan, "")
    top = plan.rungs[0].name
    if kbps >= SIMPLE_KBPS:
        return Verdict(
            plan,
            f"all rungs are made: the copied {top} has {kbps:.0f} kbit/s, "
            f"not less than {SIMPLE_KBPS}",
        )
    return _simple(plan, f"the copied {top} has {kbps:.0f} kbit/s")


def _simple(plan: Plan, why: str) -> Verdict:
    kept = pruned(plan)
    names = ", ".join(rung.name for rung in kept.rungs)
    left_out = ", ".join(rung.name for rung in plan.rungs if rung not in kept.rungs)
    return Verdict(
        kept, f"only {names} are made, without {left_out}: {why}, less than {SIMPLE_KBPS}"
    )


def clock_time(seconds: float) -> str:
    """A time of a lecture as people say it: 1:02:03 or 12:30."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
