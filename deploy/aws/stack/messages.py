"""The queues on SQS, as :mod:`tasks.queues` has them: each with its dead-letter queue."""

from __future__ import annotations

from typing import Final

from deploy.aws.stack.cfn import Json, attribute, camel, ref, resource, sub
from tasks import queues

EVENTS: Final = "EventsQueue"
#: SQS's own key: free of charge, and nobody has to be allowed to use it.
_ENCRYPTED: Final = {"SqsManagedSseEnabled": True}


def queue_id(queue: queues.Queue) -> str:
    """Logical id of a queue, such as ``AiLiteQueue``."""
    return f"{camel(queue.name)}Queue"


def letters_id(queue: queues.Queue) -> str:
    """Logical id of its dead-letter queue, such as ``AiLiteDeadLetters``."""
    return f"{camel(queue.name)}DeadLetters"


def resources() -> Json:
    """The queues, their dead-letter queues, the events queue, and who must not use them.

    All of them go with the stack: a message is a pointer to a row, and the relay sends it again.
    """
    made: Json = {}
    for queue in queues.table({}):
        made[letters_id(queue)] = resource(
            "AWS::SQS::Queue",
            {
                "QueueName": _prefixed(queue.dlq_name),
                "VisibilityTimeout": queue.visibility_seconds,
                "MessageRetentionPeriod": queue.dlq_retention_seconds,
                "RedriveAllowPolicy": {
                    "redrivePermission": "byQueue",
                    # Its source's address, written out: the source refers to this queue.
                    "sourceQueueArns": [_address(queue.sqs_name)],
                },
                **_ENCRYPTED,
            },
            on_delete="Delete",
        )
        made[queue_id(queue)] = resource(
            "AWS::SQS::Queue",
            {
                "QueueName": _prefixed(queue.sqs_name),
                "VisibilityTimeout": queue.visibility_seconds,
                "MessageRetentionPeriod": queue.retention_seconds,
                "ReceiveMessageWaitTimeSeconds": queues.wait_seconds({}),
                "RedrivePolicy": {
                    "deadLetterTargetArn": attribute(letters_id(queue), "Arn"),
                    "maxReceiveCount": queue.max_receive_count,
                },
                **_ENCRYPTED,
            },
            on_delete="Delete",
        )
    (events,) = queues.events_queues({})
    made[EVENTS] = resource(
        "AWS::SQS::Queue",
        {
            "QueueName": _prefixed(events.sqs_name),
            "VisibilityTimeout": events.visibility_seconds,
            "MessageRetentionPeriod": events.retention_seconds,
            **_ENCRYPTED,
        },
        on_delete="Delete",
    )
    return made | {"QueuesPolicy": _policy(list(made))}


def _policy(names: list[str]) -> Json:
    """Refuses whoever does not come over TLS; what is allowed stands with the roles."""
    return resource(
        "AWS::SQS::QueuePolicy",
        {
            "Queues": [ref(name) for name in names],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyOverTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sqs:*",
                        "Resource": "*",
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
        },
    )


def _prefixed(name: str) -> Json:
    return sub(f"${{QueuePrefix}}{name}")


def _address(name: str) -> Json:
    return sub(
        f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{QueuePrefix}}{name}"
    )
