"""Take an environment down: everything that it owns, and nothing that it only used.

The database, the buckets on R2 and the secrets are not the stack's, and stay. What the template
retains when it goes, and the bucket with the book of releases, stay too, unless the data is told to
go with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws import leftovers
from deploy.aws.errors import DeployError, error_code
from deploy.aws.lock import held
from deploy.aws.site import Site

_GONE = frozenset(
    {
        "RepositoryNotFoundException",
        "ResourceNotFoundException",
        "QueueDoesNotExist",
        "NonExistentQueue",
        "NoSuchEntity",
    }
)


def destroy(site: Site, *, with_data: bool) -> list[str]:
    """Delete the stack and what was made beside it; returns what is left, ``kind name`` each."""
    if not site.store.exists():
        # A deployment that never began left at most a stack that was never whole.
        site.stack.delete()
        return leftovers.find(site.aws, site.environment)
    with held(site.store, "destroy"):
        kept, families = _retained(site), _families(site)
        _unprotect(site)
        if with_data:
            _empty_repositories(site)
        site.say(f"Deleting the stack {site.stack.name}")
        site.stack.delete()
        _deregister(site, families)
        if with_data:
            for kind, identity in kept:
                site.say(f"  delete {kind} {identity}")
                _delete(site, kind, identity)
    if with_data:
        site.store.delete()
    return leftovers.find(site.aws, site.environment)


def _retained(site: Site) -> list[tuple[str, str]]:
    """Type and physical id of what the stack leaves behind when it goes."""
    template = site.stack.template()
    if template is None:
        return []
    stays = {
        name
        for name, resource in template.resources.items()
        if resource.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
    }
    return [
        (one["ResourceType"], one["PhysicalResourceId"])
        for one in site.stack.resources()
        if one["LogicalResourceId"] in stays and one.get("PhysicalResourceId")
    ]


def _unprotect(site: Site) -> None:
    """Hosts that are protected from scale-in keep a group, and so the stack, from going."""
    client = site.aws.client("autoscaling")
    names = list(site.stack.physical_ids("AWS::AutoScaling::AutoScalingGroup").values())
    if not names:
        return
    described = site.aws.pages(
        "autoscaling",
        "describe_auto_scaling_groups",
        "AutoScalingGroups",
        AutoScalingGroupNames=names,
    )
    for group in described:
        held_back = [
            one["InstanceId"] for one in group["Instances"] if one.get("ProtectedFromScaleIn")
        ]
        if held_back:
            client.set_instance_protection(
                AutoScalingGroupName=group["AutoScalingGroupName"],
                InstanceIds=held_back,
                ProtectedFromScaleIn=False,
            )


def _empty_repositories(site: Site) -> None:
    """A repository with an image in it is not deleted by CloudFormation."""
    ecr = site.aws.client("ecr")
    for name in site.stack.physical_ids("AWS::ECR::Repository").values():
        listed = site.aws.pages("ecr", "list_images", "imageIds", repositoryName=name)
        for begin in range(0, len(listed), 100):
            ecr.batch_delete_image(repositoryName=name, imageIds=listed[begin : begin + 100])


def _families(site: Site) -> set[str]:
    """The families of the stack's task definitions; another environment's may begin alike."""
    arns = site.stack.physical_ids("AWS::ECS::TaskDefinition").values()
    return {_family(arn) for arn in arns}


def _family(arn: str) -> str:
    return arn.rpartition("/")[2].partition(":")[0]


def _deregister(site: Site, families: set[str]) -> None:
    """Revisions of those families that the stack did not make: of one-off commands."""
    ecs = site.aws.client("ecs")
    for arn in site.aws.pages("ecs", "list_task_definitions", "taskDefinitionArns"):
        if _family(arn) in families:
            ecs.deregister_task_definition(taskDefinition=arn)


def _delete(site: Site, kind: str, identity: str) -> None:
    client: Callable[[str], Any] = site.aws.client
    deletions: dict[str, Callable[[], Any]] = {
        "AWS::ECR::Repository": lambda: client("ecr").delete_repository(
            repositoryName=identity, force=True
        ),
        "AWS::Logs::LogGroup": lambda: client("logs").delete_log_group(logGroupName=identity),
        "AWS::SQS::Queue": lambda: client("sqs").delete_queue(QueueUrl=identity),
    }
    if kind not in deletions:
        raise DeployError(f"{kind} {identity} was kept by the stack; delete it by hand.")
    try:
        deletions[kind]()
    except ClientError as error:
        if error_code(error).rpartition(".")[2] not in _GONE:
            raise
