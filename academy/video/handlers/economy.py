"""What a lecture need not have made: a rung that can be copied, rungs that nobody would miss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from academy.jobs.errors import TransientError
from academy.video import chunks, command, copying, ladder
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


def copy_of_recording(
    bench: Workbench, plan: ladder.Plan, source: Path
) -> tuple[ladder.Plan, chunks.Chunk | None, str]:
    """For a recording that is encoded in one go: the plan with its copied rung, and its cuts.

    No chunk where nothing is copied; the last value says why, or why not.
    """
    flaw = copying.flaw_of_track(plan)
    if flaw is not None:
        return plan, None, copying.refusal(plan, flaw)
    verdict = copying.judge(plan, scan(bench, plan, source), source, _outside(plan, source))
    if not verdict.copies:
        return plan, None, verdict.reason
    whole = chunks.Chunk(
        number=0,
        first=0,
        end=verdict.frames,
        is_last=True,
        seek=None,
        ranges=((0, plan.source.size),),
        cuts=chunks.segment_starts(plan.grid, verdict.keys),
    )
    return replace(plan, copied=plan.rungs[0].name), whole, verdict.reason


def refuse_damage(errors: int) -> None:
    """TransientError where a decoder stumbled: those packets are no better for being copied."""
    if errors:
        raise TransientError("video_output_invalid", problem=f"{errors} errors in the source")


def _outside(plan: ladder.Plan, source: Path) -> tuple[tuple[int, int], ...] | None:
    return outside_media(source) if chunks.SPARSE_CONTAINER in plan.source.container else None
