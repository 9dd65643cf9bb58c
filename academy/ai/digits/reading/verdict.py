"""What is said of a box: its number, or why a person must look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from academy.ai.digits.reading.chain import Symbol, is_number, is_symbol, read
from academy.ai.digits.reading.ink import Box, Gray, ink_of
from academy.ai.digits.reading.pieces import SIDE, Line, Rect, line_of, patch_of

_UNREADABLE: Final = "unreadable"
_NOT_ONE: Final = frozenset({"lines", "struck"})


class Status(StrEnum):
    """What came of a box."""

    OK = "ok"
    BLANK = "blank"
    AMBIGUOUS = "ambiguous"
    """Not one number, or as likely another one: letters, a crossed-out number, two readings."""
    LOW_CONFIDENCE = "low_confidence"


_SEVERITY: Final = (Status.BLANK, Status.OK, Status.LOW_CONFIDENCE, Status.AMBIGUOUS)


@dataclass(frozen=True)
class Prepared:
    """A box before the network has seen it; ``patches`` has one for each run of its line."""

    box: Box
    line: Line | None
    patches: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Verdict:
    """``value`` is the best reading, or None; ``others`` are readings that were near."""

    status: Status
    value: str | None
    confidence: float
    symbols: tuple[Symbol, ...] = ()
    others: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def prepare(even: Gray) -> Prepared:
    """The ink of a box of an evened page, its pieces, and what the network is to see."""
    box = ink_of(even)
    line = None if box.blank else line_of(box)
    runs = () if line is None else line.runs
    patches = np.zeros((len(runs), SIDE, SIDE), np.uint8)
    if line is not None:
        for at, run in enumerate(runs):
            patches[at] = patch_of(box.dark, line, run)
    return Prepared(box, line, patches)


def decide(
    prepared: Prepared,
    shares: npt.NDArray[np.float32],
    *,
    allowed: str,
    threshold: float,
    single: bool = False,
) -> Verdict:
    """The verdict on a box from the network's shares of its runs.

    Below ``threshold`` nothing is ``ok``; ``single`` is for a cell, which holds one symbol. A
    reading is given wherever there is one, for the person who looks.
    """
    if prepared.box.blank:
        # A line at the edge that was taken for the frame's may be all that is written.
        doubtful = bool(prepared.box.doubts)
        status = Status.AMBIGUOUS if doubtful else Status.BLANK
        return Verdict(status, None, 0.0 if doubtful else 1.0, doubts=prepared.box.doubts)
    doubts = prepared.box.doubts
    if prepared.line is None or not prepared.line.pieces:
        return Verdict(Status.AMBIGUOUS, None, 0.0, doubts=(*doubts, _UNREADABLE))
    found = read(prepared.line, shares, allowed, is_symbol if single else is_number)
    if found is None:
        return Verdict(Status.AMBIGUOUS, None, 0.0, doubts=(*doubts, _UNREADABLE))
    if found.confidence >= threshold and not doubts:
        status = Status.OK
    elif found.others or found.confidence < threshold / 2 or _NOT_ONE & set(doubts):
        status = Status.AMBIGUOUS
    else:
        status = Status.LOW_CONFIDENCE
    return Verdict(status, found.text, found.confidence, found.symbols, found.others, doubts)


def joined(cells: Sequence[tuple[Verdict, Rect]]) -> Verdict:
    """The verdict on a box from those on its cells, each with its place on the page.

    A cell holds one symbol. Cells before and behind the number may be empty, none within it.
    """
    symbols = tuple(
        replace(symbol, rect=_moved(symbol.rect, cell))
        for verdict, cell in cells
        for symbol in verdict.symbols
    )
    if len(cells) == 1:
        return replace(cells[0][0], symbols=symbols)
    filled = [verdict.status is not Status.BLANK for verdict, _ in cells]
    if not any(filled):
        return Verdict(Status.BLANK, None, 1.0)
    first, last = filled.index(True), len(filled) - filled[::-1].index(True)
    verdicts = [verdict for verdict, _ in cells[first:last]]
    text = "".join(verdict.value or "?" for verdict in verdicts)
    doubts = tuple(dict.fromkeys(doubt for verdict in verdicts for doubt in verdict.doubts))
    whole = is_number(text) and all(len(verdict.value or "") == 1 for verdict in verdicts)
    if not whole or not all(filled[first:last]):
        return Verdict(Status.AMBIGUOUS, None, 0.0, symbols, (), (*doubts, _UNREADABLE))
    confidence = min(verdict.confidence for verdict in verdicts)
    worst = max((verdict.status for verdict in verdicts), key=_SEVERITY.index)
    return Verdict(worst, text, confidence, symbols, (), doubts)


def _moved(rect: Rect, cell: Rect) -> Rect:
    left, top = max(0, cell[0]), max(0, cell[1])
    return rect[0] + left, rect[1] + top, rect[2] + left, rect[3] + top
