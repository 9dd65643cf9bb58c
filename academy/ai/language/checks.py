"""What a model claims, worked out again, as the sandbox calls it: SymPy can be made to hang."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sympy
from sympy import Expr

from academy.ai.variants.evaluate import UnfitError, value
from academy.ai.variants.formula import FormulaError, names_of, parse
from academy.ai.variants.proof import proved, same
from academy.ai.variants.template import Solving

Say = Callable[[float], None]


def agree(request: dict[str, Any], folder: Path, say: Say) -> bool:
    """Whether the two formulas of ``request["pair"]`` have the same value for every unknown."""
    del folder, say
    one, other = (_value(text) for text in request["pair"])
    return one is not None and other is not None and same(one, other)


def prove(request: dict[str, Any], folder: Path, say: Say) -> list[str]:
    """What became of each of ``request["items"]``: ``proved``, or why it is not.

    An item has ``choices`` and ``answer`` (formulas; null where it is none), and a ``check`` with
    ``equations``, ``unknowns`` and what is ``asked``, or null. ``wrong`` and ``ambiguous`` are
    mistakes; ``unproved`` is not known.
    """
    del folder
    found = []
    for number, item in enumerate(request["items"], 1):
        found.append(_judged(item))
        say(number / len(request["items"]))
    return found


def _judged(item: dict[str, Any]) -> str:
    choices = [None if text is None else _value(text) for text in item["choices"]]
    values = [one for one in choices if one is not None]
    if any(same(one, other) for one, other in itertools.combinations(values, 2)):
        return "ambiguous"
    if item["check"] is None:
        return "unproved"
    answer = choices[item["answer"]]
    if answer is None:
        return "unproved"
    try:
        return "proved" if _holds(item["check"], answer) else "wrong"
    except (UnfitError, FormulaError, ValueError, KeyError, NotImplementedError):
        # What cannot even be calculated proves nothing, and was meant to.
        return "wrong"


def _holds(check: dict[str, Any], answer: Expr) -> bool:
    unknowns: Sequence[str] = check["unknowns"]
    known = set(unknowns)
    for text in check["equations"]:
        if names_of(parse(text, "condition")) - known:
            raise FormulaError("a name that is no unknown")
    if names_of(parse(check["asked"])) - known:
        raise FormulaError("a name that is no unknown")
    if not check["equations"]:
        return same(value(check["asked"], {}), answer)
    proof = Solving(
        by="solving",
        equations=list(check["equations"]),
        unknowns=list(unknowns),
        asked=check["asked"],
    )
    return proved(proof, [answer], {})


def _value(text: str) -> Expr | None:
    """The value of a formula over unknowns; None where it is no formula."""
    try:
        names = names_of(parse(text))
        return value(text, {name: sympy.Symbol(name, real=True) for name in names})
    except (FormulaError, UnfitError):
        return None
