"""A CloudFormation template as it is sent: read, checked against its values, small enough."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.aws.errors import Refused

#: CloudFormation takes so much in the request itself; more (1 MB at most) from a bucket.
INLINE_BYTES = 51_200

_SHORT = {"Ref": "Ref", "Condition": "Condition"}


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms, such as ``!Ref`` and ``!GetAtt Queue.Arn``."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = _SHORT.get(tag, f"Fn::{tag}")
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if tag == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


class Template:
    """One template in its plain JSON form."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = dict(content)

    @classmethod
    def read(cls, path: Path) -> Template:
        """The template in a file, YAML or JSON; Refused where there is none."""
        try:
            return cls.parsed(path.read_text())
        except OSError as error:
            raise Refused(f"The template {path} cannot be read: {error.strerror}.") from None
        except (yaml.YAMLError, TypeError) as error:
            raise Refused(f"{path} is no template: {error}") from None

    @classmethod
    def parsed(cls, content: Any) -> Template:
        """A template from its text or, as boto3 returns JSON ones, from its content."""
        if isinstance(content, str) and content.startswith("{"):
            content = json.loads(content)  # YAML too, and read a hundred times as fast
        elif isinstance(content, str):
            content = yaml.load(content, _Loader)  # noqa: S506 - a safe loader's subclass
        if not isinstance(content, dict) or "Resources" not in content:
            raise TypeError("it has no Resources")
        return cls(content)

    @property
    def body(self) -> str:
        """As it is sent: JSON without a space, the same for the same content."""
        return json.dumps(self.content, separators=(",", ":"), sort_keys=True, ensure_ascii=False)

    @property
    def digest(self) -> str:
        """SHA-256 of :attr:`body`."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Logical id to resource."""
        return dict(self.content["Resources"])

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """Name to declaration of every value the template asks for."""
        return dict(self.content.get("Parameters", {}))

    def of_type(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The resources of one type, such as ``AWS::ECS::Service``, with their properties."""
        for name, resource in self.resources.items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """What each parameter gets; Refused where a value is missing, unknown or not allowed."""
        declared = self.parameters
        wrong = [f"{name} is no parameter of the template" for name in given.keys() - declared]
        wrong += [
            f"{name} has no value: {about.get('Description', 'the template asks for it')}"
            for name, about in declared.items()
            if name not in given and "Default" not in about
        ]
        for name, value in given.items():
            allowed = declared.get(name, {}).get("AllowedValues")
            if allowed is not None and value not in [str(one) for one in allowed]:
                wrong.append(f"{name} is {value!r}, allowed are {', '.join(map(str, allowed))}")
        if wrong:
            raise Refused("The values for the stack do not fit its template:", sorted(wrong))
        return {name: given[name] for name in declared if name in given}
