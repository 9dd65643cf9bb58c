"""What a template's expressions come to, as far as that is known before CloudFormation runs.

Parameters, mappings, conditions and pseudo parameters are known; whatever hangs on a resource (its
ARN, its address) is :data:`UNKNOWN`. Enough to say beforehand which images a release needs, which
variables its processes get and how much computing it asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from deploy.aws.template import Template


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


#: Only known once the resources exist.
UNKNOWN: Final = _Unknown()
_NO_VALUE: Final = _Unknown()
_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


class Values:
    """The values of one template with one set of parameters."""

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, str],
        *,
        account: str,
        region: str,
        made: Mapping[str, str] | None = None,
    ) -> None:
        """``made``: logical to physical id of the resources that are there already."""
        self.template = template
        self._made = dict(made or {})
        #: The parameters that a deployment gives; the others keep their defaults.
        self.given = dict(parameters)
        defaults = {
            name: about["Default"]
            for name, about in template.parameters.items()
            if "Default" in about
        }
        pseudo = {
            "AWS::AccountId": account,
            "AWS::Region": region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _NO_VALUE,
        }
        self._names: dict[str, Any] = {**self._made, **defaults, **parameters, **pseudo}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": lambda name: self._names.get(name, UNKNOWN),
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._substituted,
            "Fn::Join": self._joined,
            "Fn::If": self._chosen,
            "Fn::FindInMap": self._looked_up,
            "Fn::Select": self._selected,
            "Fn::Split": self._split,
            "Fn::Equals": self._equal,
            "Fn::Not": self._inverted,
            "Fn::And": lambda parts: self._combined(parts, all),
            "Fn::Or": lambda parts: self._combined(parts, any),
            "Condition": self.holds,
        }

    def of(self, value: Any) -> Any:
        """A value with all that is known put in; UNKNOWN where it is not known whole."""
        if isinstance(value, list):
            return [found for one in value if (found := self.of(one)) is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in self._functions:
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                return UNKNOWN
        found = {key: self.of(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one is not _NO_VALUE}

    def holds(self, condition: str) -> Any:
        """Whether one of the template's conditions holds."""
        return self.of(self.template.content.get("Conditions", {}).get(condition, UNKNOWN))

    def made(self, resource: Mapping[str, Any]) -> bool:
        """Whether a resource is made; one whose condition is not known counts as made."""
        condition = resource.get("Condition")
        return condition is None or self.holds(condition) is not False

    def _attribute(self, argument: Any) -> Any:
        resource, name = argument
        identity = self._made.get(resource)
        if identity is not None and name == "QueueName":
            return identity.rpartition("/")[2]
        return UNKNOWN

    def _substituted(self, argument: Any) -> Any:
        text, own = argument if isinstance(argument, list) else (argument, {})
        names = {**self._names, **{key: self.of(one) for key, one in own.items()}}
        parts = [names.get(name, UNKNOWN) for name in _PLACEHOLDER.findall(text)]
        if any(isinstance(part, _Unknown) for part in parts):
            return UNKNOWN
        filled = _PLACEHOLDER.sub(lambda found: str(names[found[1]]), text)
        return filled.replace("${!", "${")

    def _joined(self, argument: Any) -> Any:
        separator, parts = argument[0], self.of(argument[1])
        if not isinstance(parts, list) or any(isinstance(one, _Unknown) for one in parts):
            return UNKNOWN
        return separator.join(str(one) for one in parts)

    def _chosen(self, argument: Any) -> Any:
        condition, yes, no = argument
        holds = self.holds(condition)
        return UNKNOWN if holds is UNKNOWN else self.of(yes if holds else no)

    def _looked_up(self, argument: Any) -> Any:
        found: Any = self.template.content.get("Mappings", {})
        for key in argument:
            found = found.get(self.of(key), UNKNOWN) if isinstance(found, dict) else UNKNOWN
        return found

    def _selected(self, argument: Any) -> Any:
        number, values = self.of(argument[0]), self.of(argument[1])
        known = isinstance(values, list) and not isinstance(number, _Unknown)
        return values[int(number)] if known and int(number) < len(values) else UNKNOWN

    def _split(self, argument: Any) -> Any:
        text = self.of(argument[1])
        return text.split(argument[0]) if isinstance(text, str) else UNKNOWN

    def _equal(self, argument: Any) -> Any:
        left, right = (self.of(one) for one in argument)
        if isinstance(left, _Unknown) or isinstance(right, _Unknown):
            return UNKNOWN
        return str(left) == str(right)

    def _inverted(self, argument: Any) -> Any:
        found = self.of(argument[0])
        return UNKNOWN if isinstance(found, _Unknown) else not found

    def _combined(self, parts: Any, how: Callable[[Any], bool]) -> Any:
        found = self.of(parts)
        return UNKNOWN if any(isinstance(one, _Unknown) for one in found) else how(found)
