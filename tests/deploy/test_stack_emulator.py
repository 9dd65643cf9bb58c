"""The stack on the embedded AWS: both sizes are made whole, and nothing is left out needlessly."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.aws.stack import emulator
from deploy.aws.stack.template import template
from tests.support.embedded_aws import account, running

SECONDS = 60.0
PARAMETERS = {
    "Environment": "trial",
    "ImagePrefix": "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/academy-trial",
    "ImageTag": "1.0.0",
    "DatabaseInstance": "academy-trial",
    "PublicHost": "api.example.com",
    "FlowerHost": "flower.example.com",
    "R2EndpointUrl": "https://account.r2.cloudflarestorage.com",
    "AlarmEmail": "ops@example.com",
    "MonthlyBudget": "200",
}
SIZES = {
    "start": {"TunnelImage": "cloudflare/cloudflared:1"},
    "grow": {"CertificateArn": "arn:aws:acm:ap-northeast-2:111122223333:certificate/1"},
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running(tmp_path_factory.mktemp("aws")) as address:
        yield account(address, "111122223333")


def made(aws: Any, name: str, content: Any, parameters: dict[str, str]) -> tuple[str, str]:
    """How the creation of a stack ends: its status, and the first reason of a failure."""
    cloudformation, s3 = aws.client("cloudformation"), aws.client("s3")
    where = {"LocationConstraint": "ap-northeast-2"}
    s3.create_bucket(Bucket=f"{name}-templates", CreateBucketConfiguration=where)
    s3.put_object(Bucket=f"{name}-templates", Key="one", Body=json.dumps(content).encode())
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"{s3.meta.endpoint_url}/{name}-templates/one",
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    deadline = time.monotonic() + SECONDS
    while True:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, stack
        time.sleep(0.1)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [e.get("ResourceStatusReason", "") for e in events if "FAILED" in e["ResourceStatus"]]
    return stack["StackStatus"], reasons[-1] if reasons else ""


def network(aws: Any) -> dict[str, str]:
    ec2 = aws.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    return {
        "VpcId": vpc,
        "SubnetIds": ",".join(subnets),
        "DatabaseSecurityGroupId": group,
    }


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_made_and_taken_down_again(aws: Any, size: str) -> None:
    parameters = PARAMETERS | network(aws) | SIZES[size] | {"Size": size, "Running": "yes"}
    name = f"academy-{size}"
    parameters["Environment"] = size
    assert made(aws, name, emulator.variant(template()), parameters) == ("CREATE_COMPLETE", "")
    services = aws.client("ecs").list_services(cluster=name)["serviceArns"]
    assert len(services) == 8
    aws.client("cloudformation").delete_stack(StackName=name)


def test_a_size_without_what_it_needs_is_refused_before_anything_is_made(aws: Any) -> None:
    given = PARAMETERS | network(aws)
    for size, lacking in (("start", "TunnelImage"), ("grow", "CertificateArn")):
        name = f"lacking-{size}"
        with pytest.raises(ClientError, match=lacking):
            made(aws, name, emulator.variant(template()), given | {"Size": size})
        with pytest.raises(ClientError, match="does not exist"):
            aws.client("cloudformation").describe_stacks(StackName=name)


@pytest.mark.parametrize("kind", emulator.UNKNOWN_TYPES)
def test_the_types_that_are_left_out_are_unknown_still(aws: Any, kind: str) -> None:
    content = {"Resources": {"One": {"Type": kind, "Properties": {}}}}
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        aws.client("cloudformation").create_stack(
            StackName="unknown", TemplateBody=json.dumps(content)
        )


def test_an_alarm_on_an_expression_is_unknown_still(aws: Any) -> None:
    resource = template()["Resources"]["VideoNoWorkersAlarm"]
    properties = {k: v for k, v in resource["Properties"].items() if k in ("Metrics", "Threshold")}
    properties |= {
        "AlarmName": "expression",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
    }
    text = json.loads(
        json.dumps(properties).replace('{"Fn::Sub": "academy-${Environment}"}', '"a"')
    )
    content = {"Resources": {"One": {**resource, "Properties": text}}}
    status, reason = made(aws, "expression", content, {})
    assert status == "ROLLBACK_COMPLETE"
    assert "metric math" in reason
