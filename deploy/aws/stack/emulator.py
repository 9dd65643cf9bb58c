"""The template for the emulator: the same, without the resources that it does not know.

What it knows was found out by trying (ministack 1.5.33). What refers to a resource that is left out
falls with it, and nothing else is changed. A test tries each of them, so that the list shrinks when
the emulator grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from deploy.aws.stack.cfn import Json

UNKNOWN_TYPES: Final[dict[str, str]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "it has no Application Auto Scaling",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "it has no Application Auto Scaling",
    "AWS::Budgets::Budget": "it has no budgets in CloudFormation",
    "AWS::EC2::SecurityGroupIngress": "it knows rules only inside their security group",
}
#: A property without which the resource would be another one.
UNKNOWN_PROPERTIES: Final[dict[tuple[str, str], str]] = {
    ("AWS::CloudWatch::Alarm", "Metrics"): "its alarms know no metric math",
}


def variant(template: Json) -> Json:
    """*template* as the emulator takes it."""
    resources = dict(template["Resources"])
    for name in left_out(template):
        del resources[name]
    return {**template, "Resources": resources}


def left_out(template: Json) -> list[str]:
    """The logical ids that the emulator is not given, in the template's order."""
    resources: Json = template["Resources"]
    gone = {name for name, one in resources.items() if _unknown(one)}
    while more := {
        name for name, one in resources.items() if name not in gone and gone & set(_named(one))
    }:
        gone |= more
    return [name for name in resources if name in gone]


def _unknown(one: Json) -> bool:
    kind = one["Type"]
    return kind in UNKNOWN_TYPES or any(
        (kind, name) in UNKNOWN_PROPERTIES for name in one["Properties"]
    )


def _named(value: Any) -> Iterator[str]:
    """Every logical id or parameter that a value refers to."""
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "Ref":
                yield one
            elif key == "Fn::GetAtt":
                yield one[0]
            else:
                yield from _named(one)
