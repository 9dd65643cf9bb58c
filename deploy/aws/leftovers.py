"""What of an environment is still in the account, service by service.

Everything is named after its stack, so it can be looked for without asking the stack: also what a
failed deletion left, and what was made beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.clients import Aws
from deploy.aws.config import Environment

Found = Iterator[str]


def find(aws: Aws, environment: Environment) -> list[tuple[str, str]]:
    """Kind and name of everything that is there.

    Not what belongs to a stack whose name only begins alike: the environment's database, which
    stays, or an environment ``prod-b`` beside ``prod``.
    """
    stacks = aws.pages("cloudformation", "describe_stacks", "Stacks")
    others = tuple(
        one["StackName"]
        for one in stacks
        if one["StackName"].startswith(f"{environment.stack}-")
        and one["StackStatus"] != "DELETE_COMPLETE"
    )
    return [
        (kind, name)
        for kind, look in KINDS.items()
        for name in look(aws, environment)
        if not name.startswith(others)
    ]


def _named(environment: Environment, name: str) -> bool:
    stack = environment.stack
    return name == stack or name.startswith((f"{stack}-", f"{stack}/"))


def _listed(service: str, operation: str, key: str, field: str | None) -> Callable[..., Found]:
    """A look by a paginated operation whose entries carry a name, or are an ARN themselves."""

    def look(aws: Aws, environment: Environment) -> Found:
        for entry in aws.pages(service, operation, key):
            name = str(entry[field] if field else entry).rpartition(":")[2]
            name = name if field else name.partition("/")[2] or name
            if _named(environment, name):
                yield name

    return look


def _stacks(aws: Aws, environment: Environment) -> Found:
    for one in aws.pages("cloudformation", "describe_stacks", "Stacks"):
        if one["StackName"] == environment.stack and one["StackStatus"] != "DELETE_COMPLETE":
            yield f"{one['StackName']} ({one['StackStatus']})"


def _clusters(aws: Aws, environment: Environment) -> Found:
    arns = aws.pages("ecs", "list_clusters", "clusterArns")
    mine = [arn for arn in arns if _named(environment, arn.rpartition("/")[2])]
    if mine:
        for one in aws.client("ecs").describe_clusters(clusters=mine)["clusters"]:
            if one["status"] != "INACTIVE":
                yield one["clusterName"]


def _definitions(aws: Aws, environment: Environment) -> Found:
    for arn in aws.pages("ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE"):
        name = arn.rpartition("/")[2]
        if _named(environment, name.partition(":")[0]):
            yield name


def _queues(aws: Aws, environment: Environment) -> Found:
    known = {name for row in environment.queue_rows() for name in (row.sqs_name, row.dlq_name)}
    for url in aws.pages("sqs", "list_queues", "QueueUrls"):
        name = url.rpartition("/")[2]
        if name in known or _named(environment, name):
            yield name


def _log_groups(aws: Aws, environment: Environment) -> Found:
    prefix = f"/academy/{environment.name}/"
    key = "logGroups"
    for one in aws.pages("logs", "describe_log_groups", key, logGroupNamePrefix=prefix):
        yield one["logGroupName"]


def _buckets(aws: Aws, environment: Environment) -> Found:
    for one in aws.client("s3").list_buckets()["Buckets"]:
        if _named(environment, one["Name"]):
            yield one["Name"]


def _security_groups(aws: Aws, environment: Environment) -> Found:
    for one in aws.pages("ec2", "describe_security_groups", "SecurityGroups"):
        if _named(environment, one["GroupName"]):
            yield one["GroupName"]


def _groups(aws: Aws, environment: Environment) -> Found:
    for one in aws.pages("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        if _named(environment, one["AutoScalingGroupName"]):
            yield one["AutoScalingGroupName"]


def _scalable(aws: Aws, environment: Environment) -> Found:
    """Scaling of services; an emulator that does not know it holds none."""
    try:
        listed: list[Any] = aws.pages(
            "application-autoscaling",
            "describe_scalable_targets",
            "ScalableTargets",
            ServiceNamespace="ecs",
        )
    except ClientError:
        return
    for one in listed:
        if one["ResourceId"].startswith(f"service/{environment.stack}/"):
            yield one["ResourceId"]


KINDS: dict[str, Callable[[Aws, Environment], Found]] = {
    "stack": _stacks,
    "cluster": _clusters,
    "task definition": _definitions,
    "queue": _queues,
    "topic": _listed("sns", "list_topics", "Topics", "TopicArn"),
    "alarm": _listed("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "dashboard": _listed("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "repository": _listed("ecr", "describe_repositories", "repositories", "repositoryName"),
    "log group": _log_groups,
    "role": _listed("iam", "list_roles", "Roles", "RoleName"),
    "instance profile": _listed(
        "iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"
    ),
    "scaling group": _groups,
    "scalable target": _scalable,
    "launch template": _listed(
        "ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateName"
    ),
    "security group": _security_groups,
    "load balancer": _listed(
        "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"
    ),
    "target group": _listed("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName"),
    "bucket": _buckets,
}
