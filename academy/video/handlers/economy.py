"""What a lecture need not have made: a rung that can be copied, rungs that nobody would miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from academy.jobs.errors import TransientError
from academy.media import binaries
from academy.video import chunks, command, complexity, copying, ladder, measure
from academy.video.handlers.workbench import Workbench
from academy.video.packets import Packets, outside_media

_CPU_SECONDS = 900


def scan(bench: Workbench, plan: ladder.Plan, pictures: Path) -> Packets:
    """Read the places of all picture packets, one line each: a lecture has 200,000 of them."""
    assert plan.source.video is not None
    found = Packets()
    argv = command.packets(bench.tools.ffprobe, pictures, plan.source.video.index)
    outcome = bench.follow(
        argv, reads=[pictures], writes=[], cpu_seconds=_CPU_SECONDS, on_line=found.add
    )
    if outcome.stopped or outcome.stalled or outcome.killed:
        bench.judge(outcome)
    return found


@dataclass(frozen=True)
class Economy:
    """What was decided about one source: the plan, and why it is as it is, for people.

    ``keys`` are the key frames' places on the grid where the top rung is copied, and ``samples``
    what was weighed to know how simple the pictures are.
    """

    plan: ladder.Plan
    frames: int
    reasons: tuple[str, ...]
    keys: tuple[int, ...] = ()
    samples: tuple[complexity.Sample, ...] = ()


def decide(
    bench: Workbench,
    plan: ladder.Plan,
    pictures: Path,
    found: Packets,
    outside: tuple[tuple[int, int], ...] | None,
) -> Economy:
    """What a lecture need not have made, from where its packets lie and samples of it.

    The same file, profile and encoder give the same answer, wherever it is asked: the pieces of a
    lecture are found again by it.
    """
    verdict = copying.judge(plan, bench.context.params.profile, found, pictures, outside)
    if verdict.copies:
        copied, rungs = _copied(plan, verdict)
        return Economy(copied, verdict.frames, (verdict.reason, *rungs), verdict.keys)
    frames = plan.grid.frames_in(float(found.end - plan.source.start)) if len(found) else 0
    if not complexity.is_worth_a_look(plan, frames):
        return Economy(plan, frames, (verdict.reason,))
    samples = _samples(bench, plan, pictures, complexity.places(plan, found, frames))
    rungs_made = complexity.of_samples(plan, samples)
    reasons = (verdict.reason, rungs_made.reason)
    return Economy(rungs_made.plan, frames, reasons, samples=samples)


def decide_short(
    bench: Workbench, plan: ladder.Plan, source: Path
) -> tuple[Economy, chunks.Chunk | None]:
    """The same for a recording that is encoded in one go, and its cuts where a rung is copied.

    No samples are taken of it: they would cost more than they save.
    """
    flaw = copying.flaw_of_track(plan, bench.context.params.profile)
    if flaw is not None:
        return Economy(plan, plan.expected_frames, (copying.refusal(plan, flaw),)), None
    found, outside = scan(bench, plan, source), _outside(plan, source)
    verdict = copying.judge(plan, bench.context.params.profile, found, source, outside)
    if not verdict.copies:
        return Economy(plan, plan.expected_frames, (verdict.reason,)), None
    copied, rungs = _copied(plan, verdict)
    whole = chunks.Chunk(
        number=0,
        first=0,
        end=verdict.frames,
        is_last=True,
        seek=None,
        ranges=((0, plan.source.size),),
        cuts=chunks.segment_starts(plan.grid, verdict.keys),
    )
    return Economy(copied, verdict.frames, (verdict.reason, *rungs), verdict.keys), whole


def _copied(plan: ladder.Plan, verdict: copying.Verdict) -> tuple[ladder.Plan, tuple[str, ...]]:
    """The plan with its copied rung, without rungs that it makes superfluous; and why."""
    rungs = complexity.of_copy(plan, verdict.kbps)
    copied = replace(rungs.plan, copied=plan.rungs[0].name)
    return copied, (rungs.reason,) if rungs.reason else ()


def _samples(
    bench: Workbench, plan: ladder.Plan, source: Path, places: Sequence[complexity.Place]
) -> tuple[complexity.Sample, ...]:
    """Weigh them one by one, until one needs all rungs or cannot be encoded."""
    taken: list[complexity.Sample] = []
    for place in places:
        sample = _weighed(bench, plan, source, place)
        if sample is None:
            break
        taken.append(sample)
        if not sample.is_simple:
            break
    return tuple(taken)


def _weighed(
    bench: Workbench, plan: ladder.Plan, source: Path, place: complexity.Place
) -> complexity.Sample | None:
    """What a few seconds of the top rung need; None where too little of them can be decoded."""
    ffmpeg, target = bench.tools.ffmpeg, bench.folder / "sample.h264"
    mapper = binaries.tone_mapper(ffmpeg) if plan.tonemap else None
    argv = measure.sample(ffmpeg, plan, source, target, place=place, tone_mapper=mapper)
    made = 0

    def count(line: str) -> bool:
        nonlocal made
        before, made = made, complexity.frames_in(line) or made
        return made > before

    outcome = bench.follow(argv, reads=[source], cpu_seconds=_CPU_SECONDS, on_line=count)
    if outcome.stopped or outcome.stalled or outcome.killed:
        bench.judge(outcome)
    size = target.stat().st_size if target.exists() else 0
    target.unlink(missing_ok=True)
    # Of fewer the first key frame would weigh too much, or too little.
    if outcome.returncode != 0 or 2 * made < plan.grid.segment_frames or not size:
        bench.context.log.info(
            "no sample at %s: %d frames; %s", complexity.clock_time(float(place.at)), made,
            " | ".join(outcome.stderr[-3:]),
        )  # fmt: skip
        return None
    return complexity.weighed(place.at, size, made, plan.grid.rate)


def refuse_damage(errors: int) -> None:
    """TransientError where a decoder stumbled: those packets are no better for being copied."""
    if errors:
        raise TransientError("video_output_invalid", problem=f"{errors} errors in the source")


def _outside(plan: ladder.Plan, source: Path) -> tuple[tuple[int, int], ...] | None:
    return outside_media(source) if chunks.SPARSE_CONTAINER in plan.source.container else None
