"""Draw problems from a template: numbers, text, answer, choices, and the proof of each."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import sympy
from sympy import Expr
from sympy.polys.polyerrors import BasePolynomialError

from academy.ai.variants import wording
from academy.ai.variants.evaluate import Names, UnfitError, holds, value
from academy.ai.variants.particles import with_particles
from academy.ai.variants.proof import distinct, proved, same_sets
from academy.ai.variants.template import PLACE, Template

TRIES: Final = 200
"""Draws for each problem that is asked for, before the template is given up."""

Loss: TypeAlias = Literal["constraint", "unfit", "repeated", "unproved", "choices"]
"""Why a draw is left: see docs/reference/problem-templates.md."""


#: SymPy says in many ways that it cannot do something with an expression.
_NO_VALUE: Final = (
    UnfitError, ArithmeticError, AttributeError, NotImplementedError, RecursionError, TypeError,
    ValueError, BasePolynomialError,
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One problem. ``choices`` are texts; ``place`` is the answer's among them, from 0."""

    template: str
    parameters: Mapping[str, str]
    body: str
    text: str
    latex: str
    choices: Sequence[str] = ()
    choices_latex: Sequence[str] = ()
    place: int | None = None

    def as_dict(self, number: int) -> dict[str, Any]:
        """As the result shows it; the answer's choice is counted from 1."""
        choices = [
            {"text": text, "latex": latex}
            for text, latex in zip(self.choices, self.choices_latex, strict=True)
        ]
        place = None if self.place is None else self.place + 1
        return {
            "number": number,
            "template": self.template,
            "parameters": dict(self.parameters),
            "body": self.body,
            "choices": choices,
            "answer": {"text": self.text, "latex": self.latex, "choice": place},
        }


@dataclass
class Drawn:
    """What came of one template."""

    asked: int
    items: list[Item] = field(default_factory=list)
    drawn: int = 0
    lost: Counter[Loss] = field(default_factory=Counter)

    def as_dict(self, template: str) -> dict[str, Any]:
        """As the result shows it."""
        return {
            "template": template,
            "asked": self.asked,
            "made": len(self.items),
            "drawn": self.drawn,
            "lost": dict(sorted(self.lost.items())),
        }


class _Lost(Exception):
    """This draw is left."""

    def __init__(self, why: Loss) -> None:
        super().__init__(why)
        self.why = why


class Places:
    """Where the right answer stands: each place equally often, in an order that tells nothing."""

    def __init__(self, choices: int, chance: random.Random) -> None:
        self._choices = choices
        self._chance = chance
        self._left: list[int] = []

    def next(self) -> int:
        """The place of the next answer."""
        if not self._left:
            self._left = list(range(self._choices))
            self._chance.shuffle(self._left)
        return self._left.pop()


@dataclass
class Session:
    """What the problems of one job share; the same seed gives the same problems."""

    seed: int
    choices: int
    seen: set[str] = field(default_factory=set)
    """The bodies so far: none comes twice."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - repeatable, and nothing secret
        self.places = Places(self.choices, self.chance)


def draw(name: str, template: Template, count: int, session: Session) -> Drawn:
    """Up to ``count`` proved problems; fewer where the template has no more, or is wrong."""
    drawn = Drawn(count)
    while len(drawn.items) < count and drawn.drawn < TRIES * count and not drawn.lost["unproved"]:
        drawn.drawn += 1
        try:
            item = _item(name, template, session)
        except _Lost as lost:
            drawn.lost[lost.why] += 1
        except _NO_VALUE:
            drawn.lost["unfit"] += 1
        else:
            session.seen.add(item.body)
            drawn.items.append(item)
    return drawn


def _item(name: str, template: Template, session: Session) -> Item:
    choices, chance = session.choices, session.chance
    numbers = _numbers(template, chance)
    if not all(holds(condition, numbers) for condition in template.constraints):
        raise _Lost("constraint")
    symbols = {unknown: sympy.Symbol(unknown, real=True) for unknown in template.unknowns}
    body = _body(template, numbers, symbols)
    if body in session.seen:
        raise _Lost("repeated")
    names = {**numbers, **symbols}
    kind, unknown = template.answer.kind, template.answer.unknown
    answer = distinct([value(formula, names) for formula in template.answer.formulas])
    if not wording.fits(kind, answer):
        raise _Lost("unfit")
    text, latex = wording.answer(kind, answer, unknown), wording.latex(kind, answer, unknown)
    wrong = _wrong(template, answer, names, choices - 1, chance) if choices else []
    if not proved(template.proof, answer, numbers):
        raise _Lost("unproved")
    shown = {key: str(numbers[key]) for key in template.parameters}
    if not choices:
        return Item(name, shown, body, text, latex)
    place = session.places.next()
    texts = [wording.answer(kind, one, unknown) for one in wrong]
    typeset = [wording.latex(kind, one, unknown) for one in wrong]
    texts.insert(place, text)
    typeset.insert(place, latex)
    return Item(name, shown, body, text, latex, texts, typeset, place)


def _numbers(template: Template, chance: random.Random) -> dict[str, Expr]:
    numbers: dict[str, Expr] = {}
    for name, span in template.parameters.items():
        drawn = chance.randint(span.low, span.high)
        if drawn in span.without:
            raise _Lost("constraint")
        numbers[name] = sympy.Rational(drawn, span.denominator)
    for name, formula in template.derived.items():
        numbers[name] = value(formula, numbers)
    return numbers


def _body(template: Template, numbers: Names, symbols: Names) -> str:
    names = {**numbers, **symbols}
    shown = {name: value(formula, names) for name, formula in template.shown.items()}
    known = {**numbers, **shown}

    def put(place: re.Match[str]) -> str:
        name, as_decimal = place.groups()
        return wording.decimal(known[name]) if as_decimal else wording.written(known[name])

    return with_particles(PLACE.sub(put, template.body))


def _wrong(
    template: Template, answer: Sequence[Expr], names: Names, needed: int, chance: random.Random
) -> list[list[Expr]]:
    """Wrong answers: of the answer's kind, and all different in value, not only in writing."""
    taken = [list(answer)]
    order = list(template.distractors)
    chance.shuffle(order)
    for formulas in order:
        try:
            values = distinct([value(formula, names) for formula in formulas])
            wording.answer(template.answer.kind, values, template.answer.unknown)
        except UnfitError:
            continue
        usable = wording.fits(template.answer.kind, values) and len(values) == len(formulas)
        if usable and not any(same_sets(values, other) for other in taken):
            taken.append(values)
        if len(taken) > needed:
            return taken[1:]
    raise _Lost("choices")
