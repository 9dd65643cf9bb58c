"""The recordings of the benchmark, generated alike every time: fixed seeds, fixed encoders.

Three kinds of picture that cost an encoder very different amounts, and one of them once more as a
telephone would record it, so that no rung can be copied.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy.local.lecture import make_lecture
from tests.perf.video.measure import check
from tests.support import media

RATE: Final = 30
_H264: Final = (
    "-c:v", "libx264", "-preset", "superfast", "-profile:v", "high", "-pix_fmt", "yuv420p",
)  # fmt: skip
_CAPPED: Final = ("-b:v", "6M", "-maxrate", "8M", "-bufsize", "12M", "-g", "150", "-bf", "2")
_AAC: Final = ("-c:a", "aac", "-b:a", "128k", "-ac", "2")
_SMALLER: Final = ("-crf", "20", "-maxrate", "3500k", "-bufsize", "7M")

APART: Final = 250
"""Frames between key frames where x264 is left to itself: chunks begin between two of them."""
TOO_FAR_APART: Final = 330
"""The same, where the top rung must not be copied: a player could not seek in it."""


def lec(path: Path, seconds: float) -> None:
    """Slides, a pointer, a noisy camera in the corner; 1080p30 H.264 at about 6 Mbit/s."""
    make_lecture(path, media.binaries().ffmpeg, seconds)


def slides(path: Path, seconds: float) -> None:
    """The same slides alone: nothing moves for ten seconds at a time."""
    make_lecture(path, media.binaries().ffmpeg, seconds, camera=False)


def busy(path: Path, seconds: float) -> None:
    """A test pattern, a fractal that is zoomed into, and noise all over: the worst of cases."""
    picture = (
        f"testsrc2=s=1920x1080:r={RATE}[pattern];"
        f"mandelbrot=s=640x360:r={RATE}[fractal];"
        "[pattern][fractal]overlay=x=1220:y=60,noise=alls=6:allf=t:all_seed=11,format=yuv420p"
    )
    _ffmpeg(
        path, "-f", "lavfi", "-i", picture, *_tone(seconds), "-t", f"{seconds:g}",
        *_H264, *_CAPPED, *_AAC,
    )  # fmt: skip


def phone(path: Path, seconds: float) -> None:
    """The lecture in HEVC, as telephones record: it must be encoded whole."""
    filmed = path.with_name(f".{path.name}")
    lec(filmed, seconds)
    try:
        _ffmpeg(
            path, "-i", str(filmed), "-c:v", "libx265", "-preset", "ultrafast", "-crf", "22",
            "-tag:v", "hvc1", "-x265-params", "log-level=error", "-c:a", "copy",
        )  # fmt: skip
    finally:
        filmed.unlink()


SOURCES: Final[dict[str, Callable[[Path, float], None]]] = {
    "lec": lec, "busy": busy, "slides": slides, "phone": phone,
}  # fmt: skip


def clip(folder: Path, name: str, seconds: float) -> Path:
    """One of the sources; made once a folder, since it comes out alike each time."""
    path = folder / f"{name}-{seconds:g}s.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"unfinished-{name}.mp4"
        SOURCES[name](unfinished, seconds)
        unfinished.replace(path)
    return path


def smaller(path: Path, source: Path, *, height: int, seconds: float, gop: int) -> Path:
    """A source again and again for so many seconds, encoded at another height, 16:9.

    ``gop`` is how many frames lie from one key frame to the next.
    """
    width = 2 * round(height * 16 / 18)
    _ffmpeg(
        path, "-stream_loop", "-1", "-i", str(source), "-t", f"{seconds:g}",
        "-vf", f"scale={width}:{height}", *_H264, *_SMALLER, "-g", str(gop),
        "-keyint_min", str(gop), "-sc_threshold", "0", *_AAC,
    )  # fmt: skip
    return path


def repeated(path: Path, source: Path, seconds: float) -> Path:
    """A source again and again without encoding it: for so many seconds, to the next packet.

    Pictures and sound are repeated each by themselves: they are not exactly as long as each other,
    and the pictures must stay on their frames.
    """
    tracks = []
    for track in ("v", "a"):
        one = path.with_name(f"{path.stem}-{track}.mp4")
        _ffmpeg(one, "-i", str(source), "-map", f"0:{track}", "-c", "copy")
        tracks.append(one)
    inputs = [part for one in tracks for part in ("-stream_loop", "-1", "-i", str(one))]
    _ffmpeg(
        path, *inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", "-t", f"{seconds:g}",
    )  # fmt: skip
    for one in tracks:
        one.unlink()
    return path


def _tone(seconds: float) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=f=330:r=48000:d={seconds:g}"]


def _ffmpeg(path: Path, *arguments: str) -> None:
    command = [media.binaries().ffmpeg, "-v", "error", "-nostdin", "-y", *arguments]
    check([*command, "-movflags", "+faststart", str(path)])
