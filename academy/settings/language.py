"""Which language models are asked, what they cost, and how much may be spent on them in a month.

Nothing is asked unless an operator names it here: the addresses come from nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from academy.settings.reader import Reader

CURRENCIES: Final = ("KRW", "USD")
_MOST: Final = Decimal(1_000_000_000)
_PRICE: Final = "an amount of LANGUAGE_CURRENCY, with up to 6 decimals"


@dataclass(frozen=True, slots=True)
class Service:
    """An OpenAI-compatible service, up to the part of the path before ``/chat/completions``."""

    base_url: str
    model: str
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Chat:
    """A model that writes; prices are for a million tokens."""

    service: Service
    input_price: Decimal
    output_price: Decimal


@dataclass(frozen=True, slots=True)
class Speech:
    """A model that writes down what is said; the price is for a minute."""

    service: Service
    minute_price: Decimal


@dataclass(frozen=True, slots=True)
class LanguageEnvironment:
    """What is configured; None: nothing, and its kinds are refused."""

    chat: Chat | None
    speech: Speech | None
    currency: str
    tenant_budget: Decimal
    """Most that one academy may spend in a calendar month."""
    platform_budget: Decimal
    """Most that all may spend together."""


def read_language(read: Reader, *, https_only: bool) -> LanguageEnvironment:
    """Read and check everything; what is half configured is a problem, not a thing that is off."""
    chat, speech = _chat(read), _speech(read)
    environment = LanguageEnvironment(
        chat=chat,
        speech=speech,
        currency=read.choice("LANGUAGE_CURRENCY", "KRW", CURRENCIES),
        tenant_budget=read.parsed("LANGUAGE_TENANT_BUDGET", Decimal(0), _amount, _PRICE),
        platform_budget=read.parsed("LANGUAGE_PLATFORM_BUDGET", Decimal(0), _amount, _PRICE),
    )
    if chat is None and speech is None:
        return environment
    for name, budget in (
        ("LANGUAGE_TENANT_BUDGET", environment.tenant_budget),
        ("LANGUAGE_PLATFORM_BUDGET", environment.platform_budget),
    ):
        if not budget:
            read.problem(name, "is not set, and a model is: say the most to spend in a month")
    for name, found in (("LLM_BASE_URL", chat), ("SPEECH_BASE_URL", speech)):
        if https_only and found is not None and found.service.base_url.startswith("http://"):
            read.problem(name, "must be https in production")
    return environment


def _chat(read: Reader) -> Chat | None:
    base_url = read.url("LLM_BASE_URL", "", path=True)
    model, key = read.text("LLM_MODEL", ""), read.text("LLM_API_KEY", "")
    input_price = read.parsed("LLM_INPUT_PRICE", None, _amount, _PRICE)
    output_price = read.parsed("LLM_OUTPUT_PRICE", None, _amount, _PRICE)
    if not base_url:
        _alone(read, "LLM_BASE_URL", LLM_MODEL=model, LLM_API_KEY=key)
        return None
    return Chat(
        Service(base_url, _needed(read, "LLM_MODEL", model), _printable(read, "LLM_API_KEY", key)),
        _priced(read, "LLM_INPUT_PRICE", input_price),
        _priced(read, "LLM_OUTPUT_PRICE", output_price),
    )


def _speech(read: Reader) -> Speech | None:
    base_url = read.url("SPEECH_BASE_URL", "", path=True)
    model, key = read.text("SPEECH_MODEL", ""), read.text("SPEECH_API_KEY", "")
    minute_price = read.parsed("SPEECH_MINUTE_PRICE", None, _amount, _PRICE)
    if not base_url:
        _alone(read, "SPEECH_BASE_URL", SPEECH_MODEL=model, SPEECH_API_KEY=key)
        return None
    return Speech(
        Service(
            base_url, _needed(read, "SPEECH_MODEL", model), _printable(read, "SPEECH_API_KEY", key)
        ),
        _priced(read, "SPEECH_MINUTE_PRICE", minute_price),
    )


def _alone(read: Reader, needed: str, **given: str) -> None:
    for name, value in given.items():
        if value:
            read.problem(name, f"is set, and {needed} is not")


def _needed(read: Reader, name: str, value: str) -> str:
    if not value:
        read.problem(name, "is not set, and the address of its service is")
    return value


def _priced(read: Reader, name: str, price: Decimal | None) -> Decimal:
    """A price may be 0, for a model on one's own machine; but somebody must have said so."""
    if price is None:
        read.problem(name, f"is not set: {_PRICE}; 0 for a model of your own")
    return price or Decimal(0)


def _printable(read: Reader, name: str, key: str) -> str:
    # It goes into a header: a newline from a secrets file would be an error far from here.
    if not (key.isascii() and key.isprintable()) or " " in key:
        read.problem(name, "has characters that a header cannot carry")
    return key


def _amount(value: str) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise ValueError from error
    exponent = amount.as_tuple().exponent
    # Not a number and infinity have letters there.
    if not isinstance(exponent, int) or exponent < -6 or not 0 <= amount <= _MOST:
        raise ValueError
    return amount
