"""A command of ``manage.py`` as one ECS task of the api image, with the stack's own environment.

It runs where the platform runs: in its network, with its role and its secrets, so nobody needs the
database's password on a laptop. A release migrates before its stack is there: its task definition
is then made here, of the release's own template, and deregistered afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.clients import Aws
from deploy.aws.errors import DeployError, error_code
from deploy.aws.values import UNKNOWN, Values

#: The role of the stack whose container runs ``manage.py``.
ROLE = "manage"
_STARTED_BY = "academy-deploy"
_SHOWN_LINES = 40


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int | None
    #: Why ECS stopped it; it says more than an exit code where the container never started.
    reason: str
    log: tuple[str, ...]

    def told(self, what: str) -> str:
        """The end as a person reads it, with the last lines of its log."""
        status = "never ran" if self.exit_code is None else f"ended with status {self.exit_code}"
        headline = f"{what} {status}. {self.reason}".strip()
        return "\n".join([headline, *(f"  | {line}" for line in self.log[-_SHOWN_LINES:])])


class OneOff:
    """Runs commands in the cluster of a stack."""

    def __init__(
        self, aws: Aws, stack: str, serving: str, network: Mapping[str, Sequence[str]]
    ) -> None:
        """``serving`` is the stack's own task definition; a family's newest may be another.

        ``network`` is ECS's awsvpc configuration: ``subnets`` and ``securityGroups``.
        """
        self.aws = aws
        self.stack = stack
        self.serving = serving
        self.network = network
        self.ecs = aws.client("ecs")

    @contextmanager
    def of_release(self, values: Values) -> Iterator[str]:
        """A task definition of a release whose stack is not there yet, gone again afterwards."""
        found = self.ecs.describe_task_definition(taskDefinition=self.serving)["taskDefinition"]
        made = self.ecs.register_task_definition(**definition(values, found))["taskDefinition"]
        try:
            yield str(made["taskDefinitionArn"])
        finally:
            self.ecs.deregister_task_definition(taskDefinition=made["taskDefinitionArn"])

    def run(
        self,
        arguments: Sequence[str],
        *,
        seconds: float,
        say: Callable[[str], None],
        definition: str | None = None,
    ) -> Ended:
        """Run ``manage.py`` with these arguments and wait; DeployError where it cannot start.

        A command that outlives ``seconds`` is stopped.
        """
        say(f"  manage.py {' '.join(arguments)}")
        answer = self.ecs.run_task(
            cluster=self.stack,
            taskDefinition=definition or self.serving,
            count=1,
            launchType="FARGATE",
            startedBy=_STARTED_BY,
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": list(self.network["subnets"]),
                    "securityGroups": list(self.network["securityGroups"]),
                    "assignPublicIp": "ENABLED",
                }
            },
            overrides={"containerOverrides": [{"name": ROLE, "command": ["manage", *arguments]}]},
        )
        if not answer["tasks"]:
            reasons = "; ".join(one.get("reason", "") for one in answer.get("failures", []))
            raise DeployError(f"ECS cannot start `manage.py {arguments[0]}`: {reasons}")
        task = answer["tasks"][0]["taskArn"]
        try:
            stopped = self.aws.until(
                f"`manage.py {arguments[0]}`", seconds, lambda: self._stopped(task)
            )
        except BaseException:
            self.ecs.stop_task(cluster=self.stack, task=task, reason="the deployment gave up")
            raise
        container = next(one for one in stopped["containers"] if one["name"] == ROLE)
        reason = container.get("reason") or stopped.get("stoppedReason", "")
        return Ended(container.get("exitCode"), reason, self._log(stopped))

    def _stopped(self, task: str) -> dict[str, Any] | None:
        found = self.ecs.describe_tasks(cluster=self.stack, tasks=[task])["tasks"]
        if not found:
            return None  # ECS shows a new task a moment later
        return dict(found[0]) if found[0]["lastStatus"] == "STOPPED" else None

    def _log(self, task: Mapping[str, Any]) -> tuple[str, ...]:
        """What it wrote; where the log group is nobody knows but the task definition."""
        about = self.ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])
        containers = about["taskDefinition"]["containerDefinitions"]
        container = next(one for one in containers if one["name"] == ROLE)
        options = container.get("logConfiguration", {}).get("options", {})
        if "awslogs-group" not in options:
            return ()
        identity = task["taskArn"].rpartition("/")[2]
        stream = f"{options.get('awslogs-stream-prefix', ROLE)}/{ROLE}/{identity}"
        try:
            events = self.aws.client("logs").get_log_events(
                logGroupName=options["awslogs-group"], logStreamName=stream, startFromHead=True
            )["events"]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return ()  # it ended before it wrote anything
            raise
        return tuple(line for event in events for line in event["message"].splitlines())


def definition(values: Values, serving: Mapping[str, Any]) -> dict[str, Any]:
    """The ``manage`` task definition of a release, as RegisterTaskDefinition takes it.

    Its roles are those of the definition that serves, and so is the value of a variable that hangs
    on a resource which does not exist yet.
    """
    properties = next(
        properties
        for _, properties in values.template.of_type("AWS::ECS::TaskDefinition")
        if any(one.get("Name") == ROLE for one in properties["ContainerDefinitions"])
    )
    made: dict[str, Any] = _known(_camel(values.of(properties)))
    (container,) = serving["containerDefinitions"]
    served = {one["name"]: one["value"] for one in container.get("environment", [])}
    for one in made["containerDefinitions"]:
        one["environment"] = [
            {"name": entry["name"], "value": value}
            for entry in one.get("environment", [])
            if (value := entry.get("value", served.get(entry["name"]))) is not None
        ]
    roles = {key: serving[key] for key in ("taskRoleArn", "executionRoleArn") if serving.get(key)}
    return made | roles


def _known(value: Any) -> Any:
    """Without whatever is not known yet."""
    if isinstance(value, list):
        return [_known(one) for one in value if one is not UNKNOWN]
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items() if one is not UNKNOWN}
    return value


def _camel(value: Any) -> Any:
    """CloudFormation's names of properties as the API writes them; what people named stays."""
    if isinstance(value, list):
        return [_camel(one) for one in value]
    if isinstance(value, dict):
        return {
            key[:1].lower() + key[1:]: dict(one)
            if key in ("Options", "DockerLabels")
            else _camel(one)
            for key, one in value.items()
        }
    return value
