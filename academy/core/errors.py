"""Errors that a user may see: a stable code, parameters, and a text in two languages."""

from __future__ import annotations

from typing import Any

from academy.core import catalogue
from academy.core.catalogue import Entry, Language


class AppError(Exception):
    """Something in the catalogue happened.

    ``params`` fill the text's templates and are shown to the client as ``details``, so they hold
    neither secrets nor personal data and must be JSON values. A ``retry_after`` parameter
    (seconds) also becomes the Retry-After header.
    """

    def __init__(self, code: str, **params: Any) -> None:
        self.entry: Entry = catalogue.lookup(code)
        self.params: dict[str, Any] = params
        super().__init__(code)

    @property
    def code(self) -> str:
        """The stable, snake_case code."""
        return self.entry.code

    @property
    def status(self) -> int:
        """The HTTP status an answer with this error has."""
        return self.entry.status

    @property
    def retryable(self) -> bool:
        """Whether the same request can succeed later without a change."""
        return self.entry.retryable

    def message(self, lang: Language = "en") -> str:
        """What happened, in one sentence."""
        return self.entry.message(lang, self.params)

    def action(self, lang: Language = "en") -> str:
        """What the reader can do about it."""
        return self.entry.action(lang, self.params)

    def __str__(self) -> str:
        return f"{self.code}: {self.message('en')}"


def error_body(code: str, params: dict[str, Any]) -> dict[str, Any]:
    """The JSON form of an error, used by every response and by a failed job's ``error`` field."""
    entry = catalogue.describe(code)
    return {
        "code": code,
        "message": {"ko": entry.message("ko", params), "en": entry.message("en", params)},
        "action": {"ko": entry.action("ko", params), "en": entry.action("en", params)},
        "retryable": entry.retryable,
        "details": params,
    }
