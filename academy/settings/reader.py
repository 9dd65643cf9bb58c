"""Reads environment variables, and remembers what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

MISSING = object()
"""The default of a variable that must be given."""


class EnvironmentInvalid(ImproperlyConfigured):
    """The environment cannot run the platform; ``problems`` has one sentence for each reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"the environment is not usable, {len(problems)} to repair:\n{lines}")


class Reader:
    """Reads variables one by one and remembers what is wrong instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def problem(self, name: str, sentence: str) -> None:
        """Note one sentence of what is wrong with a variable."""
        self.problems.append(f"{name} {sentence}")

    def text(self, name: str, default: object = MISSING) -> str:
        """The text; a variable without a default that is not set is a problem."""
        value = self.environ.get(name, "")
        if value:
            return value
        if default is MISSING:
            self.problem(name, "is not set")
            return ""
        return str(default)

    def optional(self, name: str) -> str | None:
        """The text, or None where it is unset or empty."""
        return self.environ.get(name) or None

    def parsed(self, name: str, default: T, parse: Callable[[str], T], wanted: str) -> T:
        """What ``parse`` makes of it; a ValueError is a problem: it must be ``wanted``."""
        value = self.environ.get(name, "")
        if not value:
            return default
        try:
            return parse(value)
        except ValueError:
            self.problem(name, f"must be {wanted}")
            return default

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""

        def parse(value: str) -> int:
            number = int(value)
            if not low <= number <= high:
                raise ValueError
            return number

        return self.parsed(name, default, parse, f"a whole number from {low} to {high}")

    def seconds(self, name: str, default: float, low: float, high: float) -> float:
        """A number of seconds within bounds."""

        def parse(value: str) -> float:
            number = float(value)
            if not low <= number <= high:
                raise ValueError
            return number

        return self.parsed(name, default, parse, f"a number of seconds from {low:g} to {high:g}")

    def flag(self, name: str, *, default: bool) -> bool:
        """0 or 1."""

        def parse(value: str) -> bool:
            if value not in ("0", "1"):
                raise ValueError
            return value == "1"

        return self.parsed(name, default, parse, "0 or 1")

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value not in choices:
            self.problem(name, f"must be one of {', '.join(choices)}")
            return default
        return value

    def url(self, name: str, default: object = MISSING, *, path: bool = False) -> str:
        """An http(s) address without a slash at its end, with a ``path`` where that is allowed."""
        value = self.text(name, default)
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname)
            sound = sound and (parts.port is None or parts.port > 0)
            sound = sound and not (parts.username or parts.query or parts.fragment)
            sound = sound and (path or parts.path in ("", "/"))
        except ValueError:
            sound = False
        if not sound:
            self.problem(name, "must be an address like https://host[:port]")
        return value.rstrip("/")

    def listed(self, name: str, default: str) -> list[str]:
        """Words between commas."""
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]
