"""The two commands of ffmpeg: small gray pictures of the whole video, and some large ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from academy.ai.homework.limits import LONG_SIDE, MAX_MINUTES, RATE, SMALL_SIDE
from academy.media import whitelist
from academy.media.source import VideoTrack

MOST_FRAMES: Final = MAX_MINUTES * 60 * RATE
_THREADS: Final = "2"


def small_size(track: VideoTrack) -> tuple[int, int]:
    """Width and height of the small pictures, as the video is shown."""
    return _within(track, SMALL_SIDE)


def sample(ffmpeg: str, path: Path, track: VideoTrack, target: Path) -> list[str]:
    """Write every sixth of a second as a gray picture, one after the other."""
    width, height = small_size(track)
    graph = f"fps={RATE},scale={width}:{height}:flags=area,setsar=1,format=gray"
    return [
        *_reading(ffmpeg, path, track), "-vf", graph, "-frames:v", str(MOST_FRAMES),
        "-f", "rawvideo", str(target),
    ]  # fmt: skip


def extract(
    ffmpeg: str, path: Path, track: VideoTrack, numbers: Sequence[int], pattern: Path
) -> list[str]:
    """Write the sampled pictures of these numbers (from 0, ascending) in colour, as JPEG."""
    width, height = _within(track, LONG_SIDE)
    chosen = "+".join(f"eq(n\\,{number})" for number in numbers)
    graph = f"fps={RATE},select='{chosen}',scale={width}:{height},setsar=1,format=yuvj420p"
    return [
        *_reading(ffmpeg, path, track), "-vf", graph, "-fps_mode", "passthrough",
        "-frames:v", str(len(numbers)), "-q:v", "2", "-f", "image2", str(pattern),
    ]  # fmt: skip


def _reading(ffmpeg: str, path: Path, track: VideoTrack) -> list[str]:
    return [
        ffmpeg, "-v", "level+warning", "-nostdin", "-y", "-nostats",
        "-progress", "pipe:1", "-stats_period", "1", "-threads", _THREADS,
        *whitelist.media_options(), "-t", str(MAX_MINUTES * 60), "-i", str(path),
        "-map", f"0:{track.index}", "-an", "-sn", "-dn",
    ]  # fmt: skip


def _within(track: VideoTrack, side: int) -> tuple[int, int]:
    """The size as the video is shown, brought down to a longer side; even, as codecs want it."""
    width, height = track.display_size
    scale = min(1.0, side / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
