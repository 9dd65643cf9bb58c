"""The OpenAPI document of the jobs: complete, and its examples are true."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import Field

from academy.jobs import kinds
from academy.jobs.api import order_schema, present
from tests.support.jobs import AnyParams
from tests.support.openapi import MismatchError

pytestmark = pytest.mark.django_db


def operations(document: Any) -> list[Any]:
    return [item for item in document.operations() if "Jobs" in item[2].get("tags", ())]


def test_every_operation_has_examples_that_its_schema_allows(document: Any) -> None:
    checked = 0
    for method, path, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        bodies += [answer for status, answer in operation["responses"].items() if status < "3"]
        for body in bodies:
            for media, content in body["content"].items():
                examples = content.get("examples", {})
                assert examples, (method, path, media)
                for example in examples.values():
                    document.check(example["value"], content["schema"])
                    checked += 1
    assert checked >= 19


def test_every_operation_is_described_and_names_its_scope(document: Any) -> None:
    for method, path, operation in operations(document):
        assert "Scope: `jobs:" in operation["description"], (method, path)
        assert operation["operationId"].startswith(("job_", "kind_"))


def test_the_document_knows_the_parameters_of_each_public_kind(document: Any) -> None:
    schema = document.spec["components"]["schemas"]["JobOrderRequest"]
    names = {spec.name for spec in kinds.all_kinds() if not spec.internal}
    assert set(schema["discriminator"]["mapping"]) == names
    assert "test.part" not in names
    document.check({"kind": "test.ok", "params": {"note": "x"}}, schema)
    document.check({"kind": "test.fan_out", "params": {"fail_at": None}}, schema)
    for wrong in (
        {"kind": "test.ok", "params": {"seconds": 1}},
        {"kind": "test.ok", "params": {"note": "x" * 201}},
        {"kind": "test.part", "params": {"index": 1}},
        {"kind": "test.ok", "nope": 1},
        {"params": {}},
    ):
        with pytest.raises(MismatchError):
            document.check(wrong, schema)


def test_the_documented_kind_is_what_the_api_says_of_it() -> None:
    spec = kinds.get("test.sleep")
    document_form = order_schema.openapi_schema(spec.params)
    api_form = present.kind_body(spec)["params"]
    assert set(document_form["properties"]) == set(api_form["properties"])


class Colour(StrEnum):
    RED = "red"


class Everything(AnyParams):
    maybe: int | None = None
    above: float = Field(gt=0, lt=5)
    fixed: Literal["x"] = "x"
    colour: Colour | None = None
    either: int | str | None = None


def test_json_schema_is_put_into_the_words_of_openapi() -> None:
    schema = order_schema.openapi_schema(Everything)
    properties = schema["properties"]
    assert properties["maybe"] == {"type": "integer", "nullable": True, "default": None}
    assert properties["above"] == {
        "type": "number",
        "minimum": 0,
        "exclusiveMinimum": True,
        "maximum": 5,
        "exclusiveMaximum": True,
    }
    assert properties["fixed"] == {"type": "string", "enum": ["x"], "default": "x"}
    assert properties["colour"] == {
        "anyOf": [{"$ref": "#/components/schemas/Colour"}],
        "nullable": True,
        "default": None,
    }
    assert properties["either"] == {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "nullable": True,
        "default": None,
    }
    assert schema["additionalProperties"] is False


def test_every_request_body_says_that_other_fields_are_refused(document: Any) -> None:
    schemas = document.spec["components"]["schemas"]
    for name in ("JobBatchRequest", "JobReplayRequest", "JobOrderTestOk"):
        assert schemas[name]["additionalProperties"] is False
