"""The second way to an answer: it is solved, counted or stepped through, as it was asked.

The answer itself comes from the template's closed form; here the problem is worked out from its
statement, and what comes out must be the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import sympy
from sympy import Expr

from academy.ai.variants.evaluate import Names, UnfitError, difference, holds, value
from academy.ai.variants.template import Counting, Identity, Solving, Stepping

MAX_CASES: Final = 20_000
MAX_STEPS: Final = 1_000
#: Where an identity is tried besides being expanded.
_POINTS: Final = (-7, -2, 3, 11)


def proved(
    proof: Solving | Identity | Counting | Stepping, answer: Sequence[Expr], numbers: Names
) -> bool:
    """Whether the problem, worked out from its statement, has this answer. Raises UnfitError."""
    match proof:
        case Solving():
            return _solved(proof, answer, numbers)
        case Identity():
            return _identical(proof, answer[0], numbers)
        case Counting():
            return same(_counted(proof, numbers), answer[0])
        case Stepping():
            return same(_stepped(proof, numbers), answer[0])


def same(one: Expr, other: Expr) -> bool:
    """Whether two numbers or expressions are equal."""
    gap = one - other
    if gap.is_Rational:
        return bool(gap == 0)
    return bool(sympy.expand(gap) == 0 or sympy.simplify(gap) == 0)


def same_sets(some: Sequence[Expr], others: Sequence[Expr]) -> bool:
    """Whether two lists of distinct values hold the same values."""
    return len(some) == len(others) and all(any(same(a, b) for b in others) for a in some)


def distinct(values: Sequence[Expr]) -> list[Expr]:
    """The values, each once."""
    found: list[Expr] = []
    for one in values:
        if not any(same(one, other) for other in found):
            found.append(one)
    return found


def _solved(proof: Solving, answer: Sequence[Expr], numbers: Names) -> bool:
    unknowns = {name: sympy.Symbol(name, real=True) for name in proof.unknowns}
    names = {**numbers, **unknowns}
    gaps = [difference(equation, names) for equation in proof.equations]
    solutions = sympy.solve(gaps, *unknowns.values(), dict=True)
    asked: list[Expr] = []
    for solution in solutions:
        if set(solution) != set(unknowns.values()):
            return False
        found = {**numbers, **{name: solution[symbol] for name, symbol in unknowns.items()}}
        if not all(number.is_number and number.is_real for number in found.values()):
            continue
        # SymPy's own solution is put in again: nothing is taken on trust.
        if not all(same(difference(equation, found), sympy.S.Zero) for equation in proof.equations):
            return False
        if all(holds(condition, found) for condition in proof.where):
            asked.append(value(proof.asked or proof.unknowns[0], found))
    return same_sets(distinct(asked), distinct(answer))


def _identical(proof: Identity, answer: Expr, numbers: Names) -> bool:
    symbols = {name: sympy.Symbol(name, real=True) for name in proof.unknowns}
    if answer.free_symbols - set(symbols.values()):
        return False
    gap = value(proof.expression, {**numbers, **symbols}) - answer
    for offset, point in enumerate(_POINTS):
        places = {symbol: point + 3 * offset * n for n, symbol in enumerate(symbols.values())}
        if not same(gap.subs(places), sympy.S.Zero):
            return False
    return same(gap, sympy.S.Zero)


def _counted(proof: Counting, numbers: Names) -> Expr:
    ranges = []
    for low, high in proof.over.values():
        first, last = value(low, numbers), value(high, numbers)
        if not (first.is_Integer and last.is_Integer and last - first < MAX_CASES):
            raise UnfitError("cases are counted from a whole number to another")
        ranges.append(range(int(first), int(last) + 1))
    total = sympy.prod([len(numbers_of) for numbers_of in ranges])
    if not 0 < total <= MAX_CASES:
        raise UnfitError("too many cases to look at each")
    cases = favourable = 0
    for drawn in itertools.product(*ranges):
        case = {**numbers, **dict(zip(proof.over, map(sympy.Integer, drawn), strict=True))}
        if proof.among is None or holds(proof.among, case):
            cases += 1
            favourable += holds(proof.event, case)
    if proof.result == "count":
        return sympy.Integer(favourable)
    if not cases:
        raise UnfitError("there is no case")
    return sympy.Rational(favourable, cases)


def _stepped(proof: Stepping, numbers: Names) -> Expr:
    times = value(proof.times, numbers)
    if not (times.is_Integer and 0 <= times <= MAX_STEPS):
        raise UnfitError("a few whole steps are taken")
    reached = value(proof.start, numbers)
    for count in range(1, int(times) + 1):
        reached = value(proof.step, {**numbers, "t": reached, "k": sympy.Integer(count)})
    return reached
