"""Numbers and expressions as people write them: 2x² - 3x + 1, 3/4, (1 + √5)/2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import sympy
from sympy import Expr

from academy.ai.variants.evaluate import UnfitError

Kind = Literal["integer", "fraction", "decimal", "expression", "roots"]
_RAISED: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
MAX_PLACES: Final = 6


def fits(kind: Kind, values: Sequence[Expr]) -> bool:
    """Whether the values are of a kind of answer."""
    match kind:
        case "integer":
            return all(value.is_Integer for value in values)
        case "fraction":
            return all(value.is_Rational for value in values)
        case "decimal":
            return all(value.is_Rational and _places(value) is not None for value in values)
        case "roots":
            return all(value.is_number and value.is_real for value in values)
        case "expression":
            return True


def answer(kind: Kind, values: Sequence[Expr], unknown: str) -> str:
    """An answer, or a choice, as it is read."""
    if kind == "roots":
        return " 또는 ".join(f"{unknown} = {written(value)}" for value in ordered(values))
    return decimal(values[0]) if kind == "decimal" else written(values[0])


def latex(kind: Kind, values: Sequence[Expr], unknown: str) -> str:
    """The same in LaTeX, for pages that typeset formulas."""
    if kind == "roots":
        return r"\ \text{또는}\ ".join(f"{unknown}={sympy.latex(one)}" for one in ordered(values))
    return decimal(values[0]) if kind == "decimal" else str(sympy.latex(values[0]))


def ordered(values: Sequence[Expr]) -> list[Expr]:
    """Numbers by size."""
    return sorted(values, key=lambda value: value.evalf(30))


def decimal(number: Expr) -> str:
    """A rational number with a finite decimal expansion. Raises UnfitError."""
    places = _places(number)
    if places is None:
        raise UnfitError("no short decimal")
    digits = str(abs(number.p) * 10**places // number.q).rjust(places + 1, "0")
    whole, part = (digits[:-places], digits[-places:]) if places else (digits, "")
    return ("-" if number < 0 else "") + whole + (f".{part}" if part else "")


def _places(number: Expr) -> int | None:
    """Digits behind the point, or None where they never end or are too many."""
    return next((n for n in range(MAX_PLACES + 1) if (10**n) % int(number.q) == 0), None)


def written(expression: Expr) -> str:
    """A sum of terms, highest power first. Raises UnfitError for what has no such form."""
    if expression.is_number and expression.is_Add:
        over, under = sympy.together(expression).as_numer_denom()
        if under != 1:
            return f"({written(sympy.expand(over))})/{written(under)}"
    text = ""
    for term in sorted(sympy.Add.make_args(expression), key=_order):
        sign, rest = _signed(term)
        glue = f" {sign} " if text else ("-" if sign == "-" else "")
        text += glue + rest
    return text


def _order(term: Expr) -> tuple[int, bool, str]:
    """Highest power first; a number without a root stands before one with."""
    powers = term.as_powers_dict()
    degree = sum(int(power) for base, power in powers.items() if base.free_symbols)
    return -degree, not term.is_Rational, str(abs(term.as_coeff_Mul()[1]))


def _signed(term: Expr) -> tuple[str, str]:
    if term.could_extract_minus_sign():
        return "-", _term(-term)
    return "+", _term(term)


def _term(term: Expr) -> str:
    over, under = term.as_numer_denom()
    text = _product(over)
    if under == 1:
        return text
    below = _product(under)
    if len(sympy.Mul.make_args(under)) > 1:
        below = f"({below})"
    return f"{f'({text})' if over.is_Add else text}/{below}"


def _product(product: Expr) -> str:
    if product.is_Add:
        return written(product)
    number, factors = product.as_coeff_mul()
    parts = [_factor(factor) for factor in sorted(factors, key=_rank)]
    if abs(number) == 1 and parts:
        return ("-" if number < 0 else "") + "".join(parts)
    return f"{number}{''.join(parts)}"


def _rank(factor: Expr) -> tuple[int, str]:
    """Roots of numbers stand before letters, letters before brackets."""
    return (0 if factor.is_number else 2 if factor.has(sympy.Add) else 1, str(factor))


def _factor(factor: Expr) -> str:
    if factor.is_Pow:
        base, exponent = factor.as_base_exp()
        if exponent == sympy.Rational(1, 2):
            return f"√{base}" if base.is_Integer else f"√({written(base)})"
        if exponent.is_Integer:
            return _bracketed(base) + str(exponent).translate(_RAISED)
        raise UnfitError("no such power is written")
    return _bracketed(factor)


def _bracketed(inner: Expr) -> str:
    if inner.is_Symbol or inner.is_Integer:
        return str(inner)
    if inner.is_Add:
        return f"({written(inner)})"
    raise UnfitError("no such expression is written")
