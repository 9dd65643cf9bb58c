"""What a change set would do, told so that a person can judge it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.aws.template import Template

#: Removing or replacing one of these loses what no deployment can bring back.
KEEPS_DATA = frozenset(
    {
        "AWS::ECR::Repository",
        "AWS::EFS::FileSystem",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    }
)
_MARKS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": ">", "Dynamic": "?"}
_SHOWN = 160


@dataclass(frozen=True)
class Change:
    """One resource that a change set touches."""

    action: str
    name: str
    kind: str
    #: ``True``, ``False`` or ``Conditional``, as CloudFormation says it.
    replacement: str
    properties: tuple[str, ...]

    @property
    def loses_data(self) -> bool:
        """Whether something is lost that cannot be made again."""
        gone = self.action == "Remove" or (
            self.action == "Modify" and self.replacement in ("True", "Conditional")
        )
        return gone and self.kind in KEEPS_DATA

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Change:
        """One entry of DescribeChangeSet's ``Changes``."""
        change = described["ResourceChange"]
        targets = [detail.get("Target", {}) for detail in change.get("Details", [])]
        names = [str(one.get("Name") or one.get("Attribute", "")) for one in targets]
        return cls(
            action=change["Action"],
            name=change["LogicalResourceId"],
            kind=change["ResourceType"],
            replacement=change.get("Replacement", "False"),
            properties=tuple(dict.fromkeys(name for name in names if name)),
        )


def plan_lines(
    changes: Sequence[Change],
    old: Template | None,
    new: Template,
    parameters: tuple[Mapping[str, str], Mapping[str, str]],
) -> Iterator[str]:
    """The plan: what each resource goes through, and the values that differ.

    ``parameters`` are the stack's own and the wanted ones.
    """
    before, after = parameters
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name) and name in after:
            yield f"  parameter {name}: {before.get(name, '(none)')} -> {after[name]}"
    for change in sorted(changes, key=lambda one: (one.action, one.kind, one.name)):
        replaced = {"True": ", REPLACED", "Conditional": ", may be REPLACED"}
        note = replaced.get(change.replacement, "") if change.action == "Modify" else ""
        warning = "  <- loses data" if change.loses_data else ""
        mark = _MARKS.get(change.action, "?")
        yield f"  {mark} {change.kind} {change.name}{note}{warning}"
        if change.action == "Modify":
            yield from _values(change, old, new)
    counts = {action: sum(one.action == action for one in changes) for action in _MARKS}
    yield (
        f"  {counts['Add']} to add, {counts['Modify']} to change, {counts['Remove']} to remove, "
        f"{sum(one.replacement == 'True' for one in changes)} of them by replacement"
    )


def _values(change: Change, old: Template | None, new: Template) -> Iterator[str]:
    """Each property that differs between the templates; a parameter's change is told above."""
    pair = [
        one.resources.get(change.name, {}).get("Properties", {}) if one else {}
        for one in (old, new)
    ]
    for name in change.properties or sorted(pair[0].keys() | pair[1].keys()):
        values = [_short(one.get(name)) for one in pair]
        if values[0] != values[1]:
            yield f"      {name}: {values[0]} -> {values[1]}"
        elif name in change.properties:
            yield f"      {name}"


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
