"""The pools' scaling as the template has it: played minute by minute, and taken by moto."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from deploy.aws.stack.pools import JOBS_A_WORKER
from deploy.aws.stack.roles import table
from deploy.aws.stack.sizes import SIZES
from deploy.aws.stack.template import template
from tests.support.cloudformation import Worked

GIVEN = {
    "Environment": "demo",
    "Size": "grow",
    "Running": "yes",
    "ImagePrefix": "registry.example.com/academy",
    "ImageTag": "1.0.0",
    "VpcId": "vpc-1",
    "SubnetIds": "subnet-1,subnet-2",
    "DatabaseSecurityGroupId": "sg-1",
    "DatabaseInstance": "academy",
    "PublicHost": "api.example.com",
    "FlowerHost": "flower.example.com",
    "CertificateArn": "arn:certificate",
    "R2EndpointUrl": "https://account.r2.cloudflarestorage.com",
}
WORKED = Worked(template(), GIVEN)
POOLS = [role for role in table() if role.runs == "pool"]
#: Minutes from a new task to its first report.
BOOTS = 2


@dataclass
class Pool:
    """One pool on the template's own numbers: alarms each minute, steps, cooldown, limits."""

    role: Any
    jobs_a_minute: float = 1.0
    tasks: list[int] = field(default_factory=list)
    """For each task the minutes until it reports; 0: it works."""
    waiting: float = 0.0
    cooldown: int = 0
    idle: int = 0
    ended_busy: int = 0
    widest: int = 0

    def __post_init__(self) -> None:
        policies = WORKED.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
        self.grow = policies[f"{self.role.id}Grow"]["StepScalingPolicyConfiguration"]
        self.empty = policies[f"{self.role.id}Empty"]["StepScalingPolicyConfiguration"]
        alarms = WORKED.of_type("AWS::CloudWatch::Alarm")
        self.press, self.rest = alarms[f"{self.role.id}Press"], alarms[f"{self.role.id}Rest"]
        targets = WORKED.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
        target = targets[f"{self.role.id}Capacity"]
        self.least, self.most = int(target["MinCapacity"]), int(target["MaxCapacity"])
        self.tasks = [0] * self.least

    @property
    def workers(self) -> int:
        return sum(boots == 0 for boots in self.tasks)

    def pressure(self) -> float:
        """The alarm's own expression."""
        expression = self.press["Metrics"][0]["Expression"]
        found = re.fullmatch(
            r"IF\(workers < 1, IF\(waiting >= 1, 1, 0\), waiting / (\d+)\)", expression
        )
        assert found, expression
        per_worker = self.waiting / max(self.workers, 1)
        if self.workers < 1:
            return 1.0 if per_worker >= 1 else 0.0
        return per_worker / int(found[1])

    def minute(self, arriving: int) -> None:
        """Jobs come, workers work, and the alarms act once."""
        self.waiting += arriving
        self.tasks = [max(0, boots - 1) for boots in self.tasks]
        self.waiting = max(0.0, self.waiting - self.workers * self.jobs_a_minute)
        self.cooldown -= 1
        pressure = self.pressure()
        if pressure >= self.press["Threshold"] and self.cooldown <= 0:
            self._grow(pressure - self.press["Threshold"])
        self.idle = self.idle + 1 if self.waiting <= self.rest["Threshold"] else 0
        if self.idle >= self.rest["EvaluationPeriods"] and len(self.tasks) > self.least:
            (step,) = self.empty["StepAdjustments"]
            self.ended_busy += self.waiting > 0
            self.tasks = self.tasks[: max(step["ScalingAdjustment"], self.least)]
        self.widest = max(self.widest, len(self.tasks))

    def _grow(self, beyond: float) -> None:
        for step in self.grow["StepAdjustments"]:
            upper = step.get("MetricIntervalUpperBound", math.inf)
            if step["MetricIntervalLowerBound"] <= beyond < upper:
                added = min(step["ScalingAdjustment"], self.most - len(self.tasks))
                self.tasks += [BOOTS] * added
        self.cooldown = self.grow["Cooldown"] // 60


@pytest.mark.parametrize("role", POOLS, ids=lambda role: role.name)
def test_one_job_starts_one_task_and_no_more(role: Any) -> None:
    pool = Pool(role)
    started = len(pool.tasks)
    pool.minute(1)
    for _ in range(5):
        pool.minute(0)
    assert pool.widest == max(started, 1)
    assert pool.waiting == 0


@pytest.mark.parametrize("role", POOLS, ids=lambda role: role.name)
def test_a_pile_of_work_widens_the_pool_to_its_limit_and_no_further(role: Any) -> None:
    pool = Pool(role, jobs_a_minute=0.5)
    pool.minute(5_000)
    for _ in range(60):
        pool.minute(0)
    assert len(pool.tasks) == pool.most == SIZES["grow"].tasks[role.name].most


@pytest.mark.parametrize("role", POOLS, ids=lambda role: role.name)
@given(arrivals=st.lists(st.integers(0, 60), min_size=1, max_size=120))
def test_no_busy_task_is_taken_away_and_everything_rests_in_the_end(
    role: Any, arrivals: list[int]
) -> None:
    pool = Pool(role)
    for arriving in arrivals:
        before = len(pool.tasks)
        pool.minute(arriving)
        assert pool.least <= len(pool.tasks) <= pool.most
        assert len(pool.tasks) >= before or pool.waiting == 0
    for _ in range(60 * 24):
        pool.minute(0)
    assert pool.waiting == 0
    assert pool.ended_busy == 0
    assert len(pool.tasks) == pool.least


def test_what_waits_within_its_measure_starts_nothing_more() -> None:
    role = next(role for role in POOLS if role.name == "video")
    pool = Pool(role, jobs_a_minute=0.0)
    pool.tasks = [0]
    pool.minute(JOBS_A_WORKER["video"] - 1)
    for _ in range(30):
        pool.minute(0)
    assert len(pool.tasks) == 1


# ---------------------------------------------------------------------------- moto


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="ap-northeast-2")


def test_application_auto_scaling_takes_targets_and_policies_as_they_stand(aws: Any) -> None:
    ecs, scaling = aws("ecs"), aws("application-autoscaling")
    ecs.create_cluster(clusterName="academy-demo")
    ecs.register_task_definition(
        family="any", containerDefinitions=[{"name": "any", "image": "any", "memory": 1}]
    )
    targets = WORKED.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
    policies = WORKED.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
    for role in POOLS:
        name = f"academy-demo-{role.name}"
        ecs.create_service(cluster="academy-demo", serviceName=name, taskDefinition="any")
        target = dict(targets[f"{role.id}Capacity"])
        scaling.register_scalable_target(**target)
        for policy in (policies[f"{role.id}Grow"], policies[f"{role.id}Empty"]):
            assert policy["ScalingTargetId"] == f"{role.id}Capacity"
            where = {k: target[k] for k in ("ServiceNamespace", "ScalableDimension", "ResourceId")}
            given_ = {k: v for k, v in policy.items() if k != "ScalingTargetId"}
            scaling.put_scaling_policy(**given_, **where)
    found = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert len(found) == 2 * len(POOLS)
    assert {one["PolicyType"] for one in found} == {"StepScaling"}


def test_cloudwatch_takes_every_alarm_as_it_stands(aws: Any) -> None:
    cloudwatch = aws("cloudwatch")
    alarms = WORKED.of_type("AWS::CloudWatch::Alarm")
    for alarm in alarms.values():
        cloudwatch.put_metric_alarm(**alarm)
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    assert {one["AlarmName"] for one in found} == {one["AlarmName"] for one in alarms.values()}
