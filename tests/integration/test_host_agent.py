"""The real agent process against AWS by HTTP: Auto Scaling, EC2, ECS's agent, instance metadata.

moto serves the groups, because the embedded AWS has neither SetInstanceProtection nor
TerminateInstanceInAutoScalingGroup; the embedded one serves the lifecycle hooks, which moto lacks.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tasks.host.crew import read_report
from tests.support.host import EcsAgent, Imds, serving, write_health
from tests.support.processes import Process, eventually
from tests.support.workers import Site

REGION = "ap-northeast-2"
IMAGE = "ami-0123456789abcdef0"
AT_MINIMUM = "its group is at its minimum and would start another"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        # Each test's account would else begin with some thousand images.
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def aws(moto: str, aws_account: str) -> Callable[[str], Any]:
    """boto3 clients of an account of its own."""

    def client(service: str, endpoint: str = moto) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=aws_account,
            aws_secret_access_key="test",
        )

    return client


class Agents:
    """Starts agents on this computer; what they say is in their logs."""

    def __init__(self, folder: Path, environ: dict[str, str], stack: ExitStack) -> None:
        self.folder = folder
        self.health = folder / "health"
        self.health.mkdir()
        self.environ = environ
        self._stack = stack

    def serve(self, double: Imds | EcsAgent) -> str:
        return self._stack.enter_context(serving(double))

    def start(self, **environ: str) -> Process:
        quick = {
            "WORKER_HEALTH_DIR": str(self.health),
            "HOST_IDLE_STOP_SECONDS": "1",
            "HOST_RELEASE_SECONDS": "0.4",
            "HOST_POLL_SECONDS": "0.1",
            "HOST_REFRESH_SECONDS": "0.3",
        }
        process = Process(
            "host",
            [sys.executable, "-m", "tasks.host"],
            folder=self.folder,
            environ={**self.environ, **quick, **environ},
        )
        self._stack.callback(process.kill)
        return process.start().said("host agent up")

    def on_instance(self, imds: Imds, **environ: str) -> Process:
        return self.start(AWS_EC2_METADATA_SERVICE_ENDPOINT=self.serve(imds), **environ)


@pytest.fixture
def agents(tmp_path: Path, moto: str, aws_account: str) -> Iterator[Agents]:
    environ = {
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": aws_account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_AUTO_SCALING": moto,
        "AWS_ENDPOINT_URL_EC2": moto,
        "AWS_EC2_METADATA_DISABLED": "false",
        "NO_PROXY": "127.0.0.1",
    }
    with ExitStack() as stack:
        yield Agents(tmp_path, environ, stack)


class Group:
    """An Auto Scaling group on moto, which does replace what is taken from it."""

    def __init__(self, aws: Callable[[str], Any], *, desired: int, minimum: int) -> None:
        self.scaling = aws("autoscaling")
        self.scaling.create_launch_configuration(
            LaunchConfigurationName="lc", ImageId=IMAGE, InstanceType="t3.micro"
        )
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName="video",
            LaunchConfigurationName="lc",
            MinSize=minimum,
            MaxSize=5,
            DesiredCapacity=desired,
            AvailabilityZones=[f"{REGION}a"],
        )
        self.first = self.instances()[0]["InstanceId"]

    def describe(self) -> dict[str, Any]:
        answer = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["video"])
        group: dict[str, Any] = answer["AutoScalingGroups"][0]
        return group

    def instances(self) -> list[dict[str, Any]]:
        return list(self.describe()["Instances"])

    def protected(self) -> bool:
        (found,) = (one for one in self.instances() if one["InstanceId"] == self.first)
        return bool(found["ProtectedFromScaleIn"])

    def has_first(self) -> bool:
        return self.first in [one["InstanceId"] for one in self.instances()]


def test_an_idle_host_leaves_a_group_above_its_minimum_and_no_other_comes(
    aws: Callable[[str], Any], agents: Agents
) -> None:
    group = Group(aws, desired=2, minimum=1)
    write_health(agents.health)
    agent = agents.on_instance(Imds(**{"instance-id": group.first}))

    agent.said("terminate, not protected: idle, and its group is above its minimum")
    eventually(lambda: not group.has_first(), 20, "the host has left")

    found = group.describe()
    assert (found["DesiredCapacity"], len(found["Instances"])) == (1, 1)
    agent.said("leave: it gave itself up")
    assert agent.stop() == 0


def test_protection_follows_the_work_and_a_host_at_the_minimum_stays(
    aws: Callable[[str], Any], agents: Agents
) -> None:
    group = Group(aws, desired=1, minimum=1)
    write_health(agents.health, held=1)
    agent = agents.on_instance(Imds(**{"instance-id": group.first}))
    eventually(group.protected, 20, "it is protected while it works")

    group.scaling.set_instance_protection(
        InstanceIds=[group.first], AutoScalingGroupName="video", ProtectedFromScaleIn=False
    )
    eventually(group.protected, 20, "it is protected again")

    write_health(agents.health, taken=1)
    eventually(lambda: not group.protected(), 20, "it is released")
    agent.said(AT_MINIMUM)
    assert agent.log.count(AT_MINIMUM) == 1
    assert group.has_first()

    write_health(agents.health, held=1, taken=2)
    eventually(group.protected, 20, "it is protected again")
    write_health(agents.health, taken=2)
    group.scaling.update_auto_scaling_group(AutoScalingGroupName="video", MinSize=0)
    eventually(lambda: not group.has_first(), 20, "it leaves where it may")
    assert group.describe()["DesiredCapacity"] == 0


def test_a_host_whose_workers_say_nothing_readable_is_protected_and_stays(
    aws: Callable[[str], Any], agents: Agents
) -> None:
    group = Group(aws, desired=2, minimum=0)
    (agents.health / "academy-worker-video.json").write_text("{")
    agent = agents.on_instance(Imds(**{"instance-id": group.first}))

    agent.said("stay, protected: not known whether it is idle: academy-worker-video.json")
    eventually(group.protected, 20)
    assert group.describe()["DesiredCapacity"] == 2


@pytest.mark.parametrize("keeper", ["", "aws:ec2:fleet-id"], ids=["alone", "of a fleet"])
def test_an_idle_instance_of_no_group_stops_unless_somebody_keeps_it(
    aws: Callable[[str], Any], agents: Agents, keeper: str
) -> None:
    ec2 = aws("ec2")
    tags = [{"Key": keeper, "Value": "fleet-1"}] if keeper else [{"Key": "Name", "Value": "one"}]
    launched = ec2.run_instances(
        ImageId=IMAGE,
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    (instance,) = launched["Instances"]

    def state() -> str:
        found = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])
        return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])

    write_health(agents.health)
    agent = agents.on_instance(Imds(**{"instance-id": instance["InstanceId"]}))

    if keeper:
        agent.said("idle, but its tag aws:ec2:fleet-id says that somebody keeps it")
        assert state() == "running"
    else:
        agent.said("stop: idle, and in no group that would start it again")
        eventually(lambda: state() == "stopped", 20, "it is stopped")


def test_an_ecs_task_protects_itself_while_it_works_and_is_never_stopped(agents: Agents) -> None:
    ecs = EcsAgent()
    ecs.failure = "DEPLOYMENT_BLOCKED"
    write_health(agents.health, held=1)
    agent = agents.start(ECS_AGENT_URI=f"{agents.serve(ecs)}/api/task")
    agent.said("Scale-in protection could not be changed (DEPLOYMENT_BLOCKED)")
    ecs.failure = ""
    expected = {"ProtectionEnabled": True, "ExpiresInMinutes": 60}
    eventually(lambda: ecs.asked[-1] == expected and "stay, protected" in agent.log, 20)

    write_health(agents.health, taken=1)
    eventually(lambda: ecs.asked[-1] == {"ProtectionEnabled": False}, 20, "it is released")
    agent.said("idle, but its ECS service would start another")


def test_an_aws_that_cannot_be_reached_keeps_the_host_and_the_agent(agents: Agents) -> None:
    write_health(agents.health)
    agent = agents.on_instance(
        Imds(**{"instance-id": "i-0123456789abcdef0"}),
        AWS_ENDPOINT_URL_AUTO_SCALING="http://127.0.0.1:9",
    )
    agent.said("idle, but not known who would start it again")
    assert agent.alive
    assert agent.stop() == 0
    assert "host agent down" in agent.log


@pytest.mark.integration("sqs")
def test_a_spot_notice_drains_the_workers(site: Site, agents: Agents) -> None:
    health = agents.health / "academy-worker-ai-basic.json"
    site.extra = {"WORKER_HEALTH_FILE": str(health)}
    site.provision("ai-basic")
    worker = site.start("ai-basic").ready()
    site.send("ai-basic", "long", seconds=60, until_drain=True)
    busy = eventually(lambda: (read := read_report(health)).held and read, 30, "it is reported")
    assert (busy.running, busy.taken, busy.stopped) == (1, 1, False)
    imds = Imds(**{"instance-id": "i-0123456789abcdef0"})
    agent = agents.on_instance(imds, HOST_IDLE_STOP_SECONDS="0")
    agent.said("at work")

    imds.tokens.clear()
    imds.values["spot/instance-action"] = json.dumps(
        {"action": "terminate", "time": "2026-12-01T09:02:00Z"}
    )

    agent.said("leave: spot interruption: terminate")
    assert worker.process.wait(20) == 0
    assert imds.refused >= 1
    ended = read_report(health)
    assert (ended.held, ended.running, ended.taken, ended.stopped) == (0, 0, 1, True)
    assert site.runs("released")["long"] == 1
    eventually(lambda: site.counts("ai-basic") == (1, 0), 5, "its message is there for others")
    agent.said("No worker is left: this computer may go.")
    assert worker.log.count("Warm shutdown") == 1


@pytest.mark.integration("sqs")
def test_a_group_that_takes_the_host_away_waits_for_its_workers(
    aws: Callable[..., Any], agents: Agents
) -> None:
    embedded = os.environ["SQS_ENDPOINT_URL"]
    scaling = aws("autoscaling", embedded)
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="video",
        LaunchConfigurationName="lc",
        MinSize=1,
        MaxSize=2,
        DesiredCapacity=1,
        AvailabilityZones=[f"{REGION}a"],
    )
    scaling.put_lifecycle_hook(
        LifecycleHookName="drain",
        AutoScalingGroupName="video",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
    )
    (instance,) = scaling.describe_auto_scaling_instances()["AutoScalingInstances"]
    imds = Imds(
        **{
            "instance-id": instance["InstanceId"],
            "autoscaling/target-lifecycle-state": "InService",
        }
    )
    torn = agents.health / "academy-worker-video.json"
    torn.write_text("{")
    agent = agents.on_instance(imds, AWS_ENDPOINT_URL_AUTO_SCALING=embedded)
    agent.said("not known whether it is idle")

    imds.values["autoscaling/target-lifecycle-state"] = "Terminated"
    agent.said("leave: the Auto Scaling group is taking it away: Terminated")
    assert "hooks" not in agent.log
    torn.unlink()
    agent.said("Told the group's hooks to go on: drain.")
    agent.said("No worker is left")
