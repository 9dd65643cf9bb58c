"""What providers' codes mean to people: a code of the catalogue for each that we know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_REASONS: Final[dict[str, Mapping[str, str]]] = {}


def register(provider: str, reasons: Mapping[str, str]) -> None:
    """Have the codes of a provider stand for codes of the catalogue."""
    _REASONS[provider] = reasons


def reason_of(provider: str, code: str) -> str:
    """The catalogue's code of a provider's; empty where it is none that we know."""
    return _REASONS.get(provider, {}).get(code, "")
