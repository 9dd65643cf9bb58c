"""Pictures for the seek bar: one sprite a chunk, and the WebVTT that says which picture is when.

Each worker that makes the smallest rung of a chunk draws its sprite from those finished segments,
key frames alone: 0.2 CPU seconds where drawing it from the source would cost 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from academy.media import whitelist
from academy.video.ladder import Rung

STORYBOARD: Final = "storyboard.vtt"
EVERY_SECONDS: Final = 10
"""Of a divided lecture; a short recording has a picture for each key frame."""
_LONG_SIDE = 160
_COLUMNS = 6


@dataclass(frozen=True)
class Sprite:
    """One image of ``count`` pictures of ``width`` x ``height`` pixels, row by row.

    Each stands for ``every`` seconds, the first from ``start``, the last until ``end``, all in
    seconds from the beginning of the video. ``name`` may be a key (see lecture playlists).
    """

    name: str
    start: float
    end: float
    every: float
    count: int
    columns: int
    width: int
    height: int

    @property
    def rows(self) -> int:
        """Rows of the grid, the last one perhaps not full."""
        return -(-self.count // self.columns)


def sprite(rung: Rung, number: int, start: float, end: float, every: float) -> Sprite:
    """What to draw for the stretch from ``start`` to ``end``."""
    count = max(1, round((end - start) / every))
    scale = _LONG_SIDE / max(rung.width, rung.height)
    return Sprite(
        name=f"storyboard_{number:05d}.jpg",
        start=round(start, 3),
        end=round(end, 3),
        every=every,
        count=count,
        columns=min(_COLUMNS, count),
        width=_even(rung.width * scale),
        height=_even(rung.height * scale),
    )


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))


def draw(binary: str, made: Sprite, pictures: Path) -> list[str]:
    """The argv that draws a sprite into the working directory from a file of its pictures."""
    chain = (
        # The picture shown at each moment is the last key frame before it.
        f"setpts=PTS-STARTPTS,fps=fps=1/{made.every:g}:round=up:start_time=0,"
        f"tpad=stop_mode=clone:stop=-1,trim=end_frame={made.count},"
        f"scale={made.width}:{made.height},setsar=1,"
        f"tile={made.columns}x{made.rows},format=yuvj420p"
    )
    return [
        binary, "-v", "level+warning", "-nostdin", "-y", "-nostats", "-threads", "1",
        "-skip_frame", "nokey", *whitelist.media_options(), "-i", str(pictures),
        "-vf", chain, "-frames:v", "1", "-q:v", "5", "-update", "1", "-map_metadata", "-1",
        made.name,
    ]  # fmt: skip


def measured(made: Sprite) -> dict[str, Any]:
    """A sprite as the facts that are stored of it."""
    return asdict(made)


def read(facts: Mapping[str, Any], prefix: str = "") -> Sprite:
    """A sprite from its facts; with a ``prefix`` its name is the key of its image."""
    return Sprite(**{**facts, "name": f"{prefix}{facts['name']}"})


def webvtt(sprites: Sequence[Sprite]) -> str:
    """The storyboard: a cue for each picture, in order of time."""
    lines = ["WEBVTT", ""]
    for made in sorted(sprites, key=lambda one: one.start):
        for position in range(made.count):
            start = made.start + position * made.every
            end = made.end if position == made.count - 1 else start + made.every
            row, column = divmod(position, made.columns)
            x, y = column * made.width, row * made.height
            lines += [
                f"{timestamp(start)} --> {timestamp(end)}",
                f"{made.name}#xywh={x},{y},{made.width},{made.height}",
                "",
            ]
    return "\n".join(lines)


def with_addresses(text: str, address: Callable[[str], str]) -> str:
    """A storyboard whose images are replaced by what ``address`` makes of them, once each."""
    found: dict[str, str] = {}
    lines = []
    for line in text.splitlines():
        name, mark, part = line.partition("#xywh=")
        if mark and name not in found:
            found[name] = address(name)
        lines.append(f"{found[name]}{mark}{part}" if mark else line)
    return "\n".join(lines) + "\n"


def timestamp(seconds: float) -> str:
    """A time as WebVTT writes it."""
    milliseconds = math.floor(seconds * 1000 + 0.5)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
