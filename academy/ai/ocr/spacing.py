"""Spaces as they are printed: the recogniser puts them between the syllables of Korean words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from academy.ai.pages.document import Box, Gray

_SPACE: Final = 0.2
"""Of the line's height: white that divides words is no narrower. Syllables stand 0.03 to 0.14
apart in the fonts of school papers, words 0.25 and more."""
_TYPICAL: Final = 1.85
"""Times the typical white between glyphs of the line: the same, for letter-spaced print."""


@dataclass(frozen=True)
class Word:
    """What the recogniser takes for a word; its box is on the picture."""

    text: str
    box: Box


def spaced(words: Sequence[Word], ink: Gray, line: Box) -> str:
    """The words of a line with a space wherever one is printed; ``ink`` is 1 where there is ink.

    Between Latin letters the recogniser's own spaces stand.
    """
    if not words:
        return ""
    whites = _whites(ink, line)
    limit = _limit(whites, line)
    text = words[0].text
    for before, after in pairwise(words):
        apart = _is_latin(before.text[-1]) and _is_latin(after.text[0])
        text += " " if apart or _widest(whites, before, after) >= limit else ""
        text += after.text
    return text


def _is_latin(letter: str) -> bool:
    return letter.isascii() and letter.isalpha()


def _whites(ink: Gray, line: Box) -> list[tuple[int, int]]:
    """Where no ink is in a line: from and to, in columns of the picture."""
    left, top, right, bottom = line
    columns = ink[top:bottom, left:right].any(axis=0).astype(np.int8)
    turns = np.flatnonzero(np.diff(np.concatenate([[1], columns, [1]])))
    return [
        (left + int(start), left + int(end))
        for start, end in zip(turns[0::2], turns[1::2], strict=True)
    ]


def _limit(whites: Sequence[tuple[int, int]], line: Box) -> float:
    """The narrowest white that is a space."""
    height = line[3] - line[1]
    widths = [end - start for start, end in whites]
    typical = float(np.median(widths)) if widths else 0.0
    # Hardly more than half of a word's height even where letters are far apart.
    return min(max(_SPACE * height, _TYPICAL * typical), 0.5 * height)


def _widest(whites: Sequence[tuple[int, int]], before: Word, after: Word) -> int:
    """The widest white where two words meet."""
    low, high = before.box[2], after.box[0]
    return max((end - start for start, end in whites if start <= high and end >= low), default=0)
