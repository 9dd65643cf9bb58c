"""CloudFormation as plain data: intrinsic functions, resources and the YAML they are written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import yaml

Json = dict[str, Any]

#: A property that is not set after all.
ABSENT: Json = {"Ref": "AWS::NoValue"}


def ref(name: str) -> Json:
    """A parameter's value, or a resource's own identifier."""
    return {"Ref": name}


def attribute(resource: str, name: str) -> Json:
    """An attribute of a resource, such as its ``Arn``."""
    return {"Fn::GetAtt": [resource, name]}


def sub(text: str) -> Json:
    """A text with ``${Parameter}`` in it."""
    return {"Fn::Sub": text}


def choose(condition: str, then: Any, otherwise: Any = None) -> Json:
    """One value or the other; without the other the property (or list entry) is left out."""
    return {"Fn::If": [condition, then, ABSENT if otherwise is None else otherwise]}


def sized(key: str) -> Json:
    """What the mapping of sizes says under *key* for the deployed size."""
    return {"Fn::FindInMap": ["Sizes", ref("Size"), key]}


def named(suffix: str) -> Json:
    """The name of something that the environment owns: ``academy-ENV-suffix``."""
    return sub(f"academy-${{Environment}}-{suffix}")


def resource(
    kind: str,
    properties: Mapping[str, Any],
    *,
    condition: str | None = None,
    depends_on: str | None = None,
    on_delete: Literal["Delete", "Retain"] | None = None,
) -> Json:
    """One resource. ``on_delete`` says what becomes of it when it leaves the stack."""
    made: Json = {"Type": kind}
    if condition:
        made["Condition"] = condition
    if depends_on:
        made["DependsOn"] = depends_on
    if on_delete:
        made |= {"DeletionPolicy": on_delete, "UpdateReplacePolicy": on_delete}
    return made | {"Properties": dict(properties)}


def camel(name: str) -> str:
    """A role's or a queue's name as a logical id: ``ai-lite`` is ``AiLite``."""
    return "".join(part.capitalize() for part in name.split("-"))


class _Dumper(yaml.SafeDumper):
    """Writes every value where it stands: CloudFormation knows no YAML anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Never an alias."""
        return True


def render(template: Mapping[str, Any], heading: str) -> str:
    """The template as YAML in its own order, below a comment."""
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    body = yaml.dump(dict(template), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return f"{comment}{body}"
