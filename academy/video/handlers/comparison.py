"""Compare a little of what was encoded with the source, while both are at hand.

Nothing fails because of it: a lecture without a measurement is still a lecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from academy.media import binaries
from academy.sandbox.isolation import Limits
from academy.video import lecture, measure, quality, validate
from academy.video.chunks import Chunk
from academy.video.handlers.workbench import Workbench
from academy.video.ladder import Plan

_SECONDS: Final = 300.0
"""Of HDR at 60 frames a second on a busy host; elsewhere it takes about ten."""


def of_piece(
    bench: Workbench,
    made: lecture.LecturePlan,
    piece: lecture.Piece,
    renditions: Sequence[validate.Rendition],
    source: Path,
) -> dict[str, Any] | None:
    """The quality of the chunk in the middle, where this piece made the rung that is judged."""
    if piece.chunk is None or piece.chunk != len(made.chunks) // 2:
        return None
    return _measured(bench, made.plan, renditions, source, made.chunk(piece))


def of_recording(
    bench: Workbench, plan: Plan, renditions: Sequence[validate.Rendition], source: Path
) -> dict[str, Any] | None:
    """The quality of a recording that was encoded in one go."""
    return _measured(bench, plan, renditions, source, None)


def _measured(
    bench: Workbench,
    plan: Plan,
    renditions: Sequence[validate.Rendition],
    source: Path,
    chunk: Chunk | None,
) -> dict[str, Any] | None:
    rung = quality.rung_to_judge(plan)
    made = next((one for one in renditions if rung is not None and one.name == rung.name), None)
    if rung is None or made is None:
        return None
    about = quality.stretch(plan, rung, made, at_start=chunk is not None)
    pictures = bench.context.scratch / "compared.mp4"
    with pictures.open("wb") as joined:
        for name in (made.media.init, *about.names):
            joined.write((bench.folder / name).read_bytes())
    ffmpeg = bench.tools.ffmpeg
    argv = measure.compare(
        ffmpeg, plan, rung, source, pictures,
        first=about.first + (chunk.first if chunk is not None else 0),
        frames=about.frames,
        chunk=chunk,
        vmaf=measure.VMAF in binaries.filters(ffmpeg),
        tone_mapper=binaries.tone_mapper(ffmpeg) if plan.tonemap else None,
    )  # fmt: skip
    outcome, _ = bench.capture(
        argv, reads=[source, pictures], timeout_seconds=_SECONDS,
        limits=Limits(cpu_seconds=int(2 * _SECONDS)),
    )  # fmt: skip
    pictures.unlink()
    figures = quality.read(outcome.said)
    if outcome.returncode != 0 or "ssim" not in figures:
        bench.context.log.warning("no quality sample: %s", " | ".join(outcome.stderr[-3:]))
        return None
    found = quality.measured(
        plan, about, figures, chunk_first=chunk.first if chunk is not None else 0
    )
    vmaf = "" if found["vmaf"] is None else f", VMAF {found['vmaf']:.1f}"
    bench.context.log.info(
        "quality of %s: SSIM %.4f%s over %.1f s at %.1f s",
        found["rung"], found["ssim"], vmaf, found["seconds"], found["at_seconds"],
    )  # fmt: skip
    return found
