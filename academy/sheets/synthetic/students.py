"""Made-up students: what each of them answers, and with which hand and pen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from academy.sheets.layout import Group, GroupKind, Page
from academy.sheets.synthetic.marks import Mark, Pen


class Hand(StrEnum):
    """How carefully a sheet is filled."""

    CLEAN = "clean"
    """Full bubbles with the pen that the instructions ask for; some left blank, some double."""
    HARD = "hard"
    """Every kind of mark, corrections included, with any pen."""
    SHIFTED = "shifted"
    """As hard, with pens and strokes that no network is trained on."""


@dataclass(frozen=True)
class Placed:
    """A mark on one bubble."""

    group: str
    value: int
    mark: Mark


@dataclass(frozen=True)
class Filled:
    """A page as a student filled it. `truth` holds the values meant, by the key of the group."""

    pen: Pen
    placed: tuple[Placed, ...]
    truth: dict[str, tuple[int, ...]]
    kinds: dict[str, str]


_HARD_MARKS = (
    Mark.LIGHT, Mark.PARTIAL, Mark.TICK, Mark.CROSS, Mark.DOT, Mark.CIRCLE, Mark.OVERFILLED,
)  # fmt: skip
_MARKS = {Hand.HARD: _HARD_MARKS, Hand.SHIFTED: (*_HARD_MARKS, Mark.SLASH, Mark.SCRIBBLE)}


def fill(page: Page, hand: Hand, rng: np.random.Generator) -> Filled:
    """Answer every group of a page."""
    pen = _pen(hand, rng)
    habit = Mark.FULL
    if hand is not Hand.CLEAN and rng.random() < 0.4:
        habit = _some(_MARKS[hand], rng)
    placed: list[Placed] = []
    truth: dict[str, tuple[int, ...]] = {}
    kinds: dict[str, str] = {}
    for group in page.groups:
        marks, kind = _group(group, hand, habit, rng)
        placed.extend(marks)
        truth[group.key] = tuple(sorted(mark.value for mark in marks if mark.mark.counts))
        kinds[group.key] = kind
    return Filled(pen, tuple(placed), truth, kinds)


def _group(
    group: Group, hand: Hand, habit: Mark, rng: np.random.Generator
) -> tuple[list[Placed], str]:
    values = [bubble.value for bubble in group.bubbles]
    first, second = (int(value) for value in rng.choice(values, 2, replace=False))
    identifier = group.kind is GroupKind.IDENTIFIER
    chance = rng.random()
    if chance < (0.004 if identifier else 0.04):
        return [], "blank"
    if chance < (0.006 if identifier else 0.06):
        return [Placed(group.key, first, habit), Placed(group.key, second, habit)], "multi"
    if hand is Hand.CLEAN:
        return [Placed(group.key, first, Mark.FULL)], "full"
    return _hard(group.key, (first, second), habit, _MARKS[hand], rng)


def _hard(
    key: str,
    values: tuple[int, int],
    habit: Mark,
    marks_of_hand: tuple[Mark, ...],
    rng: np.random.Generator,
) -> tuple[list[Placed], str]:
    first, second = values
    chance = rng.random()
    mark = habit
    if chance < 0.35:
        mark = _some(marks_of_hand, rng)
    elif chance < 0.55:
        # Corrected: one answer taken back, and as a rule another one given.
        undone = Mark.ERASED if chance < 0.45 else Mark.CROSSED_OUT
        marks = [Placed(key, second, undone)]
        if rng.random() < 0.93:
            marks.append(Placed(key, first, habit))
        return marks, undone.value
    return [Placed(key, first, mark)], mark.value


def _some(marks: tuple[Mark, ...], rng: np.random.Generator) -> Mark:
    return marks[int(rng.integers(len(marks)))]


def _pen(hand: Hand, rng: np.random.Generator) -> Pen:
    if hand is Hand.CLEAN:
        # A felt pen, or a soft pencil pressed well.
        if rng.random() < 0.7:
            return Pen(rng.uniform(0.85, 0.97), 1.1, (25, 22, 22), 0.0)
        return Pen(rng.uniform(0.6, 0.8), 0.7, (60, 60, 62), 0.12)
    return _shifted_pen(rng) if hand is Hand.SHIFTED else _hard_pen(rng)


def _hard_pen(rng: np.random.Generator) -> Pen:
    kind = rng.integers(6)
    if kind == 0:
        return Pen(rng.uniform(0.85, 0.97), rng.uniform(0.9, 1.3), (25, 22, 22), 0.0)
    if kind == 1:
        return Pen(rng.uniform(0.75, 0.9), rng.uniform(0.35, 0.55), (30, 28, 28), 0.05)
    if kind == 2:
        blue = _colour(rng, (110, 190), (40, 80), (20, 60))
        return Pen(rng.uniform(0.75, 0.92), rng.uniform(0.35, 0.6), blue, 0.05)
    if kind == 3:
        return Pen(rng.uniform(0.5, 0.75), rng.uniform(0.5, 0.8), (70, 70, 72), 0.15)
    if kind == 4:
        return Pen(rng.uniform(0.35, 0.5), rng.uniform(0.5, 0.9), (80, 80, 82), 0.2)
    red = _colour(rng, (40, 80), (25, 60), (195, 240))
    return Pen(rng.uniform(0.75, 0.92), rng.uniform(0.35, 0.6), red, 0.05)


def _shifted_pen(rng: np.random.Generator) -> Pen:
    """Gel pens of other colours, a fineliner, a worn felt pen, a hard pencil."""
    kind = rng.integers(6)
    if kind == 0:
        green = _colour(rng, (40, 80), (110, 150), (20, 60))
        return Pen(rng.uniform(0.75, 0.9), rng.uniform(0.35, 0.6), green, 0.05)
    if kind == 1:
        purple = _colour(rng, (120, 170), (20, 60), (90, 140))
        return Pen(rng.uniform(0.75, 0.9), rng.uniform(0.35, 0.6), purple, 0.05)
    if kind == 2:
        orange = _colour(rng, (10, 40), (70, 110), (225, 250))
        return Pen(rng.uniform(0.8, 0.95), rng.uniform(0.5, 1.0), orange, 0.05)
    if kind == 3:
        return Pen(rng.uniform(0.7, 0.9), rng.uniform(0.25, 0.35), (35, 32, 32), 0.05)
    if kind == 4:
        return Pen(rng.uniform(0.6, 0.85), rng.uniform(1.0, 1.5), (45, 40, 40), 0.3)
    return Pen(rng.uniform(0.3, 0.42), rng.uniform(0.4, 0.7), (90, 90, 92), 0.25)


def _colour(rng: np.random.Generator, *ranges: tuple[int, int]) -> tuple[int, int, int]:
    """A colour (BGR) between these."""
    blue, green, red = (int(rng.integers(low, high)) for low, high in ranges)
    return blue, green, red
