"""The text layer of a PDF page: lines of exact text with their boxes."""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import numpy as np
import pypdfium2

from academy.ai.pages.document import Box, Gray, Size, to_pixels

ENOUGH: Final = 40
"""Characters."""
_STRANGE: Final = frozenset({"Co", "Cn", "Cc", "Cs"})
"""Categories without a meaning: private use, unassigned, control, surrogate."""
_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
_MOST_STRANGE: Final = 0.2
_INK: Final = 160
_SPECKS: Final = 0.0001
"""Of the page: so much ink is dirt."""
_MOST_BESIDE: Final = 0.5
"""Of the ink: what may lie beside the lines, such as a figure."""
_COLUMN_GAP: Final = 1.8
"""A gap of so many heights between two characters divides columns, not words."""
_WORD_GAP: Final = 0.12
"""A gap of so much of the height parts words where the file has no spaces."""
_SAME_LINE: Final = 0.4

_raw = pypdfium2.raw


@dataclass(frozen=True)
class Line:
    """A line of text; ``confidence`` 0..1."""

    box: Box
    text: str
    confidence: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """As results have it."""
        return {
            "bbox": list(self.box),
            "text": self.text,
            "confidence": round(self.confidence, 3),
        }


class _Space(Enum):
    """A space before the next character: in the file, or guessed by pdfium."""

    WRITTEN = auto()
    GUESSED = auto()


@dataclass
class _Run:
    """Characters of a line so far, in the PDF's units."""

    text: list[str] = field(default_factory=list)
    left: float = 0.0
    bottom: float = 0.0
    right: float = 0.0
    top: float = 0.0
    space: _Space | None = None

    def takes(self, left: float, bottom: float, top: float) -> bool:
        """Whether a character stands on this line, and near its end."""
        if not self.text:
            return True
        overlap = min(self.top, top) - max(self.bottom, bottom)
        height = max(self.top - self.bottom, top - bottom, 1.0)
        if overlap < _SAME_LINE * min(self.top - self.bottom, top - bottom):
            return False
        return -height < left - self.right < _COLUMN_GAP * height

    def part(self, left: float) -> None:
        """Put a space before a character that begins at ``left``, if there is one."""
        wide = left - self.right > _WORD_GAP * (self.top - self.bottom)
        if self.text and (self.space is _Space.WRITTEN or (self.space and wide)):
            self.text.append(" ")
        self.space = None

    def add(self, character: str, left: float, bottom: float, right: float, top: float) -> None:
        """Append a character."""
        if not self.text:
            self.left, self.bottom, self.right, self.top = left, bottom, right, top
        self.text.append(character)
        self.left, self.right = min(self.left, left), max(self.right, right)
        self.bottom, self.top = min(self.bottom, bottom), max(self.top, top)


def lines_of(page: Any, size: Size) -> list[Line]:
    """The lines of a pdfium page in the order of its content; empty where it has no text."""
    layer = page.get_textpage()
    try:
        runs = _runs(layer.raw, layer.count_chars())
    finally:
        layer.close()
    lines = []
    for run in runs:
        text = unicodedata.normalize("NFC", "".join(run.text)).strip()
        if text:
            box = to_pixels(page, size, (run.left, run.bottom, run.right, run.top))
            lines.append(Line(box, text))
    return lines


def _runs(layer: Any, count: int) -> list[_Run]:
    runs: list[_Run] = [_Run()]
    box = _raw.FS_RECTF()
    for index in range(count):
        code = _raw.FPDFText_GetUnicode(layer, index)
        if code in (0, 0xFFFE, 0xFFFF):
            continue
        character = chr(code)
        if character in "\r\n":
            runs.append(_Run())
            continue
        if character.isspace():
            # Where the file has no space pdfium guesses, and parts a digit from the next syllable.
            guessed = _raw.FPDFText_IsGenerated(layer, index) == 1
            runs[-1].space = runs[-1].space or (_Space.GUESSED if guessed else _Space.WRITTEN)
            continue
        # The loose box has the font's height: lines of one size get boxes of one height.
        if not _raw.FPDFText_GetLooseCharBox(layer, index, ctypes.byref(box)):
            continue
        if not runs[-1].takes(box.left, box.bottom, box.top):
            runs.append(_Run())
        runs[-1].part(box.left)
        runs[-1].add(character, box.left, box.bottom, box.right, box.top)
    return [run for run in runs if run.text]


def is_readable(lines: Sequence[Line]) -> bool:
    """Whether the layer has characters that mean something: some fonts hide what they show."""
    characters = [c for line in lines for c in line.text if not c.isspace()]
    strange = sum(unicodedata.category(c) in _STRANGE or c == _REPLACED for c in characters)
    return strange <= _MOST_STRANGE * len(characters)


def is_enough(lines: Sequence[Line]) -> bool:
    """Whether so much text is certainly the page's, and not a number stamped on a scan."""
    return sum(len(line.text) for line in lines) >= ENOUGH


def explains(lines: Sequence[Line], gray: Gray) -> bool:
    """Whether the page shows hardly more than these lines; a blank page shows none."""
    ink = gray < _INK
    total = int(ink.sum())
    within = np.zeros_like(ink)
    for left, top, right, bottom in (line.box for line in lines):
        within[top:bottom, left:right] = True
    return int((ink & ~within).sum()) <= max(_SPECKS * ink.size, _MOST_BESIDE * total)
