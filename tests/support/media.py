"""Small generated recordings for tests, made once a run by the real ffmpeg."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from academy.media.binaries import Binaries, locate


def binaries() -> Binaries:
    """The ffmpeg under test: FFMPEG_BIN, else PATH, else the wheel."""
    return locate(os.environ.get("FFMPEG_BIN", ""), os.environ.get("FFPROBE_BIN", ""))


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ffmpeg quietly; fails the test with its last words."""
    done = subprocess.run(
        [binaries().ffmpeg, "-v", "warning", "-nostdin", "-y", *arguments],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def pictures(size: str = "640x360", rate: str = "30", seconds: float = 6) -> list[str]:
    """Input arguments of a moving test picture."""
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def sound(seconds: float = 6) -> list[str]:
    """Input arguments of a tone."""
    return ["-f", "lavfi", "-i", f"sine=f=440:r=44100:d={seconds}"]


def clip(
    path: Path,
    *,
    size: str = "640x360",
    rate: str = "30",
    seconds: float = 6,
    with_sound: bool = True,
    extra: Sequence[str] = (),
) -> Path:
    """An H.264 and AAC clip; `extra` goes before the output's name."""
    inputs = [*pictures(size, rate, seconds), *(sound(seconds) if with_sound else [])]
    ffmpeg(
        *inputs, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
        "-c:a", "aac", *extra, str(path),
    )  # fmt: skip
    return path


def rotated(path: Path, degrees: int, **options: object) -> Path:
    """A clip whose container asks players to turn it clockwise by `degrees`."""
    flat = clip(path.with_suffix(".flat.mp4"), **options)  # type: ignore[arg-type]
    ffmpeg("-display_rotation", str(-degrees), "-i", str(flat), "-c", "copy", str(path))
    return path


def variable_rate(path: Path, seconds: float = 8) -> Path:
    """A clip whose second half has a third of the frames of the first."""
    half = seconds / 2
    ffmpeg(
        *pictures("640x360", "30", seconds), *sound(seconds),
        "-vf", f"select='lt(t,{half})+gte(t,{half})*not(mod(n,3))'", "-fps_mode", "vfr",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path),
    )  # fmt: skip
    return path


def truncated(path: Path, source: Path, share: float = 0.5) -> Path:
    """The first `share` of a file whose index stands in front, as a broken upload leaves it."""
    fast = path.with_suffix(".faststart.mp4")
    ffmpeg("-i", str(source), "-c", "copy", "-movflags", "+faststart", str(fast))
    data = fast.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def repeated(path: Path, source: Path, times: int) -> Path:
    """A file `times` over, without encoding it again."""
    ffmpeg("-stream_loop", str(times - 1), "-i", str(source), "-c", "copy", str(path))
    return path


def scrambled(path: Path, source: Path, start: float, end: float) -> Path:
    """A file whose bytes between two shares of its length are noise."""
    data = bytearray(source.read_bytes())
    for position in range(int(len(data) * start), int(len(data) * end)):
        data[position] = (position * 2654435761) >> 7 & 0xFF
    path.write_bytes(data)
    return path


def spoiled(path: Path, source: Path, start: float, end: float, *, track: str = "v") -> Path:
    """A file in which every packet of a track between two times, in seconds, is noise."""
    listed = subprocess.run(
        [binaries().ffprobe, "-v", "error", "-select_streams", track, "-of", "csv=p=0",
         "-show_entries", "packet=pts_time,size,pos", str(source)],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    data = bytearray(source.read_bytes())
    for line in listed.split():
        time, size, place = line.split(",")[:3]
        if start <= float(time) < end:
            for position in range(int(place), int(place) + int(size)):
                data[position] = (position * 2654435761) >> 7 & 0xFF
    path.write_bytes(data)
    return path


def interlaced(path: Path, seconds: float = 4) -> Path:
    """A clip of interlaced fields, as older cameras and broadcasts have."""
    ffmpeg(
        *pictures("640x480", "50", seconds), "-vf", "interlace=scan=tff",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
        "-flags", "+ilme+ildct", "-x264-params", "tff=1", str(path),
    )  # fmt: skip
    return path


def high_dynamic_range(path: Path, seconds: float = 1) -> Path:
    """A ten-bit HLG clip, as telephones record."""
    ffmpeg(
        *pictures("640x360", "30", seconds),
        "-vf", "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=arib-std-b67"
        ":colorspace=bt2020nc",
        "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params",
        "log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc", str(path),
    )  # fmt: skip
    return path


def without_packets(path: Path, source: Path, track: str) -> Path:
    """A file that declares a track (`v` or `a`) and holds nothing of it."""
    ffmpeg("-i", str(source), "-c", "copy", f"-bsf:{track}", "noise=drop=1", str(path))
    return path


# ---------------------------------------------------------------- a lesson whose times are known

LESSON_SECONDS = 8
FLASHES = (1.0, 3.0, 5.0, 7.0)
"""When a lesson's picture turns white, and its sound beeps, for a fifth of a second."""
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")
_BRIGHT = 200


def lesson_pictures(
    size: str = "320x180",
    rate: str = "30",
    seconds: float = LESSON_SECONDS,
    then: str = "null",
    pixels: str = "yuv420p",
) -> list[str]:
    """Input arguments of moving pictures that flash; `then` are filters that come after."""
    flash = "drawbox=w=iw:h=ih:c=white:t=fill:enable='between(mod(t,2),1,1.19)'"
    graph = f"testsrc2=s={size}:r={rate}:d={seconds},format={pixels},{flash},{then}"
    return ["-f", "lavfi", "-i", graph]


def lesson_sound(seconds: float = LESSON_SECONDS, *, begin: float = 0, layout: str = "") -> str:
    """A filter graph with the beeps of a lesson; the first `begin` seconds of it are cut off."""
    # The murmur between the beeps says where the sound begins; silencedetect takes it for silence.
    beep = f"0.5*sin(2*PI*1000*t)*between(mod(t+{begin},2),1,1.2)+0.003*cos(2*PI*200*t)"
    channels = "|".join([beep] * (6 if layout == "5.1" else 1))
    return f"aevalsrc=exprs='{channels}':s=48000:d={seconds - begin}:c={layout or 'mono'}"


def lesson(
    path: Path,
    *,
    size: str = "320x180",
    rate: str = "30",
    seconds: float = LESSON_SECONDS,
    then: str = "null",
    pixels: str = "yuv420p",
    video: Sequence[str] = (*H264, "-g", "50"),
    audio: Sequence[str] | None = AAC,
    extra: Sequence[str] = (),
) -> Path:
    """A lesson that flashes and beeps; `audio` None makes a silent one without a track."""
    inputs = lesson_pictures(size, rate, seconds, then, pixels)
    if audio is not None:
        inputs += ["-f", "lavfi", "-i", lesson_sound(seconds)]
    ffmpeg(*inputs, *video, *(audio or ()), *extra, str(path))
    return path


@dataclass(frozen=True)
class Shown:
    """What a player makes of an HLS output. Times are seconds on the output's own clock."""

    frames: tuple[float, ...]
    """When each picture of the rendition is shown."""
    flashes: tuple[float, ...]
    beeps: tuple[float, ...]
    white: int
    """The luma of a flash."""


def brightness(listed: Path) -> list[tuple[float, float]]:
    """When each picture of a playlist is shown, in seconds, and its mean luma."""
    done = subprocess.run(
        [binaries().ffmpeg, "-v", "error", "-nostdin", "-copyts", "-i", listed.name,
         "-map", "0:v", "-fps_mode", "passthrough",
         "-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-", "-f", "null", "-"],
        cwd=listed.parent, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    times = [float(time) for time in re.findall(r"pts_time:(\S+)", done.stdout)]
    luma = [float(value) for value in re.findall(r"YAVG=(\S+)", done.stdout)]
    return list(zip(times, luma, strict=True))


def shown(folder: Path, pictures: str, sound: str | None) -> Shown:
    """Decode two playlists of a folder with an ffmpeg that knows nothing of us."""
    inputs = ["-i", pictures, *(["-i", sound] if sound else [])]
    hear = ["-map", "1:a", "-af", "silencedetect=n=-30dB:d=0.5"] if sound else []
    done = subprocess.run(
        [binaries().ffmpeg, "-v", "info", "-nostdin", "-nostats", "-copyts", *inputs,
         "-map", "0:v", "-fps_mode", "passthrough",
         "-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-",
         *hear, "-f", "null", "-"],
        cwd=folder, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    times = [float(time) for time in re.findall(r"pts_time:(\S+)", done.stdout)]
    luma = [float(value) for value in re.findall(r"YAVG=(\S+)", done.stdout)]
    begun = [
        times[number]
        for number in range(1, len(times))
        if luma[number] > _BRIGHT >= luma[number - 1]
    ]
    marks = re.findall(r"silence_(start|end): (\S+)", done.stderr)
    # A silence that ends without another after it ends with the track.
    heard = [
        float(time)
        for (kind, time), (following, _) in pairwise(marks)
        if (kind, following) == ("end", "start")
    ]
    return Shown(tuple(times), tuple(begun), tuple(heard), round(max(luma, default=0)))
