"""Request bodies: JSON that the database can store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import JSONParser

from academy.core.errors import AppError

MAX_DEPTH = 32


class StrictJSONParser(JSONParser):
    """JSON without NUL characters, lone surrogates, NaN, or nesting beyond ``MAX_DEPTH``.

    Each is legal in a Python string or parser and fails only later, inside PostgreSQL or an
    encoder, as an error 500.
    """

    strict = True

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse and check. Raises ParseError or AppError(``malformed_request``)."""
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise AppError("malformed_request") from None
        _check(data, MAX_DEPTH)
        return data


def _check(value: Any, depth: int) -> None:
    if depth < 0:
        raise AppError("malformed_request")
    if isinstance(value, str):
        if "\0" in value or not _encodable(value):
            raise AppError("malformed_request")
    elif isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
