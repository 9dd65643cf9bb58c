"""IAM: what each process may do at AWS (its task role), and what ECS may fetch to start it.

The rights are those of docs/how-to/point-at-aws-and-r2.md and docs/how-to/stop-idle-hosts.md. A
resource ``*`` stands only where AWS knows no narrower one; :data:`UNBOUNDED` says which and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from deploy.aws.stack import messages
from deploy.aws.stack.cfn import Json, attribute, named, resource, sub
from deploy.aws.stack.roles import Role, table
from deploy.aws.stack.variables import secret_names, store_address
from tasks import queues

_SEND: Final = ("sqs:SendMessage", "sqs:GetQueueUrl")
_LOOK: Final = ("sqs:GetQueueAttributes", "sqs:GetQueueUrl")
_CONSUME: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueUrl")
_HOLD: Final = ("sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")

#: Actions that AWS grants on everything or not at all, each with what makes that bearable.
UNBOUNDED: Final[dict[str, str]] = {
    "cloudwatch:GetMetricData": "reads metrics; IAM knows no metric as a resource",
    "cloudwatch:PutMetricData": "held to one namespace by a condition",
    "ecr:GetAuthorizationToken": "a token opens only what the other actions allow",
    "autoscaling:DescribeAutoScalingInstances": "reads; describe calls know no resource",
    "autoscaling:DescribeAutoScalingGroups": "reads; describe calls know no resource",
    "autoscaling:DescribeLifecycleHooks": "reads; describe calls know no resource",
    "ecs:DiscoverPollEndpoint": "an ECS agent asks where its cluster's door is",
}


def resources() -> Json:
    """A task role and an execution role for each role."""
    made: Json = {}
    for role in table():
        condition = "HasGpu" if role.runs == "gpu" else None
        made[f"{role.id}TaskRole"] = _role(
            f"{role.name}-task", _rights(role), "ecs-tasks.amazonaws.com", condition
        )
        made[f"{role.id}ExecutionRole"] = _role(
            f"{role.name}-start", _start(role), "ecs-tasks.amazonaws.com", condition
        )
    return made


def _rights(role: Role) -> list[Json]:
    jobs = [messages.queue_id(queue) for queue in queues.table({})]
    letters = [messages.letters_id(queue) for queue in queues.table({})]
    everything = [*jobs, *letters, messages.EVENTS]
    if role.queue is not None:
        return _of_worker(role)
    match role.name:
        case "api" | "manage":
            return [
                allow("Look", _LOOK, everything),
                # An operator sends a dead message again.
                allow("SendAgain", ("sqs:SendMessage",), jobs),
                _metrics_read(),
            ]
        case "relay":
            return [
                allow("Publish", _SEND, [*jobs, messages.EVENTS]),
                allow("EmptyLetters", _CONSUME, letters),
                allow("Measure", ("sqs:GetQueueAttributes",), [*jobs, *letters]),
                {
                    **allow("TellMetrics", ("cloudwatch:PutMetricData",), "*"),
                    "Condition": {
                        "StringEquals": {"cloudwatch:namespace": sub("academy-${Environment}")}
                    },
                },
            ]
        case "flower":
            return [
                allow("Read", (*_CONSUME, _HOLD[0]), [messages.EVENTS]),
                allow("Look", _LOOK, everything),
                _metrics_read(),
            ]
        case other:
            raise KeyError(other)


def _of_worker(role: Role) -> list[Json]:
    assert role.queue is not None
    listed = [
        allow("Work", (*_CONSUME, *_HOLD), [messages.queue_id(role.queue)]),
        allow("TellEvents", _SEND, [messages.EVENTS]),
    ]
    return [*listed, *_of_host_agent()] if role.runs == "gpu" else listed


def _of_host_agent() -> list[Json]:
    """What ``python -m tasks.host`` asks and does, beside the worker on a host of a group."""
    group = sub(
        "arn:${AWS::Partition}:autoscaling:${AWS::Region}:${AWS::AccountId}:autoScalingGroup:*:"
        "autoScalingGroupName/academy-${Environment}-gpu"
    )
    asks = (
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeLifecycleHooks",
    )
    does = (
        "autoscaling:SetInstanceProtection",
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
    )
    return [allow("WhereAmI", asks, "*"), allow("GoWhenIdle", does, [group])]


def _metrics_read() -> Json:
    return allow("Ages", ("cloudwatch:GetMetricData",), "*")


def _start(role: Role) -> list[Json]:
    """What ECS fetches before the first line of ours runs: the image, the secrets, a log stream."""
    return [
        allow("Login", ("ecr:GetAuthorizationToken",), "*"),
        allow(
            "Pull",
            ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"),
            [attribute(repository_id(role.image), "Arn")],
        ),
        allow(
            "Log",
            ("logs:CreateLogStream", "logs:PutLogEvents"),
            [attribute(f"{role.id}Log", "Arn")],
        ),
        allow(
            "Secrets", ("ssm:GetParameters",), [store_address(name) for name in secret_names(role)]
        ),
    ]


def repository_id(image: str) -> str:
    """Logical id of an image's repository: ``academy-ai-worker-cpu`` is ``AiWorkerCpuImages``."""
    return "".join(part.capitalize() for part in image.split("-")[1:]) + "Images"


def allow(sid: str, actions: Sequence[str], on: Sequence[str | Json] | str) -> Json:
    """One statement. *on* are logical ids of queues, addresses, or ``*``."""
    where: Any = on
    if not isinstance(on, str):
        where = [attribute(one, "Arn") if isinstance(one, str) else one for one in on]
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": where}


def _role(suffix: str, statements: list[Json], service: str, condition: str | None) -> Json:
    return resource(
        "AWS::IAM::Role",
        {
            "RoleName": named(suffix),
            "AssumeRolePolicyDocument": trust(service),
            "Policies": [
                {
                    "PolicyName": "rights",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
                }
            ],
        },
        condition=condition,
    )


def trust(service: str) -> Json:
    """Who may take a role: one service of AWS, and for tasks only those of this account."""
    statement: Json = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if service == "ecs-tasks.amazonaws.com":
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    return {"Version": "2012-10-17", "Statement": [statement]}
