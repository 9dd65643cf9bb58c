"""Where this computer stands, and so who would start it again: asked, never assumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tasks.host.config import HostConfig
from tasks.host.metadata import Metadata, MetadataError

#: AWS's own tags that nobody keeps an instance alive by; any other of its tags is a doubt.
_HARMLESS_TAGS = ("aws:cloudformation:", "aws:ec2launchtemplate:", "aws:servicecatalog:")
_KEEPERS_TAGS = ("aws:", "karpenter.sh/", "kubernetes.io/", "k8s.io/", "elasticbeanstalk:")


@dataclass(frozen=True)
class Unknown:
    """It could not be found out; ``why`` is a sentence."""

    why: str


@dataclass(frozen=True)
class EcsTask:
    """A container of ECS: its service would start another."""

    protectable: bool


@dataclass(frozen=True)
class Alone:
    """An EC2 instance in no Auto Scaling group. ``keeper`` is who might start it again, if any."""

    instance_id: str
    keeper: str = ""


@dataclass(frozen=True)
class Member:
    """An EC2 instance of an Auto Scaling group; capacities in the group's own units."""

    instance_id: str
    group: str
    state: str
    protected: bool
    weight: int
    desired: int
    minimum: int


Place = Unknown | EcsTask | Alone | Member


class Aws:
    """The calls that the agent makes, each its own permission; clients open on first use."""

    def __init__(self, region: Callable[[], str | None]) -> None:
        self._region = region
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A boto3 client with short time-outs; endpoints by boto3's own ``AWS_ENDPOINT_URL_*``."""
        if service not in self._clients:
            session: Any = boto3.Session()
            config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
            self._clients[service] = session.client(
                service, region_name=self._region(), config=config
            )
        return self._clients[service]

    def member(self, instance_id: str) -> Member | None:
        """The instance's group, or None where it is in none."""
        scaling = self.client("autoscaling")
        answer = scaling.describe_auto_scaling_instances(InstanceIds=[instance_id])
        for found in answer["AutoScalingInstances"]:
            name = found["AutoScalingGroupName"]
            groups = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
            (group,) = groups["AutoScalingGroups"]
            return Member(
                instance_id=instance_id,
                group=name,
                state=found["LifecycleState"],
                protected=bool(found["ProtectedFromScaleIn"]),
                weight=int(found.get("WeightedCapacity") or 1),
                desired=int(group["DesiredCapacity"]),
                minimum=int(group["MinSize"]),
            )
        return None

    def alone(self, instance_id: str) -> Alone:
        """An instance of no group, and which of its tags says that somebody keeps it."""
        answer = self.client("ec2").describe_instances(InstanceIds=[instance_id])
        (instance,) = (one for some in answer["Reservations"] for one in some["Instances"])
        tags = sorted(str(tag["Key"]) for tag in instance.get("Tags") or [])
        return Alone(instance_id, next((tag for tag in tags if _is_keepers(tag)), ""))

    def protect(self, member: Member, *, wanted: bool) -> None:
        """Set the instance's scale-in protection."""
        self.client("autoscaling").set_instance_protection(
            InstanceIds=[member.instance_id],
            AutoScalingGroupName=member.group,
            ProtectedFromScaleIn=wanted,
        )

    def terminate(self, member: Member) -> None:
        """Give the instance up and lower the group's desired capacity with it.

        AWS refuses where that would go below the minimum, so that of two hosts which decide at the
        same moment one stays.
        """
        self.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=member.instance_id, ShouldDecrementDesiredCapacity=True
        )

    def stop(self, alone: Alone) -> None:
        """Stop an instance of no group; it can be started again by hand."""
        self.client("ec2").stop_instances(InstanceIds=[alone.instance_id])

    def complete_termination(self, member: Member) -> list[str]:
        """Tell the group's termination hooks to go on; returns their names."""
        scaling = self.client("autoscaling")
        answer = scaling.describe_lifecycle_hooks(AutoScalingGroupName=member.group)
        names = [
            str(hook["LifecycleHookName"])
            for hook in answer["LifecycleHooks"]
            if hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
        ]
        for name in names:
            scaling.complete_lifecycle_action(
                LifecycleHookName=name,
                AutoScalingGroupName=member.group,
                InstanceId=member.instance_id,
                LifecycleActionResult="CONTINUE",
            )
        return names


def _is_keepers(tag: str) -> bool:
    return tag.startswith(_KEEPERS_TAGS) and not tag.startswith(_HARMLESS_TAGS)


class Locator:
    """Finds out where this computer stands; never raises."""

    def __init__(self, config: HostConfig, metadata: Metadata | None, aws: Aws) -> None:
        self._config = config
        self._metadata = metadata
        self._aws = aws
        self._instance_id = ""

    def ask(self) -> Place:
        """The present place, from AWS."""
        if self._config.in_ecs:
            return EcsTask(self._config.ecs_agent_uri is not None)
        if self._metadata is None:
            return Unknown("instance metadata is turned off")
        try:
            self._instance_id = self._instance_id or self._metadata.instance_id()
            member = self._aws.member(self._instance_id)
            return member or self._aws.alone(self._instance_id)
        except MetadataError as error:
            return Unknown(f"no instance metadata ({error})")
        except ClientError as error:
            return Unknown(f"{error.operation_name}: {error.response['Error'].get('Code')}")
        except (BotoCoreError, KeyError, ValueError, TypeError) as error:
            return Unknown(f"AWS did not say where this computer belongs ({type(error).__name__})")
