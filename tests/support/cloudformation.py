"""Works out what a CloudFormation template comes to for given parameters, without AWS."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::Region": "ap-northeast-2",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "academy-demo",
}
_GONE = object()


class Worked:
    """A template with its parameters: :meth:`value` resolves any part of it.

    An attribute of a resource is its physical name where the test cares (``QueueName``), an address
    made of it for ``Arn``, and ``LogicalId.Attribute`` elsewhere.
    """

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self.template = template
        declared = template["Parameters"]
        if unknown := given.keys() - declared.keys():
            raise KeyError(f"no such parameters: {sorted(unknown)}")
        if missing := [n for n, d in declared.items() if n not in given and "Default" not in d]:
            raise KeyError(f"parameters without a value: {missing}")
        self.parameters = {
            name: str(given.get(name, about.get("Default"))) for name, about in declared.items()
        }

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true."""
        return self._test(self.template["Conditions"][condition])

    @functools.cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Every resource whose condition holds, resolved."""
        return {
            name: {**one, "Properties": self.value(one["Properties"])}
            for name, one in self.template["Resources"].items()
            if "Condition" not in one or self.holds(one["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of one type, by logical id."""
        return {n: one["Properties"] for n, one in self.resources.items() if one["Type"] == kind}

    def value(self, part: Any) -> Any:
        """A part of the template as CloudFormation would pass it on."""
        if isinstance(part, list):
            listed = [self.value(one) for one in part]
            return [one for one in listed if one is not _GONE]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            ((key, inner),) = part.items()
            if key == "Ref" or key.startswith("Fn::"):
                return self._intrinsic(key, inner)
        found = {key: self.value(one) for key, one in part.items()}
        return {key: one for key, one in found.items() if one is not _GONE}

    def _intrinsic(self, key: str, inner: Any) -> Any:
        match key, inner:
            case "Ref", "AWS::NoValue":
                return _GONE
            case "Ref", str(name):
                return self._named(name)
            case "Fn::GetAtt", [str(resource), str(attribute)]:
                return self._attribute(resource, attribute)
            case "Fn::Sub", str(text):
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._named(found[1]), text)
            case "Fn::If", [str(condition), then, otherwise]:
                return self.value(then if self.holds(condition) else otherwise)
            case "Fn::FindInMap", [str(table), first, str(second)]:
                return self.template["Mappings"][table][self.value(first)][second]
            case "Fn::Join", [str(separator), list(parts)]:
                return separator.join(str(self.value(one)) for one in parts)
            case "Fn::Base64", text:
                return self.value(text)
            case _:
                raise NotImplementedError(key)

    def _named(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        if name not in self.template["Resources"]:
            raise KeyError(f"nothing is called {name}")
        return name

    def _attribute(self, resource: str, attribute: str) -> str:
        properties = self.template["Resources"][resource]["Properties"]
        if attribute == "QueueName":
            return str(self.value(properties["QueueName"]))
        return f"{resource}.{attribute}"

    def _test(self, test: Any) -> bool:
        ((key, inner),) = test.items()
        match key:
            case "Condition":
                return self.holds(inner)
            case "Fn::Equals":
                first, second = (str(self.value(one)) for one in inner)
                return first == second
            case "Fn::Not":
                return not self._test(inner[0])
            case "Fn::And":
                return all(self._test(one) for one in inner)
            case "Fn::Or":
                return any(self._test(one) for one in inner)
            case _:
                raise NotImplementedError(key)
