"""Capacity that comes with its queue's backlog and goes when there is none, down to zero.

docs/decisions/0017-pools-on-fargate-spot.md says why so. The metrics are those that the relay
publishes (docs/explanation/hosts-and-scaling.md), from outside the pools, so that an empty pool can
grow. Two alarms for each:

* *press*: more waits than the workers that have reported should have before them (with none: one
  job). Adds one task, two where three times as much waits, and waits until those have reported.
* *rest* (Fargate): nothing waits and nothing has been worked on for ten minutes. Empties the pool.
  In between nothing is taken away, so that no busy worker is ever chosen.

GPU hosts are told to come by *press*, and leave by themselves when idle, each lowering the group's
wish in the same call (docs/how-to/stop-idle-hosts.md): no *rest* fights with them.

No number is no reason: where the relay publishes nothing both alarms lack data and nothing happens.
"""

from __future__ import annotations

from typing import Final

from deploy.aws.stack.cfn import Json, attribute, choose, named, ref, resource, sized, sub
from deploy.aws.stack.identity import allow, trust
from deploy.aws.stack.network import SERVICES
from deploy.aws.stack.roles import Role, table
from deploy.aws.stack.workloads import CLUSTER, service_id

#: Jobs that one worker may have before it, before another is paid for: what people wait for such
#: work (minutes) by what a job takes. The pieces of a lecture are jobs.
JOBS_A_WORKER: Final[dict[str, int]] = {
    "video": 15,
    "ai-lite": 20,
    "ai-basic": 10,
    "ai-premium": 10,
}
#: Where the relay publishes (``CLOUDWATCH_NAMESPACE``): environments of one account apart.
NAMESPACE: Final = sub("academy-${Environment}")
GPU_GROUP: Final = "GpuGroup"
#: A task reports after about a minute, a GPU host after five.
_FARGATE_COOLDOWN: Final = 180
_HOST_WARMUP: Final = 420
#: All with one GPU of 16 GB or more and enough memory for the images' models.
GPU_INSTANCES: Final = ("g4dn.xlarge", "g6.xlarge", "g5.xlarge")
#: ECS's own image with the driver; the newest whenever a host starts.
GPU_IMAGE: Final = (
    "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
)


def resources() -> Json:
    """Everything that scales."""
    made: Json = {}
    for role in table():
        if role.runs == "pool":
            made |= _fargate(role)
        elif role.runs == "gpu":
            made |= _hosts(role)
    return made


def metric(name: str, queue: str, identity: str, *, shown: bool = False) -> Json:
    """One of the relay's metrics as an input of an alarm's expression."""
    return {
        "Id": identity,
        "ReturnData": shown,
        "MetricStat": {
            "Metric": {
                "Namespace": NAMESPACE,
                "MetricName": name,
                "Dimensions": [{"Name": "Queue", "Value": queue}],
            },
            "Period": 60,
            # Two relays publish the same numbers: never their sum.
            "Stat": "Maximum",
        },
    }


def _press(role: Role, policy: str, condition: str | None) -> Json:
    least = JOBS_A_WORKER[role.name]
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": named(f"{role.name}-press"),
            "AlarmDescription": "Starts capacity: not for people",
            "Metrics": [
                {
                    "Id": "pressure",
                    "Label": "Jobs a worker has before it, by what it should have",
                    "Expression": f"IF(workers < 1, IF(waiting >= 1, 1, 0), waiting / {least})",
                    "ReturnData": True,
                },
                metric("BacklogPerWorker", role.name, "waiting"),
                metric("Workers", role.name, "workers"),
            ],
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": 1,
            "EvaluationPeriods": 1,
            "TreatMissingData": "missing",
            "AlarmActions": [ref(policy)],
        },
        condition=condition,
    )


_STEPS: Final = [
    {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 2, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 2, "ScalingAdjustment": 2},
]


def _fargate(role: Role) -> Json:
    target, grow, empty = f"{role.id}Capacity", f"{role.id}Grow", f"{role.id}Empty"
    key = role.id
    return {
        target: resource(
            "AWS::ApplicationAutoScaling::ScalableTarget",
            {
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceId": sub(
                    f"service/academy-${{Environment}}/academy-${{Environment}}-{role.name}"
                ),
                "MinCapacity": choose("IsRunning", sized(f"{key}Least"), 0),
                "MaxCapacity": choose("IsRunning", sized(f"{key}Most"), 0),
            },
            depends_on=service_id(role),
        ),
        grow: resource(
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            {
                "PolicyName": named(f"{role.name}-grow"),
                "PolicyType": "StepScaling",
                "ScalingTargetId": ref(target),
                "StepScalingPolicyConfiguration": {
                    "AdjustmentType": "ChangeInCapacity",
                    "MetricAggregationType": "Maximum",
                    "Cooldown": _FARGATE_COOLDOWN,
                    "StepAdjustments": _STEPS,
                },
            },
        ),
        empty: resource(
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            {
                "PolicyName": named(f"{role.name}-empty"),
                "PolicyType": "StepScaling",
                "ScalingTargetId": ref(target),
                "StepScalingPolicyConfiguration": {
                    # Down to the least that the size keeps.
                    "AdjustmentType": "ExactCapacity",
                    "MetricAggregationType": "Maximum",
                    "Cooldown": 60,
                    "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 0}],
                },
            },
        ),
        f"{role.id}Press": _press(role, grow, None),
        f"{role.id}Rest": resource(
            "AWS::CloudWatch::Alarm",
            {
                "AlarmName": named(f"{role.name}-rest"),
                "AlarmDescription": "Ends capacity: not for people",
                "Namespace": NAMESPACE,
                "MetricName": "BacklogPerWorker",
                "Dimensions": [{"Name": "Queue", "Value": role.name}],
                "Statistic": "Maximum",
                "Period": 60,
                "ComparisonOperator": "LessThanOrEqualToThreshold",
                "Threshold": 0,
                "EvaluationPeriods": 10,
                "TreatMissingData": "missing",
                "AlarmActions": [ref(empty)],
            },
        ),
    }


def _hosts(role: Role) -> Json:
    """The group of GPU hosts: none at least, born protected, at most what the size allows."""
    policy = "GpuGrow"
    made = {
        "GpuHostRole": resource(
            "AWS::IAM::Role",
            {
                "RoleName": named("gpu-host"),
                "AssumeRolePolicyDocument": trust("ec2.amazonaws.com"),
                "Policies": [
                    {
                        "PolicyName": "ecs-agent",
                        "PolicyDocument": {"Version": "2012-10-17", "Statement": _ecs_agent()},
                    }
                ],
            },
        ),
        "GpuHostProfile": resource(
            "AWS::IAM::InstanceProfile",
            {"InstanceProfileName": named("gpu-host"), "Roles": [ref("GpuHostRole")]},
        ),
        "GpuTemplate": resource(
            "AWS::EC2::LaunchTemplate",
            {"LaunchTemplateName": named("gpu"), "LaunchTemplateData": _launch()},
        ),
        GPU_GROUP: resource(
            "AWS::AutoScaling::AutoScalingGroup",
            {
                "AutoScalingGroupName": named("gpu"),
                "MinSize": "0",
                "MaxSize": choose("IsRunning", sized("GpuHosts"), "0"),
                "VPCZoneIdentifier": ref("SubnetIds"),
                "NewInstancesProtectedFromScaleIn": True,
                "MixedInstancesPolicy": {
                    "InstancesDistribution": {
                        "OnDemandBaseCapacity": 0,
                        "OnDemandPercentageAboveBaseCapacity": choose("OnSpot", 0, 100),
                        "SpotAllocationStrategy": "price-capacity-optimized",
                    },
                    "LaunchTemplate": {
                        "LaunchTemplateSpecification": {
                            "LaunchTemplateId": ref("GpuTemplate"),
                            "Version": attribute("GpuTemplate", "LatestVersionNumber"),
                        },
                        "Overrides": [{"InstanceType": kind} for kind in GPU_INSTANCES],
                    },
                },
                "Tags": [
                    {"Key": "Name", "Value": named("gpu"), "PropagateAtLaunch": True},
                ],
            },
        ),
        "GpuGoodbye": resource(
            "AWS::AutoScaling::LifecycleHook",
            {
                "LifecycleHookName": named("gpu-goodbye"),
                "AutoScalingGroupName": ref(GPU_GROUP),
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                # The agent ends it as soon as the worker has given back what it held.
                "HeartbeatTimeout": 180,
                "DefaultResult": "CONTINUE",
            },
        ),
        policy: resource(
            "AWS::AutoScaling::ScalingPolicy",
            {
                "AutoScalingGroupName": ref(GPU_GROUP),
                "PolicyType": "StepScaling",
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Maximum",
                "EstimatedInstanceWarmup": _HOST_WARMUP,
                "StepAdjustments": _STEPS,
            },
        ),
        "GpuPress": _press(role, policy, None),
    }
    return {name: {**one, "Condition": "HasGpu"} for name, one in made.items()}


def _launch() -> Json:
    user_data = (
        "#!/bin/bash\n"
        "cat >> /etc/ecs/ecs.config <<'END'\n"
        "ECS_CLUSTER=academy-${Environment}\n"
        "ECS_ENABLE_GPU_SUPPORT=true\n"
        "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true\n"
        # The task shares the host's network, and has a role of its own all the same.
        "ECS_ENABLE_TASK_IAM_ROLE=true\n"
        "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true\n"
        # ECS must wait as long for the worker as the task definition says.
        "ECS_CONTAINER_STOP_TIMEOUT=120s\n"
        "END\n"
    )
    return {
        "ImageId": GPU_IMAGE,
        "InstanceType": GPU_INSTANCES[0],
        "IamInstanceProfile": {"Arn": attribute("GpuHostProfile", "Arn")},
        "NetworkInterfaces": [
            {
                "DeviceIndex": 0,
                "AssociatePublicIpAddress": True,
                "DeleteOnTermination": True,
                "Groups": [attribute(SERVICES, "GroupId")],
            }
        ],
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {
                    "VolumeSize": 80,
                    "VolumeType": "gp3",
                    "Encrypted": True,
                    "DeleteOnTermination": True,
                },
            }
        ],
        # Version 2 alone; the task shares the host's network, so one hop is enough.
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "Monitoring": {"Enabled": False},
        "UserData": {"Fn::Base64": sub(user_data)},
    }


def _ecs_agent() -> list[Json]:
    """What the ECS agent of a host does; the task has a role of its own."""
    cluster = attribute(CLUSTER, "Arn")
    instances = sub(
        "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:container-instance/"
        "academy-${Environment}/*"
    )
    return [
        allow("Door", ("ecs:DiscoverPollEndpoint",), "*"),
        allow(
            "Join",
            ("ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance"),
            [cluster],
        ),
        allow("Report", ("ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange"), [cluster]),
        allow(
            "Listen",
            ("ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"),
            [instances],
        ),
    ]
