"""Small generated recordings for tests, made once a run by the real ffmpeg."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from academy.video.binaries import Binaries, locate


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
