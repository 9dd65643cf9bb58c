"""The ffmpeg commands that measure instead of making: what a picture needs, how well it was kept.

Both use the filters of the encode itself (filters.py), so that what is measured is what an encoder
is given.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import ffmpeg

from academy.media.binaries import ToneMapper
from academy.video import command, encoding, filters
from academy.video.chunks import Chunk
from academy.video.complexity import Place
from academy.video.ladder import Plan, Rung, on_x264

VMAF: Final = "libvmaf"
"""The filter that a build of ffmpeg need not have."""
#: Of neighbouring frames VMAF says the same, and it costs more than the encode.
_VMAF_EVERY: Final = 5
_SOUND_SECONDS: Final = 0.1


def sample(
    binary: str,
    plan: Plan,
    source: Path,
    target: Path,
    *,
    place: Place,
    tone_mapper: ToneMapper | None = None,
) -> list[str]:
    """The argv that encodes one segment of the top rung into a bare H.264 file, to weigh it.

    Made alike on every processor: whoever plans the lecture again must come to the same decision.
    """
    plan = on_x264(plan)
    assert plan.source.video is not None
    demuxed = command.media_input(source, noaccurate_seek=None, ss=f"{float(place.seek):.6f}")
    track = demuxed[str(plan.source.video.index)]
    top = plan.rungs[0]
    (end,) = filters.cascade(plan, filters.prepared(plan, track, tone_mapper), (top,))
    output = ffmpeg.output(
        end, str(target), f="h264",
        **encoding.encoded(plan, top, None),
        **{"x264-params": "cpu-independent=1", "frames:v": plan.grid.segment_frames},
    )  # fmt: skip
    argv: list[str] = ffmpeg.compile(output, cmd=[binary, *command.global_options()])
    return argv


def compare(
    binary: str,
    plan: Plan,
    rung: Rung,
    source: Path,
    made: Path,
    *,
    first: int,
    frames: int,
    chunk: Chunk | None,
    vmaf: bool,
    tone_mapper: ToneMapper | None = None,
) -> list[str]:
    """The argv that compares ``made``, ``frames`` frames from ``first`` on, with the source's own.

    The source's are what the encoder of that rung was given; ``chunk`` is the one that it was
    given them in, None where it was the whole recording. ffmpeg says the figures as it ends (see
    quality.read).
    """
    demuxed = command.media_input(source, **({} if chunk is None else command.reading(chunk)))
    truth = _given(plan, rung, demuxed, chunk, tone_mapper)
    begin = plan.grid.base_frames + first
    pair = [
        _numbered(plan, stream)
        for stream in (
            command.media_input(made)["v:0"],
            truth.filter("trim", start_pts=begin, end_pts=begin + frames),
        )
    ]
    outputs = []
    if vmaf:
        both = [stream.filter_multi_output("split", 2) for stream in pair]
        pair = [fork.stream(0) for fork in both]
        outputs.append(
            _scored(
                [fork.stream(1) for fork in both], VMAF, n_threads=1, n_subsample=_VMAF_EVERY
            )
        )  # fmt: skip
    outputs.append(_scored(pair, "ssim"))
    if chunk is None and plan.audio_index is not None:
        # ffmpeg sets a clock to 0 by the first of all tracks in use, as it did for the encode.
        sound = demuxed[str(plan.audio_index)]
        outputs.append(ffmpeg.output(sound, "-", c="copy", t=_SOUND_SECONDS, f="null"))
    merged = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    argv: list[str] = ffmpeg.compile(
        merged, cmd=[binary, "-v", "level+info", "-hide_banner", "-nostdin", "-nostats"]
    )
    return argv


def _given(
    plan: Plan, rung: Rung, demuxed: Any, chunk: Chunk | None, tone_mapper: ToneMapper | None
) -> Any:
    """The source's pictures as the encoder of a rung is given them."""
    track = plan.source.video
    assert track is not None
    plan = on_x264(plan)
    if chunk is None:
        # Read from its beginning, a file's clock is set to 0.
        plan = replace(plan, source=replace(plan.source, start=Fraction(0)))
    stream = filters.prepared(plan, demuxed[str(track.index)], tone_mapper, chunk)
    (end,) = filters.cascade(plan, stream, (rung,))
    return end


def _numbered(plan: Plan, stream: Any) -> Any:
    """Frame by frame, whatever the clocks say."""
    return (
        stream.filter("format", "yuv420p")
        .filter("settb", f"{1 / plan.grid.rate}")
        .filter("setpts", "N")
    )


def _scored(pair: list[Any], name: str, **options: int) -> Any:
    return ffmpeg.output(ffmpeg.filter(pair, name, shortest=1, **options), "-", f="null")
