"""From scores of runs to the number: the best chain of runs, and how far the next one lies behind.

Pure. A chain covers every piece once, so that no ink is left out silently; what the network calls
no digit makes a chain improbable, and so doubtful.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from academy.ai.digits.network import SYMBOLS
from academy.ai.digits.reading.pieces import Line, Rect, Run

_NUMBER: Final = re.compile(r"-?\d{1,6}(?:\.\d+)?|-?\d+/\d+")
_KEPT: Final = 4
_SHORT: Final = 0.45
_FLAT: Final = 0.45
_FLOOR: Final = 1e-6
_MIN_DIGITS, _MAX_DIGITS = 1, 6


@dataclass(frozen=True)
class Symbol:
    """One symbol of a number, where it stands in the box, and how sure it is."""

    char: str
    confidence: float
    rect: Rect


@dataclass(frozen=True)
class Chain:
    """A reading of the whole box; ``score`` is the logarithm of its likelihood."""

    symbols: tuple[Symbol, ...]
    score: float

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(symbol.char for symbol in self.symbols)


@dataclass(frozen=True)
class Reading:
    """The best reading, its confidence from 0 to 1, and other readings that were near."""

    symbols: tuple[Symbol, ...]
    confidence: float
    others: tuple[str, ...]

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(symbol.char for symbol in self.symbols)


def read(
    line: Line,
    shares: npt.NDArray[np.float32],
    allowed: str,
    accept: Callable[[str], bool],
) -> Reading | None:
    """The number of a line.

    ``shares`` has a row for every run of the line, as the network gives them; ``allowed`` the signs
    that may stand beside digits (of ``-./``), ``accept`` what a reading must be. None where nothing
    of that kind covers the ink.
    """
    best = _best_chains(line, shares, allowed)
    chains = [chain for chain in best if accept(chain.text)]
    if not chains:
        return None
    # Different cuts of the same text do not compete.
    found: dict[str, Chain] = {}
    for chain in sorted(chains, key=lambda chain: -chain.score):
        found.setdefault(chain.text, chain)
    first, *others = found.values()
    weights = [math.exp(chain.score - first.score) for chain in others]
    share = 1 / (1 + sum(weights))
    weakest = min(symbol.confidence for symbol in first.symbols)
    near = [
        chain.text for chain, weight in zip(others, weights, strict=True) if weight > 0.1
    ]  # fmt: skip
    return Reading(first.symbols, round(min(weakest, share), 4), tuple(near))


def is_symbol(text: str) -> bool:
    """Whether a text is what one printed cell holds."""
    return len(text) == 1 and (text.isdigit() or text == "-")


def is_number(text: str) -> bool:
    """Whether a text is a number of one to six digits as pupils write it."""
    digits = sum(char.isdigit() for char in text)
    return bool(_NUMBER.fullmatch(text)) and _MIN_DIGITS <= digits <= _MAX_DIGITS


def _best_chains(line: Line, shares: npt.NDArray[np.float32], allowed: str) -> list[Chain]:
    ends: list[list[tuple[int, Run]]] = [[] for _ in line.pieces]
    for index, run in enumerate(line.runs):
        ends[run.last - 1].append((index, run))
    at: list[list[Chain]] = [[Chain((), 0.0)]] + [[] for _ in line.pieces]
    for end in range(1, len(line.pieces) + 1):
        found = [
            Chain((*before.symbols, symbol), before.score + math.log(max(_FLOOR, likely)))
            for index, run in ends[end - 1]
            for symbol, likely in _meanings(line, run, shares[index], allowed)
            for before in at[run.first]
        ]
        at[end] = _distinct(found)
    return at[-1]


def _distinct(chains: Sequence[Chain]) -> list[Chain]:
    kept: dict[str, Chain] = {}
    for chain in sorted(chains, key=lambda chain: -chain.score):
        kept.setdefault(chain.text, chain)
        if len(kept) == _KEPT:
            break
    return list(kept.values())


def _meanings(
    line: Line, run: Run, shares: npt.NDArray[np.float32], allowed: str
) -> list[tuple[Symbol, float]]:
    """What a run may be, with its likelihood."""
    if run.dot:
        fits = "." in allowed and 0 < run.first < len(line.pieces) - 1
        return [(Symbol(".", 0.99 if fits else 0.0, run.rect), 0.99 if fits else _FLOOR)]
    _, top, _, bottom = run.rect
    tall = (bottom - top) / max(1, line.height)
    meanings = []
    for index in np.argsort(shares)[::-1][:3]:
        if index >= len(SYMBOLS):
            continue
        char, sure = SYMBOLS[index], float(shares[index])
        if char == "-":
            middle = ((top + bottom) / 2 - line.top) / max(1, line.height)
            alone = len(line.pieces) == 1
            fits = "-" in allowed and (alone or (tall < _FLAT and 0.15 < middle < 0.85))
        elif char == "/":
            fits = "/" in allowed and tall > 0.7
        else:
            fits = tall > _SHORT
        if not fits:
            sure *= 0.02
        meanings.append((Symbol(char, round(sure, 4), run.rect), sure))
    return meanings
