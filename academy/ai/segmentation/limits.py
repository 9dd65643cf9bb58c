"""Limits known to the API and to the child, without a library of either."""

from typing import Final

MAX_QUESTIONS: Final = 2_000
