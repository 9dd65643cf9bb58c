"""Texts that people submit for a model, and that a model writes for people."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, StringConstraints

from academy.ai.variants.formula import FormulaError, parse

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_SIGNS: Final = str.maketrans({
    "\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u22c5": "*", "\u00b7": "*", "\u00f7": "/",
    "\uff0c": ",", "\u2044": "/", "$": "",
})  # fmt: skip
_NAMED: Final = re.compile(r"[a-z]=(?=.)")
_ROOT: Final = re.compile(r"√(?:\(([^()]*)\)|(\d+))")
_PLAIN: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+|/[0-9]+)?")
_NUMBER_CHARS: Final = 30
_TIMES: Final = re.compile(r"(?<=[0-9)])(?=[a-z(])")


def printable(text: str) -> str:
    """The text itself. ValueError for what no sheet of paper can show."""
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


_Text: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(printable)
]
Body: TypeAlias = Annotated[_Text, StringConstraints(max_length=4_000)]
Line: TypeAlias = Annotated[_Text, StringConstraints(max_length=300)]
Short: TypeAlias = Annotated[_Text, StringConstraints(max_length=60)]


def canonical(text: str) -> str:
    """The text for comparison: the signs of one kind, no spaces, no difference of case."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_SIGNS)
    return re.sub(r"\s+", "", plain).rstrip(".")


def formula(text: str) -> str:
    """An answer as it may stand in a formula: ``x = 2√3`` as ``2*sqrt(3)``."""
    plain = _NAMED.sub("", canonical(text), count=1)
    plain = _ROOT.sub(lambda found: f"sqrt({found[1] or found[2]})", plain).replace("^", "**")
    return _TIMES.sub("*", plain) if "sqrt" in plain or plain[:1].isdigit() else plain


def number(text: str) -> Fraction | None:
    """The value of an answer that is a plain number, such as ``-3/4`` or ``0.5``."""
    plain = formula(text)
    if len(plain) > _NUMBER_CHARS or not _PLAIN.fullmatch(plain):
        return None
    over, _, under = plain.partition("/")
    return None if under and not int(under) else Fraction(over) / Fraction(under or 1)


def is_formula(text: str) -> bool:
    """Whether it is one of the language of `academy.ai.variants.formula`."""
    try:
        parse(text)
    except FormulaError:
        return False
    return True
