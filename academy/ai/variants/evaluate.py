"""Formulas as SymPy expressions, built node by node. For the sandbox's child: SymPy can hang."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final, TypeAlias

import sympy
from sympy import Expr

from academy.ai.variants.formula import Sort, parse

MAX_EXPONENT: Final = 12
_LARGEST: Final = sympy.Integer(10) ** 18
_LARGEST_FACTORIAL: Final = 20

Names: TypeAlias = Mapping[str, Expr]


class UnfitError(Exception):
    """The formula has no usable value with these numbers: this draw is left."""


def value(formula: str, names: Names) -> Expr:
    """The value of a formula: exact, a number or an expression in the unknowns.

    Raises UnfitError.
    """
    return _value(parse(formula), names)


def holds(condition: str, names: Names) -> bool:
    """Whether a condition over numbers holds. Raises UnfitError."""
    return _holds(parse(condition, _CONDITION), names)


def difference(equation: str, names: Names) -> Expr:
    """Left side less right side of an equation written with ==. Raises UnfitError."""
    tree = parse(equation, _CONDITION)
    if not isinstance(tree, ast.Compare) or len(tree.ops) != 1:
        raise UnfitError("an equation has two sides")
    return _value(tree.left, names) - _value(tree.comparators[0], names)


_CONDITION: Final[Sort] = "condition"


def _value(tree: ast.expr, names: Names) -> Expr:
    match tree:
        case ast.Constant(value=number):
            exact = Fraction(repr(number))
            found: Expr = sympy.Rational(exact.numerator, exact.denominator)
        case ast.Name(id=name):
            found = names[name]
        case ast.UnaryOp(op=op, operand=operand):
            inner = _value(operand, names)
            found = -inner if isinstance(op, ast.USub) else inner
        case ast.BinOp(left=left, op=op, right=right):
            found = _OPERATIONS[type(op)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            found = _FUNCTIONS[name](*(_value(argument, names) for argument in arguments))
        case _:
            raise AssertionError(f"not of the language: {ast.dump(tree)[:80]}")
    return _bounded(found)


def _bounded(found: Expr) -> Expr:
    if found.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo) or found.is_real is False:
        raise UnfitError("no real number")
    if found.is_Rational and (abs(found.p) > _LARGEST or found.q > _LARGEST):
        raise UnfitError("too large")
    return found


def _holds(tree: ast.expr, names: Names) -> bool:
    match tree:
        case ast.BoolOp(op=op, values=parts):
            every = all if isinstance(op, ast.And) else any
            return every(_holds(part, names) for part in parts)
        case ast.UnaryOp(operand=operand):
            return not _holds(operand, names)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_value(side, names) for side in (left, *others)]
            return all(
                _compare(op, one, other)
                for op, one, other in zip(ops, sides, sides[1:], strict=False)
            )
        case _:
            raise AssertionError(f"not of the language: {ast.dump(tree)[:80]}")


def _compare(op: ast.cmpop, one: Expr, other: Expr) -> bool:
    gap = one - other
    if not gap.is_Rational:
        gap = sympy.simplify(gap)
    if not gap.is_number:
        raise UnfitError("only numbers are compared")
    return bool(_COMPARISONS[type(op)](gap, 0))


def _power(base: Expr, exponent: Expr) -> Expr:
    if not exponent.is_Integer or abs(exponent) > MAX_EXPONENT:
        raise UnfitError("an exponent is a small whole number")
    found = base**exponent
    if found.is_Pow and found.exp.is_Integer and abs(found.exp) > MAX_EXPONENT:
        raise UnfitError("an exponent is a small whole number")
    return found


def _quotient(one: Expr, other: Expr) -> Expr:
    if other.is_zero:
        raise UnfitError("division by zero")
    return one / other


def _whole(function: Callable[..., Expr]) -> Callable[..., Expr]:
    """A function of whole numbers."""

    def checked(*numbers: Expr) -> Expr:
        if not all(number.is_Integer for number in numbers):
            raise UnfitError("whole numbers are needed")
        return function(*numbers)

    return checked


def _divided(function: Callable[..., Expr]) -> Callable[..., Expr]:
    def checked(one: Expr, other: Expr) -> Expr:
        if other == 0:
            raise UnfitError("division by zero")
        return function(one, other)

    return _whole(checked)


def _factorial(number: Expr) -> Expr:
    if not 0 <= number <= _LARGEST_FACTORIAL:
        raise UnfitError("too large")
    return sympy.factorial(number)


def _binomial(total: Expr, chosen: Expr) -> Expr:
    if not 0 <= chosen <= total <= 2 * _LARGEST_FACTORIAL:
        raise UnfitError("too large")
    return sympy.binomial(total, chosen)


def _root(inner: Expr) -> Expr:
    if not inner.is_Rational or inner < 0:
        raise UnfitError("the root of a number that is not negative")
    return sympy.sqrt(inner)


_OPERATIONS: Final[Mapping[type[ast.operator], Callable[[Expr, Expr], Expr]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _quotient,
    ast.Pow: _power,
    ast.Mod: _divided(operator.mod),
    ast.FloorDiv: _divided(operator.floordiv),
}
_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Expr, int], object]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Final[Mapping[str, Callable[..., Expr]]] = {
    "abs": sympy.Abs,
    "sqrt": _root,
    "floor": sympy.floor,
    "factorial": _whole(_factorial),
    "gcd": _whole(sympy.gcd),
    "lcm": _whole(sympy.lcm),
    "min": sympy.Min,
    "max": sympy.Max,
    "binomial": _whole(_binomial),
}
