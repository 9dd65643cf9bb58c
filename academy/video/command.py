"""The ffmpeg command of a plan, built with ffmpeg-python.

One process: decode once, `split`, and a cascade in which each rung is scaled from the one above.
The filter graph (filters.py), the options (encoding.py) and the names depend on the plan alone, so
the same source gives the same bytes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from academy.media import whitelist
from academy.media.binaries import ToneMapper
from academy.video import encoding, filters
from academy.video.chunks import TAIL_SECONDS, Chunk
from academy.video.ladder import AUDIO_KBPS, AUDIO_RATE, Plan

AUDIO_NAME = "audio"
SEGMENT_PATTERN = "%05d.m4s"

_DECODER_THREADS = 4
#: Seconds by which a copied sound track is moved; an edit list may begin far inside its media.
_SOUND_HEADROOM = 60

#: Of a part of a recording what can be decoded is saved, however little it is. A whole one of which
#: ffmpeg finds more than two thirds faulty is refused.
_SAVING = ("-max_error_rate", "1")

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
    binary: str,
    plan: Plan,
    source: Path,
    *,
    tone_mapper: ToneMapper | None = None,
    chunk: Chunk | None = None,
) -> list[str]:
    """The argv that encodes every rendition into the working directory.

    Per rendition NAME: `NAME.m3u8`, `NAME_init.mp4` and `NAME_00000.m4s` and on.
    A plan with `tonemap` needs a tone mapper; one with a copied rung a `chunk` that is the whole
    recording and says where it is cut.
    """
    if chunk is not None:
        # Read from its beginning, a file's clock is set to 0 for packets and pictures alike.
        plan = replace(plan, source=replace(plan.source, start=Fraction(0)))
    demuxed = media_input(source, **_decoding(plan))
    outputs = []
    if plan.rungs:
        outputs.append(_pictures(plan, demuxed, tone_mapper, chunk=chunk))
    if plan.audio_index is not None:
        outputs.append(_sound(plan, demuxed[str(plan.audio_index)]))
    merged = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    command: list[str] = ffmpeg.compile(merged, cmd=[binary, *global_options()])
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
    brief: dict[str, Any] = {}
    if plan.copied in rungs and not chunk.is_last:
        # A copy does not end by itself where the filters have seen enough.
        brief["t"] = math.ceil(chunk.frames / plan.grid.rate) + TAIL_SECONDS
    demuxed = media_input(source, **reading(chunk), **_decoding(plan), **brief)
    command: list[str] = ffmpeg.compile(
        _pictures(plan, demuxed, tone_mapper, chunk=chunk, only=frozenset(rungs)),
        cmd=[binary, *global_options(), *_SAVING],
    )
    return command


def decode_chunk(binary: str, plan: Plan, chunk: Chunk, source: Path) -> list[str]:
    """The argv that decodes a chunk and keeps nothing: its progress counts its own pictures."""
    assert plan.source.video is not None
    seek = {} if chunk.seek is None else {"ss": f"{float(chunk.seek):.6f}"}
    demuxed = media_input(
        source, copyts=None, noaccurate_seek=None, analyzeduration=0, fpsprobesize=0, **seek
    )
    rate, half = plan.grid.rate, Fraction(1, 2)
    start, end = ((number - half) / rate for number in (chunk.first, chunk.end))
    pictures = demuxed[str(plan.source.video.index)].filter(
        "setpts", f"PTS-({plan.source.start.numerator}/{plan.source.start.denominator})/TB"
    ).filter("trim", start=f"{max(0.0, float(start)):.6f}", end=f"{float(end):.6f}")  # fmt: skip
    command: list[str] = ffmpeg.compile(
        ffmpeg.output(pictures, "-", f="null", fps_mode="passthrough"),
        cmd=[binary, *global_options(), *_SAVING],
    )
    return command


def encode_black(binary: str, plan: Plan, chunk: Chunk, *, rungs: Collection[str]) -> list[str]:
    """The argv that makes black pictures in place of the named rungs of one chunk."""
    command: list[str] = ffmpeg.compile(
        _pictures(plan, None, None, chunk=chunk, only=frozenset(rungs)),
        cmd=[binary, *global_options()],
    )
    return command


def encode_silence(binary: str, plan: Plan, seconds: float) -> list[str]:
    """The argv that makes silence in place of a lecture's sound."""
    silence = ffmpeg.input(f"anullsrc=r={AUDIO_RATE}:cl=stereo", f="lavfi", t=f"{seconds:.6f}")[
        "a:0"
    ]
    command: list[str] = ffmpeg.compile(_sound(plan, silence), cmd=[binary, *global_options()])
    return command


def reading(chunk: Chunk) -> dict[str, Any]:
    """Input options with which a source is read from where a chunk's pictures begin."""
    seek = {} if chunk.seek is None else {"ss": f"{float(chunk.seek):.6f}"}
    # Of the source only what the chunk needs may be there: no more is read to find the codec.
    return {
        "copyts": None,
        "noaccurate_seek": None,
        "analyzeduration": 0,
        "fpsprobesize": 0,
        **seek,
    }


def encode_sound(binary: str, plan: Plan, source: Path) -> list[str]:
    """The argv that encodes the sound of a lecture from what `demux` took out of it."""
    moved = media_input(source, copyts=None)["a:0"].filter("asetpts", f"PTS-{_SOUND_HEADROOM}/TB")
    command: list[str] = ffmpeg.compile(
        _sound(plan, moved), cmd=[binary, *global_options(), *_SAVING]
    )
    return command


def demux(
    binary: str, plan: Plan, source: Path, *, pictures: Path | None, sound: Path | None
) -> list[str]:
    """The argv that copies the tracks in use into files of their own, on a clock that starts at 0.

    Pictures into MP4, whose parts can be fetched one by one; sound into Matroska, a little later:
    what an encoder's delay or an edit list puts before 0 would otherwise move all that follows.
    """
    argv = [binary, *global_options(), *whitelist.media_options()]
    argv += ["-fflags", "+genpts", "-copyts", "-start_at_zero", "-i", str(source)]
    copied = ["-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1", "-copyts"]
    if pictures is not None:
        assert plan.source.video is not None
        argv += ["-map", f"0:{plan.source.video.index}", *copied, "-f", "mp4", str(pictures)]
    if sound is not None:
        later = ["-output_ts_offset", str(_SOUND_HEADROOM)]
        argv += ["-map", f"0:{plan.audio_index}", *copied, *later, "-f", "matroska", str(sound)]
    return argv


def remux(binary: str, tracks: Sequence[Path], target: Path, start: float) -> list[str]:
    """The argv that puts finished tracks into one MP4 that plays while it is fetched.

    ``start`` is where their timeline starts, in seconds; the file's starts at 0.
    """
    argv = [binary, *global_options()]
    for track in tracks:
        argv += [*whitelist.media_options(), "-itsoffset", f"{-start:.6f}", "-i", str(track)]
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
        *whitelist.media_options(), "-select_streams", str(track),
        "-show_entries", "packet=pts_time,duration_time,size,pos,flags", "-i", str(source),
    ]  # fmt: skip


def global_options() -> list[str]:
    """Before every input: quiet on stderr but for warnings, and progress on stdout each second."""
    return [
        "-v", "level+warning", "-hide_banner", "-nostdin", "-y", "-nostats",
        "-progress", "pipe:1", "-stats_period", "1",
    ]  # fmt: skip


def media_input(source: Path, **extra: Any) -> Any:
    """A stranger's file as ffmpeg-python's input, within the fences of the sandbox."""
    options = whitelist.media_options()
    fenced = {
        name.removeprefix("-"): value
        for name, value in zip(options[::2], options[1::2], strict=True)
    }
    threads = min(_DECODER_THREADS, os.cpu_count() or 1)
    return ffmpeg.input(str(source), **{"threads": threads, **fenced, **extra})


def _decoding(plan: Plan) -> dict[str, Any]:
    """Input options of a source whose pictures are decoded on the GPU, and stay there."""
    if not plan.on_gpu:
        return {}
    # One thread feeds the card. The encoders hold back frames that the decoder would soon lack.
    return {
        "threads": 1, "hwaccel": "cuda", "hwaccel_output_format": "cuda", "extra_hw_frames": 16,
    }  # fmt: skip


def _pictures(
    plan: Plan,
    demuxed: Any | None,
    tone_mapper: ToneMapper | None,
    *,
    chunk: Chunk | None = None,
    only: frozenset[str] | None = None,
) -> Any:
    """The output with every rung of the picture, or those named by `only`.

    Without a source they are black.
    """
    assert plan.source.video is not None
    track = None if demuxed is None else demuxed[str(plan.source.video.index)]
    rungs = tuple(rung for rung in plan.rungs if only is None or rung.name in only)
    encoded = tuple(rung for rung in rungs if rung.name != plan.copied)
    ends = []
    if encoded and track is None:
        assert chunk is not None
        drawn = filters.black(plan, chunk)
        pictures = filters.uploaded(drawn) if plan.on_gpu else drawn
        ends = filters.cascade(plan, pictures, encoded, on_gpu=plan.on_gpu)
    elif encoded:
        pictures = filters.prepared(plan, track, tone_mapper, chunk)
        ends = filters.cascade(plan, pictures, encoded, on_gpu=plan.on_gpu)
    options: dict[str, Any] = {}
    for position, rung in enumerate(rungs):
        if rung.name == plan.copied:
            if chunk is None or track is None:
                raise ValueError("a copied rung needs a source, and to know where it is cut")
            ends.insert(position, track)
            options |= _of_stream(position, encoding.copied(plan, chunk))
        else:
            options |= _of_stream(position, encoding.encoded(plan, rung, chunk))
    # ffmpeg fills in a name only where there are several.
    init = "%v_init.mp4" if len(rungs) > 1 else f"{rungs[0].name}_init.mp4"
    options |= {
        "map_metadata": -1, "map_chapters": -1,
        **_HLS,
        # Rounded down to the microsecond, ffmpeg's unit here: a longer value would skip a GOP.
        "hls_time": f"{math.floor(plan.grid.segment_seconds * 1_000_000)}us",
        "var_stream_map": " ".join(f"v:{i},name:{rung.name}" for i, rung in enumerate(rungs)),
        "hls_fmp4_init_filename": init,
        "hls_segment_filename": f"%v_{SEGMENT_PATTERN}",
        "start_number": 0 if chunk is None else chunk.segment(plan.grid),
    }  # fmt: skip
    return ffmpeg.output(*ends, "%v.m3u8", **options)


def _of_stream(position: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of one picture stream of an output."""
    return {f"{name}:v:{position}": value for name, value in options.items()}


def _sound(plan: Plan, track: Any) -> Any:
    """The one sound rendition that all rungs share, on the same timeline."""
    base = round(plan.grid.base_seconds * AUDIO_RATE)
    stream = (
        track.filter("aresample", AUDIO_RATE, **{"async": 1, "first_pts": 0})
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
        "-threads", "1", *whitelist.media_options(), "-i", str(segment), "-f", "null", "-",
    ]  # fmt: skip


def poster(binary: str, piece: Path, target: str, *, width: int) -> list[str]:
    """The argv that writes the most representative picture of a piece as JPEG."""
    stream = (
        media_input(piece)["v:0"]
        .filter("thumbnail", 60)
        .filter("scale", f"min({width},iw)", -2)
        .filter("format", "yuvj420p")
    )
    return _picture(binary, stream, target)


def sound_card(binary: str, source: Path, audio_index: int, target: str) -> list[str]:
    """The argv that draws the sound's waveform as a poster, for a source without pictures."""
    demuxed = media_input(source)
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
