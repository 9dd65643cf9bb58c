"""Whether a number that was read is one of the right answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def is_right(value: str, right: Sequence[str], *, exact: bool) -> bool:
    """Whether ``value`` is one of ``right``: written the same, or (not exact) the same number."""
    if exact:
        return value in right
    number = _number(value)
    return number is not None and any(number == _number(one) for one in right)


def _number(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
