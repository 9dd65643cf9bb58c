"""A bank of problems, and questions that were made of them: reworded, renumbered, rearranged.

The families were written by hand: nothing of them was made by, or fitted to, the model that is
measured. Each has a problem in three wordings; numbers stand in braces with letters, what a problem
is about in ``{x}``. Beside every problem the bank has others about the same thing, with the same
numbers or the same sentences: the words that two texts share do not tell them apart.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from academy.ai.variants.particles import with_particles

_FAMILIES = Path(__file__).with_name("matchup_families.json")

TUNED_ON = 11
"""The seed with which the role and the default threshold were chosen, on `Split.TUNING`."""


class Split(Enum):
    """Families for choosing, and families for the gate: no problem is in both."""

    TUNING = 0
    HELD_OUT = 1


class Change(Enum):
    """What a question differs in from the problem that it comes from."""

    REWORDED = "reworded"
    RENUMBERED = "renumbered"
    REARRANGED = "rearranged"
    REWORDED_AND_RENUMBERED = "reworded and renumbered"
    RETOLD = "retold"


@dataclass(frozen=True)
class Family:
    """A problem as it is printed, in other words, retold, and the things that it may be about."""

    first: tuple[str, ...]
    other: tuple[str, ...]
    far: tuple[str, ...]
    things: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """A question; ``target`` is its problem's place in the bank, None where it has none."""

    text: str
    change: Change
    target: int | None


@dataclass(frozen=True)
class Set:
    """A bank, and what is asked."""

    bank: list[str]
    asked: list[Asked]


def families(split: Split) -> list[Family]:
    """Every third family is for choosing."""
    read = json.loads(_FAMILIES.read_text(encoding="utf-8"))
    known = [Family(**{name: tuple(texts) for name, texts in one.items()}) for one in read]
    return [one for at, one in enumerate(known) if (at % 3 == 0) == (split is Split.TUNING)]


def made(split: Split, seed: int, *, things: int = 2, foreign: int = 4) -> Set:
    """Every problem of the split in one bank among others like it, and five questions of each.

    Each family is there with so many ``things``. ``foreign`` families are asked about and are not
    in the bank: their questions have no hit.
    """
    rng = random.Random(seed)
    own = families(split)
    rng.shuffle(own)
    bank: list[str] = []
    asked: list[Asked] = []
    for place, family in enumerate(own):
        for thing in rng.sample(family.things, things):
            numbers = _numbers(rng)
            target = None
            if place >= foreign:
                target = len(bank)
                bank.append(" ".join(_filled(family.first, thing, numbers)))
                bank += _confusing(rng, family, thing, numbers, own[foreign:])
            asked += [
                Asked(text, change, target)
                for text, change in _changes(rng, family, thing, numbers)
            ]
    return Set(bank, asked)


def _confusing(
    rng: random.Random, family: Family, thing: str, numbers: dict[str, int], own: Sequence[Family]
) -> Iterator[str]:
    """Problems about the same thing, one with the same numbers, that are others.

    The first tells the same and asks something else.
    """
    one, two, three = rng.sample([other for other in own if other is not family], 3)
    yield " ".join(_filled((*family.first[:-1], one.first[-1]), thing, _numbers(rng)))
    yield " ".join(_filled(two.other, thing, numbers))
    yield " ".join(_filled(three.far, thing, _numbers(rng)))


def _changes(
    rng: random.Random, family: Family, thing: str, numbers: dict[str, int]
) -> Iterator[tuple[str, Change]]:
    yield " ".join(_filled(family.other, thing, numbers)), Change.REWORDED
    yield " ".join(_filled(family.first, thing, _numbers(rng))), Change.RENUMBERED
    sentences = _filled(family.first, thing, numbers)
    moved = [sentences[-1], *sentences[-2::-1]]
    yield " ".join(moved), Change.REARRANGED
    other = _filled(family.other, thing, _numbers(rng))
    yield " ".join(other), Change.REWORDED_AND_RENUMBERED
    yield " ".join(_filled(family.far, thing, numbers)), Change.RETOLD


def _numbers(rng: random.Random) -> dict[str, int]:
    return dict(zip("abc", rng.sample(range(2, 60), 3), strict=True))


def _filled(sentences: Sequence[str], thing: str, numbers: dict[str, int]) -> list[str]:
    return [with_particles(one.format(x=thing, **numbers)) for one in sentences]


def recall(scores: np.ndarray[Any, Any], made_of: Set, most: int) -> dict[str, float]:
    """Share of questions whose problem is among the ``most`` nearest: by change, and in all.

    ``scores`` has a row for each question and a column for each problem of the bank. ``all`` is
    without those that were retold, which share hardly a word with their problem.
    """
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row, asked in zip(scores, made_of.asked, strict=True):
        if asked.target is None:
            continue
        near = np.argsort(-row, kind="stable")[:most]
        names = [asked.change.value] + ["all"] * (asked.change is not Change.RETOLD)
        total.update(names)
        right.update(names * int(asked.target in near))
    return {name: right[name] / count for name, count in total.items()}


def hit_rates(scores: np.ndarray[Any, Any], made_of: Set, least: float) -> tuple[float, float]:
    """Share of questions whose problem reaches ``least``, and of those without that have a hit."""
    own = [row[one.target] for row, one in zip(scores, made_of.asked, strict=True)
           if one.target is not None]  # fmt: skip
    foreign = [row.max() for row, one in zip(scores, made_of.asked, strict=True)
               if one.target is None]  # fmt: skip
    return float(np.mean(np.array(own) >= least)), float(np.mean(np.array(foreign) >= least))


def trigram_scores(queries: Sequence[str], bank: Sequence[str]) -> np.ndarray[Any, Any]:
    """The baseline: cosines of counted character trigrams, weighted by how rare they are."""
    counted = [Counter(_trigrams(text)) for text in (*bank, *queries)]
    places = {gram: at for at, gram in enumerate(sorted({g for one in counted for g in one}))}
    matrix = np.zeros((len(counted), len(places)), dtype=np.float32)
    for row, one in enumerate(counted):
        for gram, count in one.items():
            matrix[row, places[gram]] = count
    present = (matrix[: len(bank)] > 0).sum(axis=0)
    matrix *= np.log((1 + len(bank)) / (1 + present)) + 1
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    found: np.ndarray[Any, Any] = matrix[len(bank) :] @ matrix[: len(bank)].T
    return found


def _trigrams(text: str) -> Iterator[str]:
    padded = f"  {' '.join(text.split())} "
    return (padded[at : at + 3] for at in range(len(padded) - 2))
