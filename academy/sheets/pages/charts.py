"""Figures of an examination as small pictures: numbers in, coordinates out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from academy.sheets.grading import KeyItem, Rule
from academy.sheets.statistics import Choice, QuestionStatistics

HEIGHT: Final = 28
_STEP: Final = 18
_DIGIT: Final = 7
_BAR: Final = 12
_SHOWN: Final = 5
_POOR: Final = 0.1
_MODERATE: Final = 0.2
"""Below these a question hardly tells good students from weak ones (Ebel, 1965)."""


@dataclass(frozen=True)
class Bar:
    """One answer: how often it was given; `x`, `y` and `height` in pixels."""

    label: str
    percent: int
    best: int
    worst: int
    is_right: bool
    x: int
    y: float
    height: float

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return self.x + _BAR / 2


@dataclass(frozen=True)
class QuestionFigures:
    """A question's row: `tone` says how well it discriminates: good, warn, bad or idle."""

    question: int
    key: str
    percent: int
    discrimination: float | None
    tone: str
    blank: int
    bars: tuple[Bar, ...]
    width: int
    """Of the picture."""


def figures_of(item: KeyItem, found: QuestionStatistics, choices: int) -> QuestionFigures:
    """The figures of one question; of a numeric one (no choices) the most frequent answers."""
    right = set(item.answers)
    shown = _shown(found.choices, choices)
    step = max(_STEP, *(_DIGIT * len(str(choice.value)) + 6 for choice in shown), 0)
    return QuestionFigures(
        question=found.question,
        key="" if item.rule is Rule.FREE else ", ".join(map(str, item.answers)),
        percent=round(found.difficulty * 100),
        discrimination=found.discrimination,
        tone=_tone(found.discrimination),
        blank=round(found.blank * 100),
        bars=tuple(
            _bar(place * step + (step - _BAR) // 2, choice, is_right=choice.value in right)
            for place, choice in enumerate(shown)
        ),
        width=max(1, len(shown)) * step,
    )


def _shown(found: Sequence[Choice], choices: int) -> list[Choice]:
    """Every choice of the sheet, also one that nobody gave."""
    known = {choice.value: choice for choice in found}
    if choices:
        return [known.get(value, Choice(value, 0, 0, 0)) for value in range(1, choices + 1)]
    often = sorted(found, key=lambda choice: (-choice.all, choice.value))[:_SHOWN]
    return sorted(often, key=lambda choice: choice.value)


def _bar(x: int, choice: Choice, *, is_right: bool) -> Bar:
    height = round(max(0.0, min(1.0, choice.all)) * HEIGHT, 1)
    return Bar(
        label=str(choice.value),
        percent=round(choice.all * 100),
        best=round(choice.best * 100),
        worst=round(choice.worst * 100),
        is_right=is_right,
        x=x,
        y=HEIGHT - height,
        height=height,
    )


def _tone(discrimination: float | None) -> str:
    if discrimination is None:
        return "idle"
    if discrimination < _POOR:
        return "bad"
    return "warn" if discrimination < _MODERATE else "good"
