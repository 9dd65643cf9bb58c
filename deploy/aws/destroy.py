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
from deploy.aws.clients import Aws
from deploy.aws.errors import error_code
from deploy.aws.lock import held
from deploy.aws.site import Site

_GONE = frozenset(
    {
        "RepositoryNotFoundException",
        "ResourceNotFoundException",
        "QueueDoesNotExist",
        "NonExistentQueue",
    }
)


def destroy(site: Site, *, with_data: bool) -> list[tuple[str, str]]:
    """Delete the stack and what was made beside it; returns kind and name of what is left."""
    if not site.store.exists():
        # A deployment that never began left at most a stack that was never whole.
        site.stack.delete()
    else:
        with held(site.store, "destroy"):
            families = _families(site)
            _unprotect(site)
            if with_data:
                _empty_repositories(site)
            site.say(f"Deleting the stack {site.stack.name}")
            site.stack.delete()
            _deregister(site, families)
    if with_data:
        for kind, name in leftovers.find(site.aws, site.environment):
            if kind in _DELETIONS:
                site.say(f"  delete {kind} {name}")
                _delete(site, kind, name)
        site.store.delete()
    return leftovers.find(site.aws, site.environment)


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


def _delete_queue(aws: Aws, name: str) -> None:
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


#: What a template may retain, and how each is deleted.
_DELETIONS: dict[str, Callable[[Aws, str], Any]] = {
    "repository": lambda aws, name: aws.client("ecr").delete_repository(
        repositoryName=name, force=True
    ),
    "log group": lambda aws, name: aws.client("logs").delete_log_group(logGroupName=name),
    "queue": _delete_queue,
}


def _delete(site: Site, kind: str, name: str) -> None:
    try:
        _DELETIONS[kind](site.aws, name)
    except ClientError as error:
        # A queue is listed for a minute after it has gone.
        if error_code(error).rpartition(".")[2] not in _GONE:
            raise
