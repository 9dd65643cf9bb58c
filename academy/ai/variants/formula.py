"""The formulas of problem templates: arithmetic and comparisons, and nothing else of Python.

A formula is parsed by Python's own parser and then held against a list of what it may consist of;
it is never evaluated as Python. Standard library only: the API checks templates with it.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias

MAX_CHARS: Final = 200
MAX_NODES: Final = 80
MAX_DIGITS: Final = 9
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,15}\Z")
#: Functions by the number of their arguments.
FUNCTIONS: Final = {
    "abs": 1, "sqrt": 1, "floor": 1, "factorial": 1,
    "gcd": 2, "lcm": 2, "min": 2, "max": 2, "binomial": 2,
}  # fmt: skip
_ARITHMETIC: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.Mod, ast.FloorDiv)
_COMPARISONS: Final = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)

Sort: TypeAlias = Literal["value", "condition"]
"""What a formula gives: a number or expression, or whether something holds."""


class FormulaError(ValueError):
    """The text is no formula of this language."""


@lru_cache(maxsize=4096)
def parse(text: str, sort: Sort = "value") -> ast.expr:
    """The tree of a formula that holds nothing but what the language has. Raises FormulaError."""
    if len(text) > MAX_CHARS or not text.isascii():
        raise FormulaError(f"a formula is ASCII, at most {MAX_CHARS} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise FormulaError("a formula is arithmetic such as 2*x**2 - 3*a") from error
    if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MAX_NODES:
        raise FormulaError("the formula is too long")
    if sort == "condition":
        _check_condition(tree)
    else:
        _check_value(tree)
    return tree


def names_of(tree: ast.expr) -> set[str]:
    """The parameters and unknowns of a formula."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in names if id(node) not in called}


def _check_condition(tree: ast.expr) -> None:
    match tree:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check_condition(part)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check_condition(operand)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            isinstance(op, _COMPARISONS) for op in ops
        ):
            for side in (left, *others):
                _check_value(side)
        case _:
            raise FormulaError("a condition compares, as in a > 0 and a != b")


def _check_value(tree: ast.expr) -> None:
    match tree:
        case ast.Constant(value=value):
            _check_number(value)
        case ast.Name(id=name):
            if not NAME.match(name) or name in FUNCTIONS:
                raise FormulaError(f"{name[:20]!r} is no name of a parameter")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check_value(operand)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
            _check_value(left)
            _check_value(right)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            if FUNCTIONS.get(name) != len(arguments):
                raise FormulaError(f"the functions are {', '.join(FUNCTIONS)}")
            for argument in arguments:
                _check_value(argument)
        case _:
            raise FormulaError("a formula has numbers, names, + - * / % // ** and functions")


def _check_number(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormulaError("only numbers may stand in a formula")
    if len(repr(value)) > MAX_DIGITS or "e" in repr(value):
        raise FormulaError(f"a number has at most {MAX_DIGITS} digits")
