"""Create or repair the queues and their dead-letter queues, and read everything back.

``manage.py ensure_queues`` and ``python -m tasks.provision`` (no Django) are the same command.
Running it again changes nothing; a queue that somebody edited by hand is put right.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tasks import queues

_MISSING = "(no such queue)"


@dataclass(frozen=True)
class Drift:
    """One attribute of one queue that is not what the table says."""

    queue: str
    attribute: str
    found: str
    wanted: str


class ProvisionError(Exception):
    """The queues could not be made right; the text says which one and why."""


def client(**overrides: Any) -> Any:
    """A boto3 SQS client for the environment, with short time-outs."""
    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 4})
    session: Any = boto3.Session()
    return session.client("sqs", **{"config": config, **queues.client_options(), **overrides})


def wanted_attributes(queue: queues.Queue, dlq_arn: str, *, encrypted: bool) -> dict[str, str]:
    """Attributes of the queue itself, as SQS spells them."""
    attributes = {
        "VisibilityTimeout": str(queue.visibility_seconds),
        "MessageRetentionPeriod": str(queue.retention_seconds),
        "ReceiveMessageWaitTimeSeconds": str(queues.wait_seconds()),
        "RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": dlq_arn, "maxReceiveCount": queue.max_receive_count}
        ),
    }
    return attributes | _encryption(encrypted=encrypted)


def wanted_dlq_attributes(
    queue: queues.Queue, source_arn: str, *, encrypted: bool
) -> dict[str, str]:
    """Attributes of the dead-letter queue: only its own source may redrive to it."""
    attributes = {
        "VisibilityTimeout": str(queue.visibility_seconds),
        "MessageRetentionPeriod": str(queue.dlq_retention_seconds),
        "RedriveAllowPolicy": json.dumps(
            {"redrivePermission": "byQueue", "sourceQueueArns": [source_arn]}
        ),
    }
    return attributes | _encryption(encrypted=encrypted)


def wanted_events_attributes(queue: queues.EventsQueue, *, encrypted: bool) -> dict[str, str]:
    """Attributes of a queue of worker events: short-lived, and without a dead-letter queue."""
    attributes = {
        "VisibilityTimeout": str(queue.visibility_seconds),
        "MessageRetentionPeriod": str(queue.retention_seconds),
    }
    return attributes | _encryption(encrypted=encrypted)


def check(sqs: Any, rows: Sequence[queues.Queue] | None = None) -> list[Drift]:
    """Everything on SQS that differs from the table; changes nothing."""
    drift: list[Drift] = []
    for queue in queues.events_queues():
        url = _url(sqs, queue.sqs_name)
        if url is None:
            drift.append(Drift(queue.sqs_name, "", _MISSING, "exists"))
        else:
            wanted = wanted_events_attributes(queue, encrypted=_encrypts())
            drift += _differences(queue.sqs_name, _read(sqs, url), wanted)
    for row in rows or queues.table():
        urls = {name: _url(sqs, name) for name in (row.sqs_name, row.dlq_name)}
        missing = [Drift(name, "", _MISSING, "exists") for name, url in urls.items() if url is None]
        if missing:
            drift += missing
            continue
        for name, wanted in _wanted(sqs, row, urls).items():
            drift += _differences(name, _read(sqs, urls[name]), wanted)
    return drift


def ensure(sqs: Any, rows: Sequence[queues.Queue] | None = None) -> list[Drift]:
    """Create what is missing, repair what differs, read it back; returns what was changed.

    Raises ProvisionError when SQS does not keep what it was told.
    """
    rows = list(rows or queues.table())
    changed: list[Drift] = []
    created: set[str] = set()
    for row in rows:
        urls: dict[str, str | None] = {
            name: _made(sqs, name, changed, created) for name in (row.dlq_name, row.sqs_name)
        }
        for name, wanted in _wanted(sqs, row, urls).items():
            repaired = _repair(sqs, name, urls[name], wanted)
            # A new queue is one line of the answer, not one for each attribute.
            changed += [one for one in repaired if name not in created]
    for queue in queues.events_queues():
        name = queue.sqs_name
        url = _made(sqs, name, changed, created)
        wanted = wanted_events_attributes(queue, encrypted=_encrypts())
        changed += [one for one in _repair(sqs, name, url, wanted) if name not in created]
    if left := check(sqs, rows):
        raise ProvisionError("SQS did not keep what it was told:\n" + as_table(left))
    return changed


def is_missing_queue(error: ClientError) -> bool:
    """Whether SQS said that there is no such queue; its two protocols name it differently."""
    code = str(error.response.get("Error", {}).get("Code"))
    return code.rpartition(".")[2] in ("NonExistentQueue", "QueueDoesNotExist")


def as_table(drift: Sequence[Drift]) -> str:
    """The differences as an aligned table for a person."""
    lines = [("queue", "attribute", "found", "wanted")]
    lines += [(one.queue, one.attribute or "-", one.found, one.wanted) for one in drift]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]
        )
        for line in lines
    )


def run(*, check_only: bool) -> tuple[int, str]:
    """The command: its exit status and what it prints."""
    sqs = client()
    try:
        if check_only:
            drift = check(sqs)
            if drift:
                return 1, as_table(drift)
            return 0, "Every queue is as the table says."
        changed = ensure(sqs)
    except (BotoCoreError, ClientError) as exc:
        where = queues.client_options().get("endpoint_url", "AWS")
        return 1, f"SQS at {where} refused or did not answer: {exc}"
    except ProvisionError as exc:
        return 1, str(exc)
    if changed:
        return 0, as_table(changed)
    return 0, "Every queue was as the table says; nothing was changed."


def _wanted(sqs: Any, row: queues.Queue, urls: dict[str, str | None]) -> dict[str, dict[str, str]]:
    """Both queues' wanted attributes; the dead-letter queue first, its source points to it."""
    encrypted = _encrypts()
    arn = {name: _read(sqs, url)["QueueArn"] for name, url in urls.items()}
    return {
        row.dlq_name: wanted_dlq_attributes(row, arn[row.sqs_name], encrypted=encrypted),
        row.sqs_name: wanted_attributes(row, arn[row.dlq_name], encrypted=encrypted),
    }


def _made(sqs: Any, name: str, changed: list[Drift], created: set[str]) -> str:
    """URL of the queue *name*, which is created, and noted, where it is missing."""
    url = _url(sqs, name)
    if url is None:
        changed.append(Drift(name, "", _MISSING, "created"))
        created.add(name)
        url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    return url


def _repair(sqs: Any, name: str, url: str | None, wanted: dict[str, str]) -> list[Drift]:
    """Set the attributes that differ; returns which did."""
    differences = _differences(name, _read(sqs, url), wanted)
    if differences:
        names = {one.attribute for one in differences}
        sqs.set_queue_attributes(
            QueueUrl=url, Attributes={key: wanted[key] for key in wanted if key in names}
        )
    return differences


def _encrypts() -> bool:
    """Emulators do not know server-side encryption; on AWS it is SQS's own key, free of charge."""
    return "endpoint_url" not in queues.client_options()


def _encryption(*, encrypted: bool) -> dict[str, str]:
    return {"SqsManagedSseEnabled": "true"} if encrypted else {}


def _url(sqs: Any, name: str) -> str | None:
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except ClientError as exc:
        if is_missing_queue(exc):
            return None
        raise


def _read(sqs: Any, url: str | None) -> dict[str, str]:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return dict(answer.get("Attributes") or {})


def _differences(queue: str, found: dict[str, str], wanted: dict[str, str]) -> list[Drift]:
    return [
        Drift(queue, key, found.get(key, "(unset)"), value)
        for key, value in wanted.items()
        if _meaning(found.get(key)) != _meaning(value)
    ]


def _meaning(value: str | None) -> Any:
    """An attribute's value to compare: SQS returns policies with other spacing, order and types."""
    if value is None or not value.startswith("{"):
        return value
    policy = json.loads(value)
    return {
        key: sorted(item) if isinstance(item, list) else str(item) for key, item in policy.items()
    }


def main() -> int:
    """``python -m tasks.provision [--check]``."""
    parser = argparse.ArgumentParser(prog="python -m tasks.provision", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    status, text = run(check_only=parser.parse_args().check)
    print(text)  # noqa: T201 - a command's answer
    return status


if __name__ == "__main__":
    raise SystemExit(main())
