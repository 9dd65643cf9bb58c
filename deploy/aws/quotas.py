"""Whether the account may run what the release asks for, where AWS tells.

A new account may run little: six Fargate cores, and no GPU at all. Asking for more takes a day, so
it is said before the deployment and not by a service that never starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws.clients import Aws
from deploy.aws.errors import explained
from deploy.aws.findings import Finding
from deploy.aws.template import Template
from deploy.aws.values import Values

_CPU_UNITS = 1024
#: vCPUs of the smallest GPU host that the stack starts (g4dn.xlarge, g5.xlarge).
_GPU_CORES = 4


@dataclass(frozen=True)
class Quota:
    """One of AWS's quotas and how much of it a release takes."""

    service: str
    code: str
    name: str
    wanted: float
    #: Without it the platform cannot run at all; else a pool is smaller than its maximum.
    fatal: bool


def wanted(template: Template, values: Values) -> list[Quota]:
    """The quotas that a release needs, in vCPUs."""
    always, most = 0.0, 0.0
    sizes = _task_sizes(template, values)
    for service in _services(template, values):
        cores = sizes.get(service["definition"], 0.0)
        always += cores * service["desired"]
        most += cores * max(service["desired"], service["most"])
    on_spot = values.of({"Ref": "WorkerCapacity"}) != "on-demand"
    found = [Quota("fargate", "L-3032A538", "Fargate On-Demand vCPUs", always, fatal=True)]
    if on_spot:
        pools = max(0.0, most - always)
        found.append(Quota("fargate", "L-36FBB829", "Fargate Spot vCPUs", pools, fatal=False))
    else:
        name = "Fargate On-Demand vCPUs with every pool at its widest"
        found.append(Quota("fargate", "L-3032A538", name, most, fatal=False))
    hosts = sum(
        int(size)
        for resource in template.resources.values()
        if resource["Type"] == "AWS::AutoScaling::AutoScalingGroup"
        and values.made(resource)
        and str(size := values.of(resource["Properties"].get("MaxSize"))).isdecimal()
    )
    if hosts:
        code, name = (
            ("L-3819A6DF", "All G and VT Spot Instance Requests, vCPUs")
            if on_spot
            else ("L-DB2E81BA", "Running On-Demand G and VT instances, vCPUs")
        )
        found.append(Quota("ec2", code, name, hosts * _GPU_CORES, fatal=False))
    return found


def check(aws: Aws, template: Template, values: Values) -> Iterator[Finding]:
    """Every quota that is too small; a note where AWS does not tell."""
    client = aws.client("service-quotas")
    for quota in wanted(template, values):
        try:
            answer = client.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
        except (BotoCoreError, ClientError) as error:
            text = explained(error).splitlines()[0]
            yield Finding(f"Quotas were not checked. {text}", fatal=False)
            return
        granted = float(answer["Quota"]["Value"])
        if granted < quota.wanted:
            yield Finding(
                f"{quota.name}: {granted:g} granted, {quota.wanted:g} wanted. Ask for more: aws "
                f"service-quotas request-service-quota-increase --service-code {quota.service} "
                f"--quota-code {quota.code} --desired-value {quota.wanted:g}",
                fatal=quota.fatal,
            )


def _task_sizes(template: Template, values: Values) -> dict[str, float]:
    """Task definition to the cores of one of its tasks."""
    return {
        name: float(cpu) / _CPU_UNITS
        for name, properties in template.of_type("AWS::ECS::TaskDefinition")
        if str(cpu := values.of(properties.get("Cpu"))).isdecimal()
    }


def _services(template: Template, values: Values) -> Iterator[dict[str, Any]]:
    """What runs: its task definition, how many now and, where it scales, at most."""
    most = {
        str(values.of(properties.get("ResourceId"))): int(capacity)
        for _, properties in template.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
        if str(capacity := values.of(properties.get("MaxCapacity"))).isdecimal()
    }
    for name, resource in template.resources.items():
        if resource["Type"] != "AWS::ECS::Service" or not values.made(resource):
            continue
        properties = resource["Properties"]
        desired = values.of(properties.get("DesiredCount", 1))
        definition = properties.get("TaskDefinition")
        service = values.of(properties.get("ServiceName", name))
        yield {
            "definition": definition.get("Ref", "") if isinstance(definition, dict) else "",
            "desired": int(desired) if str(desired).isdecimal() else 0,
            "most": next(
                (count for target, count in most.items() if target.endswith(f"/{service}")), 0
            ),
        }
