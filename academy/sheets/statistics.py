"""What an examination says about its questions. Classical test theory; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

_GROUP: Final = 0.27
"""Share of the best and of the worst that are compared (Kelley, 1939)."""
_FEWEST: Final = 10
"""With fewer students than this, a discrimination would be an accident."""


@dataclass(frozen=True)
class Item:
    """One student's answer to one question: what was marked, and the share of its points."""

    values: tuple[int, ...]
    share: float


@dataclass(frozen=True)
class Choice:
    """How often an answer was given: by all, by the best and by the worst (shares of 1)."""

    value: int
    all: float
    best: float
    worst: float


@dataclass(frozen=True)
class QuestionStatistics:
    """Figures of one question.

    `difficulty` is the mean share of points (1: everybody right). `discrimination` is the
    correlation of this question with the sum of the others (corrected point-biserial), and
    `upper_lower` the difference between the best and the worst 27 %; both are None where there are
    too few students or no differences. `choices` shows the distractors.
    """

    question: int
    difficulty: float
    discrimination: float | None
    upper_lower: float | None
    blank: float
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Statistics:
    """Figures of an examination. Points are shares of the total, from 0 to 1."""

    students: int
    mean: float
    deviation: float
    reliability: float | None
    """Cronbach's alpha; None where it is not defined."""
    questions: tuple[QuestionStatistics, ...]


def analyse(sheets: Sequence[Mapping[int, Item]]) -> Statistics | None:
    """Statistics over the sheets of an examination, each with the same questions.

    None without any sheet.
    """
    if not sheets:
        return None
    numbers = sorted(sheets[0])
    shares = {number: [sheet[number].share for sheet in sheets] for number in numbers}
    totals = [sum(sheet[number].share for number in numbers) for sheet in sheets]
    order = sorted(range(len(sheets)), key=lambda index: totals[index])
    size = max(1, round(len(sheets) * _GROUP))
    worst, best = order[:size], order[-size:]
    enough = len(sheets) >= _FEWEST
    questions = []
    for number in numbers:
        own = shares[number]
        rest = [total - share for total, share in zip(totals, own, strict=True)]
        questions.append(
            QuestionStatistics(
                question=number,
                difficulty=_mean(own),
                discrimination=_correlation(own, rest) if enough else None,
                upper_lower=_mean([own[i] for i in best]) - _mean([own[i] for i in worst])
                if enough else None,
                blank=_mean([float(not sheet[number].values) for sheet in sheets]),
                choices=_choices(number, sheets, best, worst),
            )
        )  # fmt: skip
    return Statistics(
        students=len(sheets),
        mean=_mean(totals) / len(numbers),
        deviation=sqrt(_variance(totals)) / len(numbers),
        reliability=_alpha(list(shares.values()), totals) if enough else None,
        questions=tuple(questions),
    )


def _choices(
    number: int, sheets: Sequence[Mapping[int, Item]], best: Sequence[int], worst: Sequence[int]
) -> tuple[Choice, ...]:
    def counted(group: Sequence[int]) -> Counter[int]:
        return Counter(value for index in group for value in sheets[index][number].values)

    everyone, top, bottom = counted(range(len(sheets))), counted(best), counted(worst)
    return tuple(
        Choice(
            value, everyone[value] / len(sheets), top[value] / len(best), bottom[value] / len(worst)
        )
        for value in sorted(everyone)
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    middle = _mean(values)
    return _mean([(value - middle) ** 2 for value in values])


def _correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    spread = sqrt(_variance(one) * _variance(other))
    if spread < 1e-12:
        return None
    a, b = _mean(one), _mean(other)
    together = _mean([(x - a) * (y - b) for x, y in zip(one, other, strict=True)])
    return max(-1.0, min(1.0, together / spread))


def _alpha(questions: Sequence[Sequence[float]], totals: Sequence[float]) -> float | None:
    count, whole = len(questions), _variance(totals)
    if count < 2 or whole < 1e-12:
        return None
    return count / (count - 1) * (1 - sum(_variance(own) for own in questions) / whole)
