"""The ffmpeg command of a plan, built with ffmpeg-python.

One process: decode once, `split`, and a cascade in which each rung is scaled from the one above.
The filter graph, the options and the names depend on the plan alone, so the same source gives the
same bytes: `-threads 1` for each encoder because x264's output differs with the thread count.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from academy.video import sandbox
from academy.video.binaries import ToneMapper
from academy.video.chunks import Chunk
from academy.video.ladder import AUDIO_KBPS, AUDIO_RATE, CRF, PRESET, Plan, Rung

AUDIO_NAME = "audio"
SEGMENT_PATTERN = "%05d.m4s"

# The frames after decoding and rotation are what this command makes of them; a stranger's matrix,
# primaries and transfer survive only as these two.
_HD_HEIGHT = 720
_FROM_601 = frozenset({"smpte170m", "bt470bg", "fcc"})
_FROM_2020 = frozenset({"bt2020nc", "bt2020c"})
_DECODER_THREADS = 4

_HLS = {
    "f": "hls",
    "hls_playlist_type": "vod",
    "hls_flags": "independent_segments+temp_file",
    "hls_segment_type": "fmp4",
    "hls_segment_options": ("movflags=+frag_discont:use_editlist=0:avoid_negative_ts=disabled"),
    "avoid_negative_ts": "disabled",
}


def segment_name(rendition: str, number: int) -> str:
    """The file of one segment, as SEGMENT_PATTERN makes ffmpeg name it."""
    return f"{rendition}_{number:05d}.m4s"


def encode(
    binary: str, plan: Plan, source: Path, *, tone_mapper: ToneMapper | None = None
) -> list[str]:
    """The argv that encodes every rendition into the working directory.

    Per rendition NAME: `NAME.m3u8`, `NAME_init.mp4` and `NAME_00000.m4s` and on.
    A plan with `tonemap` needs a tone mapper.
    """
    demuxed = _input(source)
    outputs = []
    if plan.rungs:
        outputs.append(_pictures(plan, demuxed, tone_mapper))
    if plan.audio_index is not None:
        outputs.append(_sound(plan, demuxed))
    merged = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    command: list[str] = ffmpeg.compile(merged, cmd=[binary, *_global_options()])
    return command


def encode_chunk(
    binary: str,
    plan: Plan,
    chunk: Chunk,
    source: Path,
    *,
    rungs: Collection[str],
    tone_mapper: ToneMapper | None = None,
) -> list[str]:
    """The argv that encodes the named rungs of one chunk, as `encode` would have made them.

    The segments are numbered as in the whole lecture, and lie on its timeline. A source that has
    nothing for the end of the chunk gives its last picture again, so that what comes after still
    stands at its place.
    """
    seek = {} if chunk.seek is None else {"ss": f"{float(chunk.seek):.6f}"}
    # Of the source only what the chunk needs may be there: no more is read to find the codec.
    brief = {"analyzeduration": 0, "fpsprobesize": 0}
    demuxed = _input(source, copyts=None, noaccurate_seek=None, **brief, **seek)
    command: list[str] = ffmpeg.compile(
        _pictures(plan, demuxed, tone_mapper, chunk=chunk, only=frozenset(rungs)),
        cmd=[binary, *_global_options()],
    )
    return command


def encode_sound(binary: str, plan: Plan, source: Path) -> list[str]:
    """The argv that encodes the sound of a lecture from what `demux` took out of it."""
    demuxed = _input(source, copyts=None)
    command: list[str] = ffmpeg.compile(
        _sound(plan, demuxed, "a:0"), cmd=[binary, *_global_options()]
    )
    return command


def demux(
    binary: str, plan: Plan, source: Path, *, pictures: Path | None, sound: Path | None
) -> list[str]:
    """The argv that copies the tracks in use into files of their own, on a clock that starts at 0.

    Pictures into MP4, whose parts can be fetched one by one; sound into Matroska.
    """
    argv = [binary, *_global_options(), *sandbox.media_options()]
    argv += ["-copyts", "-start_at_zero", "-i", str(source)]
    copied = ["-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1", "-copyts"]
    if pictures is not None:
        assert plan.source.video is not None
        argv += ["-map", f"0:{plan.source.video.index}", *copied, "-f", "mp4", str(pictures)]
    if sound is not None:
        argv += ["-map", f"0:{plan.audio_index}", *copied, "-f", "matroska", str(sound)]
    return argv


def remux(binary: str, tracks: Sequence[Path], target: Path, start: float) -> list[str]:
    """The argv that puts finished tracks into one MP4 that plays while it is fetched.

    ``start`` is where their timeline starts, in seconds; the file's starts at 0.
    """
    argv = [binary, *_global_options()]
    for track in tracks:
        argv += [*sandbox.media_options(), "-itsoffset", f"{-start:.6f}", "-i", str(track)]
    for number in range(len(tracks)):
        argv += ["-map", f"{number}:0"]
    return [
        *argv, "-copyts", "-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1",
        "-movflags", "+faststart", "-f", "mp4", str(target),
    ]  # fmt: skip


def packets(binary: str, source: Path, track: int) -> list[str]:
    """The ffprobe argv that lists the packets of one track, a line each (see packets.Packets)."""
    return [
        binary, "-v", "level+warning", "-of", "csv=p=0",
        *sandbox.media_options(), "-select_streams", str(track),
        "-show_entries", "packet=pts_time,duration_time,size,pos,flags", "-i", str(source),
    ]  # fmt: skip


def _global_options() -> list[str]:
    return [
        "-v", "level+warning", "-hide_banner", "-nostdin", "-y", "-nostats",
        "-progress", "pipe:1", "-stats_period", "1",
    ]  # fmt: skip


def _input(source: Path, **extra: Any) -> Any:
    options = sandbox.media_options()
    fenced = {
        name.removeprefix("-"): value
        for name, value in zip(options[::2], options[1::2], strict=True)
    }
    threads = min(_DECODER_THREADS, os.cpu_count() or 1)
    return ffmpeg.input(str(source), threads=threads, **fenced, **extra)


def _pictures(
    plan: Plan,
    demuxed: Any,
    tone_mapper: ToneMapper | None,
    *,
    chunk: Chunk | None = None,
    only: frozenset[str] | None = None,
) -> Any:
    """The output with every rung of the picture, or those named by `only`."""
    assert plan.source.video is not None
    stream = _prepared(plan, demuxed[str(plan.source.video.index)], tone_mapper, chunk)
    rungs = tuple(rung for rung in plan.rungs if only is None or rung.name in only)
    ends = _cascade(plan, stream, rungs)
    gop = plan.grid.gop_frames
    options: dict[str, Any] = {
        "c:v": "libx264", "preset": PRESET, "crf": CRF, "pix_fmt": "yuv420p", "threads": 1,
        "fps_mode": "passthrough",
        "g": gop, "force_key_frames": f"expr:eq(mod(n,{gop}),0)", "flags": "+cgop",
        "map_metadata": -1, "map_chapters": -1,
        **_HLS,
        # Rounded down to the microsecond, ffmpeg's unit here: a longer value would skip a GOP.
        "hls_time": f"{math.floor(plan.grid.segment_seconds * 1_000_000)}us",
        "var_stream_map": " ".join(f"v:{i},name:{rung.name}" for i, rung in enumerate(rungs)),
        "hls_fmp4_init_filename": "%v_init.mp4",
        "hls_segment_filename": f"%v_{SEGMENT_PATTERN}",
        "start_number": 0 if chunk is None else chunk.first // plan.grid.segment_frames,
    }  # fmt: skip
    for position, rung in enumerate(rungs):
        options[f"maxrate:v:{position}"] = f"{rung.max_kbps}k"
        options[f"bufsize:v:{position}"] = f"{2 * rung.max_kbps}k"
    return ffmpeg.output(*ends, "%v.m3u8", **options)


def _cascade(plan: Plan, stream: Any, rungs: Sequence[Rung]) -> list[Any]:
    """Each rung scaled from the one above, down to the last that is wanted.

    A rung that is not wanted is scaled all the same: its successor must be the same picture
    whoever makes it.
    """
    ends: list[Any] = []
    for position, rung in enumerate(plan.rungs):
        stream = stream.filter("scale", rung.width, rung.height, flags="bicubic")
        # scale makes up for rounding to even sizes with pixels that are not quite square.
        stream = stream.filter("setsar", "1")
        if position == 0:
            stream = _tagged(plan, stream)
        if rung not in rungs:
            continue
        if rung == rungs[-1]:
            ends.append(stream)
            break
        fork = stream.filter_multi_output("split", 2)
        ends.append(fork.stream(0))
        stream = fork.stream(1)
    return ends


def _prepared(
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
    if chunk is not None and not chunk.is_last:
        stream = stream.filter("tpad", stop_mode="clone", stop=-1)
        stream = stream.filter("trim", start_pts=chunk.first, end_pts=chunk.end)
    stream = stream.filter("setpts", f"PTS+{plan.grid.base_frames}")
    if plan.tonemap:
        stream = _tonemapped(plan.rungs[0], stream, tone_mapper)
    return stream


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


def _tagged(plan: Plan, stream: Any) -> Any:
    """8-bit 4:2:0 in limited range, and colour tags that say what the frames are."""
    video = plan.source.video
    assert video is not None
    matrix = "bt709"
    if not plan.tonemap and (
        video.matrix in _FROM_601
        or (video.matrix in {"unknown", "unspecified"} and video.height < _HD_HEIGHT)
    ):
        matrix = "smpte170m"
    convert: dict[str, str] = {}
    if not plan.tonemap:
        if video.full_range:
            convert |= {"in_range": "pc", "out_range": "tv"}
        if video.matrix in _FROM_2020:
            convert |= {"in_color_matrix": "bt2020", "out_color_matrix": "bt709"}
    if convert:
        stream = stream.filter("scale", **convert)
    return (
        stream.filter("format", "yuv420p")
        .filter(
            "setparams",
            range="tv", colorspace=matrix, color_primaries=matrix, color_trc=matrix,
            field_mode="prog",
        )
    )  # fmt: skip


def _sound(plan: Plan, demuxed: Any, track: str | None = None) -> Any:
    """The one sound rendition that all rungs share, on the same timeline."""
    base = round(plan.grid.base_seconds * AUDIO_RATE)
    stream = (
        demuxed[track or str(plan.audio_index)]
        .filter("aresample", AUDIO_RATE, **{"async": 1, "first_pts": 0})
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("asetpts", f"PTS+{base}")
    )
    return ffmpeg.output(
        stream, f"{AUDIO_NAME}.m3u8",
        **{
            "c:a": "aac", "b:a": f"{AUDIO_KBPS}k", "map_metadata": -1, "map_chapters": -1,
            **_HLS,
            "hls_time": f"{math.floor(plan.grid.segment_seconds * 1_000_000)}us",
            "hls_fmp4_init_filename": f"{AUDIO_NAME}_init.mp4",
            "hls_segment_filename": f"{AUDIO_NAME}_{SEGMENT_PATTERN}",
        },
    )  # fmt: skip


def check_segment(binary: str, segment: Path) -> list[str]:
    """The argv that decodes one self-contained piece and fails on the first flaw."""
    return [
        binary, "-v", "level+warning", "-nostdin", "-nostats", "-xerror", "-err_detect", "explode",
        "-threads", "1", *sandbox.media_options(), "-i", str(segment), "-f", "null", "-",
    ]  # fmt: skip


def poster(binary: str, piece: Path, target: str, *, width: int) -> list[str]:
    """The argv that writes the most representative picture of a piece as JPEG."""
    stream = (
        _input(piece)["v:0"]
        .filter("thumbnail", 60)
        .filter("scale", f"min({width},iw)", -2)
        .filter("format", "yuvj420p")
    )
    return _picture(binary, stream, target)


def sound_card(binary: str, source: Path, audio_index: int, target: str) -> list[str]:
    """The argv that draws the sound's waveform as a poster, for a source without pictures."""
    demuxed = _input(source)
    wave = (
        demuxed[str(audio_index)]
        .filter("aformat", channel_layouts="mono")
        .filter("showwavespic", s="1120x360", colors="0x7aa2f7", scale="sqrt", draw="full")
    )
    card = ffmpeg.input("color=c=0x16161e:s=1280x720:d=1", f="lavfi")
    stream = ffmpeg.overlay(card, wave, x=80, y=180).filter("format", "yuvj420p")
    return _picture(binary, stream, target)


def _picture(binary: str, stream: Any, target: str) -> list[str]:
    output = ffmpeg.output(
        stream, target, **{"frames:v": 1, "q:v": 3, "update": 1, "map_metadata": -1}
    )
    command: list[str] = ffmpeg.compile(
        output, cmd=[binary, "-v", "level+warning", "-nostdin", "-y", "-nostats"]
    )
    return command
