"""What really runs, read back and compared with what a release says.

CloudFormation reports what it was told; this asks the services themselves: the queues' redrive, the
alarms, the images of the running tasks, and the queue names that the processes were given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.cloudformation import Stack
from deploy.aws.config import Environment
from deploy.aws.errors import error_code
from deploy.aws.findings import Finding
from deploy.aws.values import Values

_ATTRIBUTES = ("VisibilityTimeout", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds")
_DESCRIBED_AT_ONCE = 10


class ReadBack:
    """The stack of one environment, beside the template and values that it was made from."""

    def __init__(self, environment: Environment, stack: Stack, values: Values) -> None:
        self.environment = environment
        self.aws = stack.aws
        self.stack = stack
        self.template = values.template
        self.values = values

    def findings(self, images: Sequence[str]) -> list[Finding]:
        """Everything that differs; ``images`` are the addresses of the release."""
        return [*self.queues(), *self.alarms(), *self.services(images)]

    def queues(self) -> Iterator[Finding]:
        """Attributes and redrive of each queue of the template."""
        sqs = self.aws.client("sqs")
        addresses = self.stack.physical_ids("AWS::SQS::Queue")
        for logical, properties in self.template.of_type("AWS::SQS::Queue"):
            url = addresses.get(logical)
            name = url.rpartition("/")[2] if url else logical
            try:
                found = url and sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            except ClientError as error:
                if "NonExistentQueue" not in error_code(error):
                    raise
                found = None
            if not found:
                yield Finding(f"The queue {name} is missing.")
                continue
            attributes = found["Attributes"]
            for attribute in _ATTRIBUTES:
                wanted = self.values.of(properties.get(attribute))
                if isinstance(wanted, str | int) and str(wanted) != attributes.get(attribute):
                    yield Finding(
                        f"{name}: {attribute} is {attributes.get(attribute)}, not {wanted}."
                    )
            yield from self._redrive(name, properties, attributes, addresses)

    def _redrive(
        self,
        name: str,
        properties: Mapping[str, Any],
        attributes: Mapping[str, str],
        addresses: Mapping[str, str],
    ) -> Iterator[Finding]:
        wanted = properties.get("RedrivePolicy")
        policy = json.loads(attributes.get("RedrivePolicy", "{}"))
        if wanted is None:
            if policy:
                yield Finding(f"{name} has a redrive policy, and should have none.")
            return
        if not policy:
            yield Finding(f"{name} has no redrive policy: poison comes back for ever.")
            return
        receives = str(self.values.of(wanted["maxReceiveCount"]))
        if str(policy.get("maxReceiveCount")) != receives:
            yield Finding(
                f"{name}: maxReceiveCount is {policy.get('maxReceiveCount')}, not {receives}."
            )
        target = wanted.get("deadLetterTargetArn", {})
        logical = target.get("Fn::GetAtt", [""])[0] if isinstance(target, dict) else ""
        letters = addresses.get(logical, "").rpartition("/")[2]
        found = str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2]
        if letters and found != letters:
            yield Finding(f"{name}: its dead letters go to {found}, not to {letters}.")

    def alarms(self) -> Iterator[Finding]:
        """Each alarm of the template exists, is awake and tells somebody."""
        names = self.stack.physical_ids("AWS::CloudWatch::Alarm")
        described = (
            self.aws.pages(
                "cloudwatch", "describe_alarms", "MetricAlarms", AlarmNames=list(names.values())
            )
            if names
            else []
        )
        found = {one["AlarmName"]: one for one in described}
        for logical, properties in self.template.of_type("AWS::CloudWatch::Alarm"):
            if not self.values.made(self.template.resources[logical]):
                continue
            alarm = found.get(names.get(logical, ""))
            if alarm is None:
                yield Finding(f"The alarm {names.get(logical, logical)} is missing.")
            elif not alarm["ActionsEnabled"]:
                yield Finding(f"The alarm {alarm['AlarmName']} is switched off.")
            elif self.values.of(properties.get("AlarmActions")) and not alarm["AlarmActions"]:
                yield Finding(f"The alarm {alarm['AlarmName']} tells nobody.")
            elif alarm["StateValue"] == "ALARM":
                yield Finding(f"The alarm {alarm['AlarmName']} rings.", fatal=False)

    def services(self, images: Sequence[str]) -> Iterator[Finding]:
        """Each service runs what it should: this release's images, on this environment's queues."""
        ecs = self.aws.client("ecs")
        known = self.stack.physical_ids("AWS::ECS::Service")
        arns = list(known.values())
        # A pool's number is its scaling's: it may want a computer that is not there yet.
        counted = {
            known[logical].rpartition("/")[2]
            for logical, properties in self.template.of_type("AWS::ECS::Service")
            if logical in known and str(self.values.of(properties.get("DesiredCount"))).isdecimal()
        }
        for begin in range(0, len(arns), _DESCRIBED_AT_ONCE):
            described = ecs.describe_services(
                cluster=self.environment.stack, services=arns[begin : begin + _DESCRIBED_AT_ONCE]
            )
            for service in described["services"]:
                counts = service["serviceName"] in counted
                yield from self._service(service, images, counts=counts)
            for missing in described["failures"]:
                yield Finding(f"The service {missing['arn'].rpartition('/')[2]} is missing.")

    def _service(
        self, service: Mapping[str, Any], images: Sequence[str], *, counts: bool
    ) -> Iterator[Finding]:
        name = service["serviceName"]
        if service["status"] != "ACTIVE":
            yield Finding(f"The service {name} is {service['status']}.")
            return
        if service["runningCount"] < service["desiredCount"]:
            yield Finding(
                f"{name}: {service['runningCount']} of {service['desiredCount']} tasks run.",
                fatal=counts,
            )
        ecs = self.aws.client("ecs")
        arns = self.aws.pages(
            "ecs", "list_tasks", "taskArns", cluster=self.environment.stack, serviceName=name
        )
        for begin in range(0, len(arns), 100):
            tasks = ecs.describe_tasks(
                cluster=self.environment.stack, tasks=arns[begin : begin + 100]
            )["tasks"]
            for task in tasks:
                running = {one.get("image", "") for one in task["containers"]}
                if not running & set(images):
                    tags = ", ".join(sorted(running))
                    yield Finding(f"{name}: a task runs {tags}, which is not this release.")
        yield from self._queue_names(name, service["taskDefinition"])

    def _queue_names(self, name: str, definition: str) -> Iterator[Finding]:
        """API and workers on different queues is a fault that shows as jobs that never start."""
        about = self.aws.client("ecs").describe_task_definition(taskDefinition=definition)
        wanted = {row.env: row.sqs_name for row in self.environment.queue_rows()}
        for container in about["taskDefinition"]["containerDefinitions"]:
            given = {one["name"]: one["value"] for one in container.get("environment", [])}
            for variable, value in given.items():
                if variable in wanted and value != wanted[variable]:
                    yield Finding(
                        f"{name}: {variable} is {value}, and this environment's is "
                        f"{wanted[variable]}."
                    )


def drift(stack: Stack) -> list[Finding]:
    """What CloudFormation itself finds changed behind its back."""
    client = stack.client
    begun = client.detect_stack_drift(StackName=stack.name)["StackDriftDetectionId"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = client.describe_stack_drift_detection_status(
            StackDriftDetectionId=begun
        )
        return None if found["DetectionStatus"] == "DETECTION_IN_PROGRESS" else found

    stack.aws.until("Drift detection", 900, ended)
    drifted = client.describe_stack_resource_drifts(
        StackName=stack.name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
    )["StackResourceDrifts"]
    return [Finding(_drifted(one)) for one in drifted]


def _drifted(resource: Mapping[str, Any]) -> str:
    name = resource.get("PhysicalResourceId") or resource["LogicalResourceId"]
    name = str(name).rpartition("/")[2] or str(name)
    if resource["StackResourceDriftStatus"] == "DELETED":
        return f"{resource['ResourceType']} {name} was deleted by hand."
    parts = [
        f"{one['PropertyPath'].lstrip('/')} is {one['ActualValue']}, not {one['ExpectedValue']}"
        for one in resource.get("PropertyDifferences", [])
    ]
    return f"{resource['ResourceType']} {name} was changed by hand: {'; '.join(parts)}."
