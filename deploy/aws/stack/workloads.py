"""Task definitions and services on ECS: every role, its image, its limits and its health check.

Every container has a read-only root file system, no capability, and a user of its own from the
image. What it writes goes to volumes: ``/tmp`` and, for workers, ``/scratch``. On Fargate, which
knows no tmpfs, both lie on the task's own disk, which is sized; on a GPU host ``/tmp`` is in
memory.
"""

from __future__ import annotations

from typing import Any, Final

from deploy.aws.stack.cfn import (
    ABSENT,
    Json,
    attribute,
    camel,
    choose,
    named,
    ref,
    resource,
    sized,
    sub,
)
from deploy.aws.stack.network import SERVICES
from deploy.aws.stack.roles import Role, table
from deploy.aws.stack.variables import TUNNEL_TOKENS, plain, secrets, store_name

CLUSTER: Final = "Cluster"
_PYTHON: Final = "/opt/venv/bin/python"
_NOFILE: Final = 65_536
#: ``/tmp`` of a GPU host's task, for both of its containers.
_IN_MEMORY: Final[Json] = {
    "Name": "tmp",
    "DockerVolumeConfiguration": {
        "Scope": "task",
        "Driver": "local",
        "DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1g,mode=1777"},
    },
}
#: Of the tunnel's own readiness, inside the task.
_TUNNEL_METRICS: Final = "127.0.0.1:2000"


def resources() -> Json:
    """The cluster; log group and task definition of each role; its service, if it has one."""
    made: Json = {
        CLUSTER: resource(
            "AWS::ECS::Cluster",
            {
                "ClusterName": sub("academy-${Environment}"),
                "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
                # The platform publishes what it is scaled and watched by; Container Insights would
                # cost more than all alarms together.
                "ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}],
            },
        )
    }
    for role in table():
        condition = "HasGpu" if role.runs == "gpu" else None
        made[f"{role.id}Log"] = resource(
            "AWS::Logs::LogGroup",
            {
                "LogGroupName": sub(f"/academy/${{Environment}}/{role.name}"),
                "RetentionInDays": sized("LogDays"),
            },
            condition=condition,
            on_delete="Delete",
        )
        made[definition_id(role)] = resource(
            "AWS::ECS::TaskDefinition", _definition(role), condition=condition
        )
        if role.runs != "command":
            made[service_id(role)] = resource(
                "AWS::ECS::Service",
                _daemon(role) if role.runs == "gpu" else _service(role),
                condition=condition,
            )
    return made


def definition_id(role: Role) -> str:
    """Logical id of a role's task definition."""
    return f"{role.id}Definition"


def service_id(role: Role) -> str:
    """Logical id of a role's service."""
    return f"{role.id}Service"


def image(role: Role) -> Json:
    """The address of a role's image."""
    return sub(f"${{ImagePrefix}}/{role.image}:${{ImageTag}}")


def _definition(role: Role) -> Json:
    common: Json = {
        "Family": named(role.name),
        "TaskRoleArn": attribute(f"{role.id}TaskRole", "Arn"),
        "ExecutionRoleArn": attribute(f"{role.id}ExecutionRole", "Arn"),
    }
    if role.runs == "gpu":
        return common | _on_host(role)
    containers: list[Json] = [_container(role)]
    if role.name in TUNNEL_TOKENS:
        containers.append(choose("HasTunnel", _tunnel(role)))
    return common | {
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": sized(f"{role.id}Cpu"),
        "Memory": sized(f"{role.id}Memory"),
        "EphemeralStorage": {"SizeInGiB": sized(f"{role.id}Disk")},
        "RuntimePlatform": {
            "OperatingSystemFamily": "LINUX",
            "CpuArchitecture": ref("CpuArchitecture"),
        },
        "Volumes": [{"Name": name} for name in _volumes(role)],
        "ContainerDefinitions": containers,
    }


def _on_host(role: Role) -> Json:
    """On a host of the group: the worker with the GPU, and the host agent beside it.

    Both share the processes' numbers and ``/tmp``, by which the agent knows the worker. It is to
    see the computer and not the ECS task, whose service would start another: so it is started
    without the variables by which ECS says where it runs.

    The task lives as long as the agent. A worker that ended in order stays ended, which is how a
    host is left; one that failed is started again in its place.
    """
    worker = _container(role) | {
        "Essential": False,
        "RestartPolicy": {"Enabled": True, "IgnoredExitCodes": [0], "RestartAttemptPeriod": 60},
        "MemoryReservation": 12_288,
        "ResourceRequirements": [{"Type": "GPU", "Value": "1"}],
    }
    worker["LinuxParameters"] = worker["LinuxParameters"] | {"SharedMemorySize": 1024}
    agent = {
        "Name": "host",
        "Image": image(role),
        "Essential": True,
        "EntryPoint": [
            *("env", "-u", "ECS_AGENT_URI", "-u", "ECS_CONTAINER_METADATA_URI_V4"),
            *("-u", "ECS_CONTAINER_METADATA_URI", _PYTHON, "-m", "tasks.host"),
        ],
        "Environment": [
            {"Name": "AWS_REGION", "Value": ref("AWS::Region")},
            {"Name": "LOG_FORMAT", "Value": "json"},
            {"Name": "HOST_IDLE_STOP_SECONDS", "Value": "900"},
        ],
        "MemoryReservation": 128,
        "RestartPolicy": {"Enabled": True, "RestartAttemptPeriod": 60},
        **_confined(role, ["tmp"], stop_seconds=30),
    }
    return {
        "RequiresCompatibilities": ["EC2"],
        # A task on EC2 has no public address of its own, and there is no NAT gateway.
        "NetworkMode": "host",
        "PidMode": "task",
        "Volumes": [_IN_MEMORY, {"Name": "scratch"}],
        "ContainerDefinitions": [worker, agent],
    }


def _container(role: Role) -> Json:
    made: Json = {
        "Name": role.name,
        "Image": image(role),
        "Essential": True,
        "Command": list(role.command),
        "Environment": plain(role),
        "Secrets": secrets(role),
        **_confined(role, _volumes(role), stop_seconds=role.stop_seconds),
    }
    if role.port:
        made["PortMappings"] = [{"ContainerPort": role.port, "Protocol": "tcp"}]
    if health := _health(role):
        made["HealthCheck"] = health
    return made


def _confined(role: Role, volumes: list[str], *, stop_seconds: int) -> Json:
    return {
        "User": "10001",
        "ReadonlyRootFilesystem": True,
        "LinuxParameters": {"Capabilities": {"Drop": ["ALL"]}},
        "Ulimits": [{"Name": "nofile", "SoftLimit": _NOFILE, "HardLimit": _NOFILE}],
        "MountPoints": [
            {"SourceVolume": name, "ContainerPath": f"/{name}", "ReadOnly": False}
            for name in volumes
        ],
        "StopTimeout": stop_seconds,
        "LogConfiguration": _log(role),
    }


def _volumes(role: Role) -> list[str]:
    return ["tmp", "scratch"] if role.queue is not None else ["tmp"]


def _log(role: Role) -> Json:
    return {
        "LogDriver": "awslogs",
        "Options": {
            "awslogs-group": ref(f"{role.id}Log"),
            "awslogs-region": ref("AWS::Region"),
            "awslogs-stream-prefix": role.name,
            # A log service that is slow must not hold up the process that writes.
            "mode": "non-blocking",
            "max-buffer-size": "4m",
        },
    }


def _health(role: Role) -> Json | None:
    """The image's own check, which ECS has to be told of; a command that ends needs none."""
    if role.runs == "command":
        return None
    return {
        "Command": ["CMD", "academy", "health"],
        "Interval": 30,
        "Timeout": 20,
        "Retries": 3,
        # A worker's processes load their models first.
        "StartPeriod": 180 if role.queue is not None else 60,
    }


def _tunnel(role: Role) -> Json:
    """Cloudflare's connector: it calls out, so that nothing has to be let in."""
    token = TUNNEL_TOKENS[role.name]
    return {
        "Name": "tunnel",
        "Image": ref("TunnelImage"),
        "Essential": True,
        "Command": ["tunnel", "--no-autoupdate", "--metrics", _TUNNEL_METRICS, "run"],
        "Secrets": [{"Name": "TUNNEL_TOKEN", "ValueFrom": store_name(token)}],
        "DependsOn": [{"ContainerName": role.name, "Condition": "HEALTHY"}],
        "HealthCheck": {
            "Command": ["CMD", "cloudflared", "tunnel", "--metrics", _TUNNEL_METRICS, "ready"],
            "Interval": 30,
            "Timeout": 10,
            "Retries": 3,
            "StartPeriod": 60,
        },
        **_confined(role, [], stop_seconds=30),
        "User": "65532",
    }


def _service(role: Role) -> Json:
    alone = role.name == "flower"  # two of them would share the events, each showing half
    made: Json = {
        "ServiceName": named(role.name),
        "Cluster": ref(CLUSTER),
        "TaskDefinition": ref(definition_id(role)),
        # A pool's number belongs to its scaling: an update of the stack must not set it back.
        "DesiredCount": choose(
            "IsRunning", ABSENT if role.runs == "pool" else sized(f"{role.id}Least"), 0
        ),
        "CapacityProviderStrategy": [{"CapacityProvider": _capacity(role), "Weight": 1}],
        "DeploymentConfiguration": {
            "MinimumHealthyPercent": 0 if alone else 100,
            "MaximumPercent": 100 if alone else 200,
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        },
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                # The way out, without a NAT gateway; the security group lets nobody in.
                "AssignPublicIp": "ENABLED",
                "Subnets": ref("SubnetIds"),
                "SecurityGroups": [attribute(SERVICES, "GroupId")],
            }
        },
        "PropagateTags": "SERVICE",
        "EnableECSManagedTags": True,
    }
    if role.port:
        target = {
            "ContainerName": role.name,
            "ContainerPort": role.port,
            "TargetGroupArn": ref(f"{camel(role.name)}Targets"),
        }
        made["LoadBalancers"] = choose("HasBalancer", [target])
        made["HealthCheckGracePeriodSeconds"] = choose("HasBalancer", 60)
        # ECS takes a target group once a rule sends to it. Naming the rule makes it come first;
        # DependsOn may not name what exists in one size alone.
        rule = {"Key": "reached-by", "Value": ref(f"{role.id}Rule")}
        made["Tags"] = choose("HasBalancer", [rule])
    return made


def _capacity(role: Role) -> Any:
    """Spot where a task that is taken away costs minutes of somebody's patience and no more."""
    if role.runs == "pool":
        return choose("OnSpot", "FARGATE_SPOT", "FARGATE")
    return "FARGATE_SPOT" if role.name == "flower" else "FARGATE"


def _daemon(role: Role) -> Json:
    """One task on every host that the group has; with no host there is none, and that is well."""
    return {
        "ServiceName": named(role.name),
        "Cluster": ref(CLUSTER),
        "TaskDefinition": ref(definition_id(role)),
        "LaunchType": "EC2",
        "SchedulingStrategy": "DAEMON",
        "DeploymentConfiguration": {
            "MinimumHealthyPercent": 0,
            "MaximumPercent": 100,
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        },
        "PropagateTags": "SERVICE",
        "EnableECSManagedTags": True,
    }
