"""The stack's own IAM rights, held against whatever a process asks of SQS.

A :class:`Gate` stands before SQS for the processes of one role: what the role's policy in the
template does not grant is refused as AWS would refuse it, and remembered.
"""

from __future__ import annotations

from typing import Any

from tests.support.cloudformation import Worked
from tests.support.sqs_proxy import Fault, SqsProxy

Right = tuple[str, str]
#: What a batch is for IAM.
_SINGLE = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}


def rights(worked: Worked, role: str) -> set[Right]:
    """What a task role may do on SQS: pairs of an action and a queue's name."""
    names = {
        f"{logical}.Arn": one["QueueName"]
        for logical, one in worked.of_type("AWS::SQS::Queue").items()
    }
    policies = worked.of_type("AWS::IAM::Role")[role]["Policies"]
    return {
        (action.removeprefix("sqs:"), names[resource])
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
        if action.startswith("sqs:")
        for resource in statement["Resource"]
    }


class Gate(SqsProxy):
    """SQS as the processes of one role may use it."""

    def __init__(self, upstream: str, granted: set[Right]) -> None:
        super().__init__(upstream)
        self.granted = granted
        self.used: set[Right] = set()
        self.refused: set[Right] = set()

    def _take(self, action: str, request: dict[str, Any]) -> Fault | None:
        queue = str(request.get("QueueUrl") or request.get("QueueName") or "").rpartition("/")[2]
        right = (_SINGLE.get(action, action), queue)
        if right not in self.granted:
            self.refused.add(right)
            return Fault(action, status=403, code="AccessDenied")
        self.used.add(right)
        return super()._take(action, request)
