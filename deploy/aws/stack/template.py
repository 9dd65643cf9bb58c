"""The template whole: ``deploy/stack.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from deploy.aws.stack import (
    alarms,
    identity,
    messages,
    network,
    parameters,
    pools,
    registry,
    sizes,
    workloads,
)
from deploy.aws.stack.cfn import Json, attribute, ref, render, sub

PATH: Final = Path(__file__).resolve().parents[2] / "stack.yaml"
_HEADING: Final = """\
One environment of the academy platform on AWS. Made by `make stack` from tasks/queues.py and
deploy/aws/stack: change those, never this file. docs/explanation/deployment.md explains it."""


def template() -> Json:
    """The template for AWS."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "academy: the task platform of private academies, one environment",
        "Parameters": parameters.parameters(),
        "Mappings": {"Sizes": sizes.mapping()},
        "Conditions": parameters.conditions(),
        "Rules": parameters.rules(),
        "Resources": _resources(),
        "Outputs": {
            "Cluster": {"Value": ref(workloads.CLUSTER)},
            "ServicesSecurityGroup": {
                "Description": "For tasks that are run by hand",
                "Value": attribute(network.SERVICES, "GroupId"),
            },
            "ImageRegistry": {
                "Description": "ImagePrefix of the stack's own registry",
                "Value": sub(
                    "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/academy-${Environment}"
                ),
            },
            "AlarmTopic": {"Value": ref(alarms.TOPIC)},
            "BalancerAddress": {
                "Description": "What the hosts' records point to",
                "Condition": "HasBalancer",
                "Value": attribute("Balancer", "DNSName"),
            },
        },
    }


def _resources() -> Json:
    made: Json = {}
    for part in (messages, registry, network, identity, workloads, pools, alarms):
        added = part.resources()
        if twice := made.keys() & added.keys():
            raise ValueError(f"{part.__name__} makes {', '.join(sorted(twice))} a second time")
        made |= added
    return made


def text() -> str:
    """What ``deploy/stack.yaml`` holds."""
    return render(template(), _HEADING)
