"""One stack: change sets, their execution followed event by event, roll-back and deletion."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.changes import Change
from deploy.aws.clients import Aws
from deploy.aws.errors import Busy, DeployError, Refused, error_code
from deploy.aws.template import INLINE_BYTES, Template

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
#: Long enough for a load balancer, a database's change and services that settle one by one.
EXECUTE_SECONDS = 60 * 60
_PREPARE_SECONDS = 300
_SERVES = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
_NEVER_SERVED = frozenset({"ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"})
_NO_CHANGE = re.compile(r"didn't contain changes|no updates are to be performed", re.IGNORECASE)


class StackFailed(DeployError):
    """CloudFormation could not do it, and has put back what there was."""


@dataclass(frozen=True)
class ChangeSet:
    """A prepared change of a stack that has not been executed."""

    arn: str
    creates: bool
    changes: tuple[Change, ...]


class Stack:
    """A stack by name in one account and region. ``say`` is told what happens while it waits."""

    def __init__(self, aws: Aws, name: str, say: Callable[[str], None]) -> None:
        self.aws = aws
        self.name = name
        self.say = say
        self.client = aws.client("cloudformation")

    def describe(self) -> dict[str, Any] | None:
        """CloudFormation's own description, None where there is no such stack."""
        try:
            stacks = self.client.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if error_code(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        found = dict(stacks[0])
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def serving(self) -> bool:
        """Whether the stack was once made whole; what only failed to be created does not count."""
        found = self.describe()
        return found is not None and found["StackStatus"] not in _NEVER_SERVED

    def parameters(self) -> dict[str, str]:
        """The values that the stack has now."""
        found = self.describe() or {}
        listed = found.get("Parameters", [])
        return {one["ParameterKey"]: one.get("ParameterValue", "") for one in listed}

    def outputs(self) -> dict[str, str]:
        """What the stack tells."""
        found = self.describe() or {}
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def template(self) -> Template | None:
        """The template that the stack was last made from."""
        if not self.serving():
            return None
        body = self.client.get_template(StackName=self.name, TemplateStage="Original")
        return Template.parsed(body["TemplateBody"])

    def resources(self) -> list[dict[str, Any]]:
        """Logical and physical id, type and status of all that the stack owns, if it is there."""
        if self.describe() is None:
            return []
        key = "StackResourceSummaries"
        return self.aws.pages("cloudformation", "list_stack_resources", key, StackName=self.name)

    def physical_ids(self, kind: str | None = None) -> dict[str, str]:
        """Logical to physical id of the resources, of one type or of all."""
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in self.resources()
            if kind in (None, one["ResourceType"])
            and one["ResourceStatus"] != "DELETE_COMPLETE"
            and one.get("PhysicalResourceId")
        }

    def prepare(
        self,
        template: Template,
        parameters: Mapping[str, str],
        *,
        tags: Mapping[str, str],
        upload: Callable[[Template], str],
    ) -> ChangeSet | None:
        """Make a change set; None where nothing would change.

        ``upload`` puts a template that is too large for a request where CloudFormation can read it
        and returns its address. Raises Busy while another operation runs, Refused for a stack that
        cannot be changed and for what CloudFormation refuses.
        """
        creates = self._ready_for_change()
        body = template.body
        inline = len(body.encode()) <= INLINE_BYTES
        where = {"TemplateBody": body} if inline else {"TemplateURL": upload(template)}
        try:
            made = self.client.create_change_set(
                StackName=self.name,
                ChangeSetName=f"deploy-{secrets.token_hex(8)}",
                ChangeSetType="CREATE" if creates else "UPDATE",
                Capabilities=CAPABILITIES,
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value}
                    for key, value in parameters.items()
                ],
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                **where,
            )
        except ClientError as error:
            if error_code(error) in ("ValidationError", "InsufficientCapabilitiesException"):
                message = error.response["Error"]["Message"]
                raise Refused(f"CloudFormation refuses the template: {message}") from None
            raise
        arn = made["Id"]
        described = self.aws.until("The change set", _PREPARE_SECONDS, lambda: self._settled(arn))
        if described["Status"] == "FAILED":
            self.discard(ChangeSet(arn, creates, ()))
            reason = described.get("StatusReason", "")
            if _NO_CHANGE.search(reason):
                return None
            raise Refused(f"CloudFormation cannot make the change: {reason}")
        changes = self.aws.pages(
            "cloudformation", "describe_change_set", "Changes", ChangeSetName=arn
        )
        return ChangeSet(arn, creates, tuple(Change.read(one) for one in changes))

    def discard(self, change: ChangeSet) -> None:
        """Remove a change set that is not wanted, and the empty stack that it was prepared in."""
        self.client.delete_change_set(ChangeSetName=change.arn)
        if change.creates and not self.serving():
            self.delete()

    def execute(self, change: ChangeSet) -> None:
        """Do it, telling each event; StackFailed with the first causes where it fails."""
        since = self._newest()
        self.client.execute_change_set(ChangeSetName=change.arn)
        self._follow(since)

    def delete(self) -> None:
        """Delete the stack and wait; StackFailed names what would not go."""
        found = self.describe()
        if found is None:
            return
        # A deleted stack is only known by its id.
        identity, since = found["StackId"], self._newest()
        self.client.delete_stack(StackName=identity)

        def gone() -> bool | None:
            status = self.client.describe_stacks(StackName=identity)["Stacks"][0]["StackStatus"]
            if status == "DELETE_FAILED":
                causes = "\n".join(_causes(self._since(since)))
                raise StackFailed(f"The stack could not be deleted:\n{causes}")
            return True if status == "DELETE_COMPLETE" else None

        self.aws.until(f"The deletion of {self.name}", EXECUTE_SECONDS, gone)

    def _ready_for_change(self) -> bool:
        """Whether the next change set creates the stack."""
        found = self.describe()
        status = found["StackStatus"] if found else "REVIEW_IN_PROGRESS"
        if status == "ROLLBACK_COMPLETE":
            self.say(f"{self.name} was never whole (its creation failed); it is deleted first")
            self.delete()
            return True
        if status == "REVIEW_IN_PROGRESS":
            return True
        if status == "UPDATE_ROLLBACK_FAILED":
            self.say(f"{self.name} stopped half-way back; CloudFormation goes on with it first")
            since = self._newest()
            self.client.continue_update_rollback(StackName=self.name)
            self._follow(since, wanted="UPDATE_ROLLBACK_COMPLETE")
            return False
        if status.endswith("_IN_PROGRESS"):
            raise Busy(f"{self.name} is being changed by somebody else ({status}).")
        if status not in _SERVES:
            raise Refused(f"{self.name} is {status}: see deploy/runbooks/deploy-failed.md.")
        return False

    def _settled(self, arn: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self.client.describe_change_set(ChangeSetName=arn)
        return found if found["Status"] in ("CREATE_COMPLETE", "FAILED") else None

    def _follow(self, since: str | None, wanted: str | None = None) -> None:
        """Wait for the end, telling what happened after the event *since*."""
        told: list[dict[str, Any]] = []

        def ended() -> str | None:
            # The status first: every event of a stack that has ended is then in the list.
            found = self.describe()
            status = found["StackStatus"] if found else "DELETE_COMPLETE"
            for event in self._since(told[-1]["EventId"] if told else since):
                told.append(event)
                self._tell(event)
            return None if status.endswith("_IN_PROGRESS") else status

        status = self.aws.until(f"The change of {self.name}", EXECUTE_SECONDS, ended)
        if status == wanted or (
            wanted is None and status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        ):
            return
        causes = "\n".join(_causes(told)) or "  (CloudFormation gave no reason)"
        raise StackFailed(f"The change of {self.name} failed ({status}):\n{causes}")

    def _newest(self) -> str | None:
        """The last event so far; a stack keeps those of three months."""
        found = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        return str(found[0]["EventId"]) if found else None

    def _since(self, marker: str | None) -> list[dict[str, Any]]:
        """What happened after an event, oldest first."""
        found: list[dict[str, Any]] = []
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=self.name)
        for page in pages:
            for event in page["StackEvents"]:
                if event["EventId"] == marker:
                    return found[::-1]
                found.append(event)
        return found[::-1]

    def _tell(self, event: Mapping[str, Any]) -> None:
        status = event["ResourceStatus"]
        if status.endswith(("_COMPLETE", "_FAILED")):
            reason = event.get("ResourceStatusReason", "")
            told = f": {reason}" if reason and status.endswith("_FAILED") else ""
            self.say(f"  {status:<26} {event['LogicalResourceId']}{told}")


def _causes(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """What failed by itself; what was only cancelled because of it is left out."""
    return [
        f"  - {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "").lower()
    ]
