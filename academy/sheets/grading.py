"""Answers against a key: points, question by question. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from academy.sheets.layout import Layout, QuestionKind


class Rule(StrEnum):
    """What a choice question asks for."""

    ANY = "any"
    """One of the right answers; every single one of them counts in full."""
    ALL = "all"
    """Exactly the right answers, all of them."""
    SHARE = "share"
    """The right answers; each gives its share of the points, each wrong one takes it back."""
    FREE = "free"
    """Everybody gets the points: the question was withdrawn."""


class KeyItem(BaseModel):
    """The key of one question.

    `answers` are the right choices (from 1) or numbers. `partial` gives points for answers that
    are not right but not wholly wrong either; it counts under the rule ``any``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: tuple[int, ...] = ()
    points: Decimal = Field(ge=0, le=1000, max_digits=7, decimal_places=2)
    rule: Rule = Rule.ANY
    partial: Mapping[int, Decimal] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rule is not Rule.FREE and not self.answers:
            raise ValueError("a question needs a right answer, or the rule 'free'")
        if len(set(self.answers)) != len(self.answers):
            raise ValueError("an answer is listed twice")
        if self.partial and self.rule is not Rule.ANY:
            raise ValueError("partial points belong to the rule 'any'")
        for answer, points in self.partial.items():
            if answer in self.answers:
                raise ValueError(f"{answer} is right and cannot have partial points")
            if not 0 < points <= self.points:
                raise ValueError("partial points lie between 0 and the points of the question")
        return self


class AnswerKey(BaseModel):
    """The key of a whole sheet: item n belongs to question n + 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: tuple[KeyItem, ...] = Field(min_length=1)

    @property
    def points(self) -> Decimal:
        """What a perfect sheet earns."""
        return sum((item.points for item in self.items), Decimal(0))

    def problems(self, layout: Layout) -> list[str]:
        """What in the key does not fit the sheet, in words; empty where all does."""
        found = []
        if len(self.items) != len(layout.questions):
            found.append(f"{len(self.items)} keys for {len(layout.questions)} questions")
        for question, item in zip(layout.questions, self.items, strict=False):
            numeric = question.kind is QuestionKind.NUMERIC
            low, high = (0, 10**question.digits - 1) if numeric else (1, question.choices)
            odd = [a for a in (*item.answers, *item.partial) if not low <= a <= high]
            if odd:
                found.append(f"question {question.number}: {odd} outside {low} to {high}")
            if numeric and item.rule in {Rule.ALL, Rule.SHARE}:
                found.append(f"question {question.number}: a number is one answer")
        return found


class Outcome(StrEnum):
    """How a question ended."""

    RIGHT = "right"
    PARTIAL = "partial"
    WRONG = "wrong"
    BLANK = "blank"


class Mark(BaseModel):
    """Points for one question."""

    model_config = ConfigDict(frozen=True)

    question: int
    outcome: Outcome
    points: Decimal


class Graded(BaseModel):
    """A whole sheet graded."""

    model_config = ConfigDict(frozen=True)

    marks: tuple[Mark, ...]

    @property
    def points(self) -> Decimal:
        """Sum of all questions."""
        return sum((mark.points for mark in self.marks), Decimal(0))

    @property
    def right(self) -> int:
        """Questions wholly right."""
        return sum(mark.outcome is Outcome.RIGHT for mark in self.marks)


def grade(key: AnswerKey, answers: Mapping[int, Sequence[int]]) -> Graded:
    """Grade a sheet. `answers` maps a question to the values marked; a missing one is blank."""
    return Graded(
        marks=tuple(
            _mark(number, item, frozenset(answers.get(number, ())))
            for number, item in enumerate(key.items, start=1)
        )
    )


def _mark(number: int, item: KeyItem, given: frozenset[int]) -> Mark:
    points = _points(item, given)
    if _fits(item, given):
        outcome = Outcome.RIGHT
    elif points > 0:
        outcome = Outcome.PARTIAL
    else:
        outcome = Outcome.WRONG if given else Outcome.BLANK
    return Mark(question=number, outcome=outcome, points=points)


def _fits(item: KeyItem, given: frozenset[int]) -> bool:
    """Whether the answer is wholly right."""
    right = frozenset(item.answers)
    if item.rule is Rule.FREE:
        return True
    return len(given) == 1 and given <= right if item.rule is Rule.ANY else given == right


def _points(item: KeyItem, given: frozenset[int]) -> Decimal:
    if _fits(item, given):
        return item.points
    if item.rule is Rule.ANY and len(given) == 1:
        return item.partial.get(next(iter(given)), Decimal(0))
    if item.rule is Rule.SHARE:
        right = frozenset(item.answers)
        net = max(0, len(given & right) - len(given - right))
        return (item.points * net / len(right)).quantize(Decimal("0.01"))
    return Decimal(0)
