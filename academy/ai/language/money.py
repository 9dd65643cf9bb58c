"""What a call costs, and what it can cost at most. Amounts are whole micro-units of a currency.

A price for a million tokens in a currency is the same number of micro-units for each token.
"""

from __future__ import annotations

import json
from decimal import ROUND_CEILING, Decimal
from typing import Final

from academy.ai.language.ports import ChatRequest, Tokens
from academy.settings.language import Chat, Speech

MICRO: Final = 1_000_000
#: What the form of a request adds to its text, for each message.
_FRAME_TOKENS: Final = 64


def micro(amount: Decimal) -> int:
    """An amount of a currency in micro-units, rounded up."""
    return int((amount * MICRO).to_integral_value(ROUND_CEILING))


def most_read(request: ChatRequest) -> int:
    """More tokens than a request has: one of them stands for at least one byte of its text."""
    texts = [message.text for message in request.messages]
    texts.append(json.dumps(request.schema))
    return sum(len(text.encode()) + _FRAME_TOKENS for text in texts)


def chat_cost(prices: Chat, tokens: Tokens) -> int:
    """Micro-units for what was counted."""
    cost = tokens.read * prices.input_price + tokens.written * prices.output_price
    return int(cost.to_integral_value(ROUND_CEILING))


def chat_most(prices: Chat, request: ChatRequest) -> int:
    """Micro-units that a request can cost at most."""
    return chat_cost(prices, Tokens(most_read(request), request.max_tokens))


def speech_cost(prices: Speech, seconds: float) -> int:
    """Micro-units for so much sound."""
    return micro(Decimal(str(seconds)) / 60 * prices.minute_price)


def shown(amount: int) -> str:
    """An amount of micro-units as people read it."""
    whole = f"{Decimal(amount) / MICRO:.6f}".rstrip("0")
    return whole.rstrip(".")
