"""The form of a reply: a pydantic model, as the JSON schema that is sent, and as the check after.

Services support a small part of JSON Schema in their strict mode, and a model may break even that:
what is sent says which fields there are, and only what the check lets through is a reply.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

_KEPT: Final = frozenset(
    {
        "$defs", "$ref", "additionalProperties", "anyOf", "description", "enum", "items",
        "properties", "required", "type",
    }
)  # fmt: skip


class Form(BaseModel):
    """Base of every form: a field too many is as wrong as one too few, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


F = TypeVar("F", bound=Form)


def schema_of(form: type[Form]) -> dict[str, Any]:
    """The schema that is sent: every field required, none beside them, no bounds."""
    found: dict[str, Any] = _plain(form.model_json_schema())
    return found


def filled(form: type[F], content: dict[str, Any]) -> F | None:
    """What a reply says, or None where it does not have the form."""
    try:
        return form.model_validate(content)
    except ValidationError:
        return None


def _plain(schema: Any, *, names: bool = False) -> Any:
    """Without the keywords that strict modes refuse; ``names``: the keys are names of fields."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _plain(value, names=not names and key in {"properties", "$defs"})
        for key, value in schema.items()
        if names or key in _KEPT
    }
    if not names and "properties" in kept:
        kept["required"] = list(kept["properties"])
    return kept
