"""The filters between a decoder and the encoders: the frame grid, the colours, the sizes.

One graph for all rungs: the picture is prepared once, and each rung is scaled from the one above.
It depends on the plan alone, so the same source gives the same pictures whoever makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ffmpeg

from academy.media.binaries import ToneMapper
from academy.video.chunks import Chunk
from academy.video.ladder import Plan, Rung

#: A cascade scales some pictures three times. Bicubic then leaves 360 lines 1 to 1.4 VMAF below one
#: step from the source; Lanczos leaves them above it, and letters on slides stay sharp.
SCALER = "lanczos"
# The frames after decoding and rotation are what this graph makes of them; a stranger's matrix,
# primaries and transfer survive only as these two.
_HD_HEIGHT = 720
_FROM_601 = frozenset({"smpte170m", "bt470bg", "fcc"})
_FROM_2020 = frozenset({"bt2020nc", "bt2020c"})


def prepared(
    plan: Plan, stream: Any, tone_mapper: ToneMapper | None, chunk: Chunk | None = None
) -> Any:
    """From decoded frames to the frame grid, progressive and in standard range."""
    rate = plan.grid.rate
    first = chunk.first if chunk is not None else 0
    if chunk is not None and plan.source.start:
        start = plan.source.start
        stream = stream.filter("setpts", f"PTS-({start.numerator}/{start.denominator})/TB")
    if plan.deinterlace:
        stream = stream.filter("bwdif", mode="send_frame", parity="auto", deint="all")
    stream = stream.filter(
        "fps", fps=str(rate), start_time=f"{float(first / rate):.9f}", round="near"
    )
    if chunk is not None and chunk.is_exact:
        stream = stream.filter("tpad", stop_mode="clone", stop=-1)
        stream = stream.filter("trim", start_pts=chunk.first, end_pts=chunk.end)
    stream = stream.filter("setpts", f"PTS+{plan.grid.base_frames}")
    if plan.tonemap:
        stream = _tonemapped(plan.rungs[0], stream, tone_mapper)
    return stream


def black(plan: Plan, chunk: Chunk) -> Any:
    """Black pictures of the largest size on a chunk's part of the frame grid."""
    top, rate = plan.rungs[0], plan.grid.rate
    source = f"color=c=black:s={top.width}x{top.height}:r={rate}"
    stream = ffmpeg.input(source, f="lavfi").filter("trim", end_frame=chunk.frames)
    return stream.filter("setpts", f"PTS+{plan.grid.base_frames + chunk.first}")


def uploaded(stream: Any) -> Any:
    """Pictures of the CPU for a cascade on the GPU."""
    return stream.filter("format", "yuv420p").filter("hwupload_cuda")


def cascade(plan: Plan, stream: Any, rungs: Sequence[Rung], *, on_gpu: bool = False) -> list[Any]:
    """Each rung scaled from the one above, down to the last that is wanted.

    A rung that is not wanted is scaled all the same: its successor must be the same picture
    whoever makes it. ``on_gpu``: the pictures lie in the GPU's memory and stay there.
    """
    ends: list[Any] = []
    for position, rung in enumerate(plan.rungs):
        stream = _scaled(stream, rung, on_gpu=on_gpu)
        # scale makes up for rounding to even sizes with pixels that are not quite square.
        stream = stream.filter("setsar", "1")
        if position == 0:
            stream = _tagged(plan, stream if on_gpu else _standard(plan, stream))
        if rung not in rungs:
            continue
        if rung == rungs[-1]:
            ends.append(stream)
            break
        fork = stream.filter_multi_output("split", 2)
        ends.append(fork.stream(0))
        stream = fork.stream(1)
    return ends


def _scaled(stream: Any, rung: Rung, *, on_gpu: bool) -> Any:
    if on_gpu:
        return stream.filter(
            "scale_cuda", rung.width, rung.height, format="yuv420p", interp_algo=SCALER
        )
    return stream.filter("scale", rung.width, rung.height, flags=SCALER)


def _tonemapped(top: Rung, stream: Any, tone_mapper: ToneMapper | None) -> Any:
    """HDR (PQ or HLG) to SDR, at the size of the top rung: its frames are the costly ones."""
    if tone_mapper is ToneMapper.ZSCALE:
        return (
            stream.filter("zscale", w=top.width, h=top.height, t="linear", npl=100)
            .filter("format", "gbrpf32le")
            .filter("zscale", p="bt709")
            .filter("tonemap", tonemap="hable", desat=0)
            .filter("zscale", t="bt709", m="bt709", r="tv")
        )
    if tone_mapper is ToneMapper.SCALE:
        return stream.filter("scale", top.width, top.height, flags="bicubic").filter(
            "scale",
            out_primaries="bt709", out_transfer="bt709", out_color_matrix="bt709",
            out_range="tv", intent="perceptual",
        )  # fmt: skip
    raise ValueError("this plan needs a tone mapper, and the build of ffmpeg has none")


def conversion(plan: Plan) -> dict[str, str]:
    """What `scale` must do to the colours of a source, as its options; empty where nothing."""
    video = plan.source.video
    assert video is not None
    convert: dict[str, str] = {}
    if not plan.tonemap:
        if video.full_range:
            convert |= {"in_range": "pc", "out_range": "tv"}
        if video.matrix in _FROM_2020:
            convert |= {"in_color_matrix": "bt2020", "out_color_matrix": "bt709"}
    return convert


def _standard(plan: Plan, stream: Any) -> Any:
    """8-bit 4:2:0 in limited range."""
    convert = conversion(plan)
    if convert:
        stream = stream.filter("scale", **convert)
    return stream.filter("format", "yuv420p")


def _tagged(plan: Plan, stream: Any) -> Any:
    """Colour tags that say what the frames are."""
    video = plan.source.video
    assert video is not None
    matrix = "bt709"
    if not plan.tonemap and (
        video.matrix in _FROM_601
        or (video.matrix in {"unknown", "unspecified"} and video.height < _HD_HEIGHT)
    ):
        matrix = "smpte170m"
    return stream.filter(
        "setparams",
        range="tv", colorspace=matrix, color_primaries=matrix, color_trc=matrix,
        field_mode="prog",
    )  # fmt: skip
