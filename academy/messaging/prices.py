"""What a message costs an academy. Pure.

Money is whole jeon, a hundredth of a won: providers bill fractions of a won.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from academy.messaging.fields import MessageType

JEON: Final = 100
"""In a won."""

PRICES: Final[Mapping[MessageType, int]] = MappingProxyType(
    {MessageType.SMS: 1_800, MessageType.LMS: 4_500, MessageType.ALIMTALK: 1_300}
)
"""Jeon a message, until the operator sets others."""


@dataclass(frozen=True)
class Quote:
    """What one message may cost: AlimTalk with a fallback is held at the dearer of the two."""

    expected: int
    most: int


def quote(
    type_: MessageType,
    fallback: MessageType | None = None,
    prices: Mapping[MessageType, int] = PRICES,
) -> Quote:
    """The price of a message, and of what it may become."""
    price = prices[type_]
    return Quote(price, price if fallback is None else max(price, prices[fallback]))


def won(jeon: int) -> str:
    """For people: ``1,234`` or ``18.5`` won."""
    whole, rest = divmod(abs(jeon), JEON)
    shown = f"{whole:,}" + (f".{rest:02}".rstrip("0") if rest else "")
    return f"-{shown}" if jeon < 0 else shown
