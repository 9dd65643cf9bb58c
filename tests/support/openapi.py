"""Holds answers against the OpenAPI document, as a client's generated code would."""

from __future__ import annotations

import functools
import re
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

_METHODS = ("get", "post", "put", "patch", "delete")


class MismatchError(AssertionError):
    """A value is not what the document says; the whole schema would hide where."""


class Document:
    """The document of the API as it is now, with the kinds that are registered now."""

    def __init__(self) -> None:
        self.spec: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z"), path)
            for path in sorted(self.spec["paths"], key=lambda path: path.count("{"))
        ]

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """The operation at an address; KeyError when the document has none."""
        for pattern, template in self._paths:
            if pattern.match(path) and method.lower() in self.spec["paths"][template]:
                found: dict[str, Any] = self.spec["paths"][template][method.lower()]
                return found
        raise KeyError(f"{method} {path} is not in the document")

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """All (method, path template, operation)."""
        return [
            (method, path, item[method])
            for path, item in self.spec["paths"].items()
            for method in _METHODS
            if method in item
        ]

    def check_answer(self, method: str, path: str, status: int, media: str, body: Any) -> None:
        """Raises MismatchError or KeyError when the answer is not as described."""
        responses = self.operation(method, path)["responses"]
        described = responses.get(str(status)) or (responses["default"] if status >= 400 else None)
        if described is None:
            raise KeyError(f"{method} {path} does not describe the status {status}")
        if "content" in described:
            self.check(body, described["content"][media]["schema"])

    def check(self, value: Any, schema: dict[str, Any]) -> None:
        """Hold a value against a schema of the document; raises MismatchError."""
        root = {**self._json_schema, **_translate(schema)}
        validator = Draft202012Validator(root, format_checker=Draft202012Validator.FORMAT_CHECKER)
        error = best_match(validator.iter_errors(value))
        if error is not None:
            raise MismatchError(f"{error.json_path}: {error.message}")

    @functools.cached_property
    def _json_schema(self) -> dict[str, Any]:
        return {"components": _translate(self.spec["components"])}


def _translate(schema: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` in the words of JSON Schema; unknown members are errors."""
    if isinstance(schema, list):
        return [_translate(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: _translate(value) for name, value in schema.items()}
    nullable = result.pop("nullable", False)
    if isinstance(result.get("properties"), dict) and "additionalProperties" not in result:
        result["additionalProperties"] = False
    return {"anyOf": [result, {"type": "null"}]} if nullable is True else result
