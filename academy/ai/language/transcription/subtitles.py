"""What was said as captions that can be read in time: WebVTT and SRT. Pure."""

from __future__ import annotations

import html
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from academy.ai.language.ports import Segment
from academy.video.webvtt import Cue
from academy.video.webvtt import dumps as webvtt

LINE_WIDTH: Final = 44
"""Columns of a line, of which a Korean letter takes two."""
LINES: Final = 2
SHORTEST_MS: Final = 200
_BREAK: Final = re.compile(r"(?<=[.!?。,])\s+|\s+")


@dataclass(frozen=True)
class Caption:
    """Lines that are shown from one moment to another, in milliseconds."""

    start: int
    end: int
    lines: tuple[str, ...]


def captions(segments: Sequence[Segment]) -> list[Caption]:
    """The segments in captions of a few short lines; a long one is divided by its length."""
    found: list[Caption] = []
    for segment in segments:
        blocks = list(_blocks(segment.text))
        weights = [sum(map(_width, block)) for block in blocks]
        start, end = round(segment.start * 1000), round(segment.end * 1000)
        end = max(end, start + SHORTEST_MS * len(blocks))
        edges = [
            start + round((end - start) * share / sum(weights))
            for share in itertools.accumulate(weights, initial=0)
        ]
        for block, (began, ended) in zip(blocks, itertools.pairwise(edges), strict=True):
            found.append(Caption(began, max(ended, began + 1), block))
    return found


def as_webvtt(found: Sequence[Caption]) -> str:
    """The text of a .vtt file."""
    return webvtt(
        [
            Cue(one.start, one.end, tuple(html.escape(line, quote=False) for line in one.lines))
            for one in found
        ]
    )


def as_subrip(found: Sequence[Caption]) -> str:
    """The text of an .srt file."""
    parts = []
    for number, one in enumerate(found, 1):
        # SRT has no escape: what would be taken for times is written otherwise.
        text = "\n".join(line.replace("-->", "\u2192") for line in one.lines)
        parts.append(f"{number}\n{_clock(one.start)} --> {_clock(one.end)}\n{text}\n")
    return "\n".join(parts)


def _blocks(text: str) -> Iterator[tuple[str, ...]]:
    """The lines of a text, a few at a time."""
    lines = list(_lines(text))
    for first in range(0, len(lines), LINES):
        yield tuple(lines[first : first + LINES])


def _lines(text: str) -> Iterator[str]:
    line = ""
    for word in _BREAK.split(text):
        for piece in _pieces(word):
            joined = f"{line} {piece}".strip() if piece is word or not line else line + piece
            if line and _width(joined) > LINE_WIDTH:
                yield line
                line = piece
            else:
                line = joined
    if line:
        yield line


def _pieces(word: str) -> Iterator[str]:
    """A word, in pieces where it is longer than a line."""
    if _width(word) <= LINE_WIDTH:
        yield word
        return
    size = LINE_WIDTH // 2
    for first in range(0, len(word), size):
        yield word[first : first + size]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{rest:03d}"
