"""The OpenAPI form of a job order: one variant a kind, made from the registry of kinds.

Pydantic writes JSON Schema 2020-12 and the document is OpenAPI 3.0, whose schemas are an older
dialect; the differences that our parameters use are translated here.
"""

from __future__ import annotations

import re
from typing import Any, Final

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent
from pydantic import BaseModel

from academy.jobs import kinds

_IDENTIFIER: Final = "01932c07-9b7e-7a40-b6a1-2f0d5c1e8a33"
_REFERENCE: Final = "#/components/schemas/{model}"


class JobOrderVariants(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describes ``params`` for each ``kind``, where the serializer alone would say: an object."""

    target_class = "academy.jobs.api.serializers.JobOrderSerializer"
    priority = 1  # before the extension for every request body

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """``oneOf`` over the public kinds, told apart by ``kind``."""
        common = auto_schema._map_basic_serializer(self.target, direction)  # noqa: SLF001
        variants = {
            spec.name: _component(auto_schema, _type_name(spec.name), _variant(common, spec))
            for spec in kinds.all_kinds()
            if not spec.internal
        }
        for spec in kinds.all_kinds():
            for name, schema in _definitions(spec.params).items():
                _component(auto_schema, name, schema)
        return {
            "description": common.get("description", ""),
            "required": ["kind"],
            "oneOf": [{"$ref": reference} for reference in variants.values()],
            "discriminator": {"propertyName": "kind", "mapping": variants},
        }


def _component(auto_schema: Any, name: str, schema: dict[str, Any]) -> str:
    component = ResolvedComponent(  # type: ignore[no-untyped-call]
        name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=name
    )
    auto_schema.registry.register_on_missing(component)
    reference: str = component.ref["$ref"]
    return reference


def _variant(common: dict[str, Any], spec: kinds.KindSpec[Any]) -> dict[str, Any]:
    params = dict(openapi_schema(spec.params))
    # Within allOf, where drf-spectacular does not turn a single name into an enum component.
    kind = {"allOf": [{"type": "string", "enum": [spec.name]}]}
    required = ["kind", *(["params"] if params.get("required") else [])]
    return {
        **common,
        "description": f"Runs on {_queues(spec)}.",
        "properties": {**common["properties"], "kind": kind, "params": params},
        "required": required,
        "additionalProperties": False,
    }


def _queues(spec: kinds.KindSpec[Any]) -> str:
    names = [f"`{queue}`" for queue in spec.queues]
    if len(names) == 1:
        return f"the {names[0]} queue"
    return f"the queue {', '.join(names[:-1])} or {names[-1]}, as its tier says"


def order_examples() -> dict[str, dict[str, Any]]:
    """An order of each public kind whose parameters give examples, by kind."""
    found = {}
    for spec in kinds.all_kinds():
        params = _example(spec.params)
        if params is not None and not spec.internal:
            found[spec.name] = {"kind": spec.name, "params": params}
    return found


def _example(model: type[BaseModel]) -> dict[str, Any] | None:
    """The model's own example, or the examples of its fields when no required one lacks it."""
    schema = model.model_json_schema()
    if schema.get("examples"):
        whole: dict[str, Any] = schema["examples"][0]
        return whole
    fields = {
        name: _IDENTIFIER if field.get("format") == "uuid" else field["examples"][0]
        for name, field in schema.get("properties", {}).items()
        if field.get("examples") or field.get("format") == "uuid"
    }
    return fields if fields and set(schema.get("required", ())) <= set(fields) else None


def _type_name(kind: str) -> str:
    words = re.split(r"[^A-Za-z0-9]+", kind)
    return "JobOrder" + "".join(word[:1].upper() + word[1:] for word in words)


def openapi_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The parameters of a kind as an OpenAPI 3.0 schema, without its definitions."""
    schema = model.model_json_schema(ref_template=_REFERENCE)
    schema.pop("$defs", None)
    translated: dict[str, Any] = _translate(schema)
    return translated


def _definitions(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REFERENCE)
    return {name: _translate(inner) for name, inner in schema.get("$defs", {}).items()}


def _translate(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_translate(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        name: value if name in ("default", "enum", "const", "examples") else _translate(value)
        for name, value in schema.items()
        if name != "title" or not isinstance(value, str)
    }
    _translate_null(result)
    _translate_bounds(result)
    _translate_tuple(result)
    if "const" in result:
        result["enum"] = [result.pop("const")]
    if "examples" in result:
        result["example"] = result.pop("examples")[0]
    return result


def _translate_tuple(schema: dict[str, Any]) -> None:
    """OpenAPI 3.0 knows no items by position: each may then be what any of them may be."""
    by_position = schema.pop("prefixItems", None)
    if by_position is not None:
        kinds_of_item = [item for n, item in enumerate(by_position) if item not in by_position[:n]]
        one = len(kinds_of_item) == 1
        schema["items"] = kinds_of_item[0] if one else {"anyOf": kinds_of_item}


def _translate_null(schema: dict[str, Any]) -> None:
    """``anyOf: [X, {type: null}]`` is ``X`` and ``nullable``."""
    options = schema.get("anyOf")
    if not isinstance(options, list) or {"type": "null"} not in options:
        return
    rest = [option for option in options if option != {"type": "null"}]
    del schema["anyOf"]
    if len(rest) == 1 and "$ref" not in rest[0]:
        schema.update(rest[0])
    else:
        schema["anyOf"] = rest
    schema["nullable"] = True


def _translate_bounds(schema: dict[str, Any]) -> None:
    """``exclusiveMinimum: 0`` is ``minimum: 0`` and ``exclusiveMinimum: true``."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        value = schema.get(exclusive)
        if isinstance(value, int | float) and not isinstance(value, bool):
            schema[bound] = value
            schema[exclusive] = True
